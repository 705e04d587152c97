/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/engine.h"
#include "platform/dmabuf.h"

#include <errno.h>

_Static_assert((int)ENG_MEMORY_MEMFD == (int)PLAT_MEMORY_MEMFD &&
                   (int)ENG_MEMORY_UDMABUF == (int)PLAT_MEMORY_UDMABUF &&
                   (int)ENG_MEMORY_DMA_HEAP == (int)PLAT_MEMORY_DMA_HEAP,
    "the platform's kinds come first");

/* Descriptors and pages are everywhere. */
int eng_memory_probe(enum eng_memory memory)
{
    return memory >= ENG_MEMORY_IMPORTED ? 0 : plat_memory_probe((enum plat_memory_kind)memory);
}

int eng_memory_measure(enum eng_memory memory, double *ratio)
{
    if (memory == ENG_MEMORY_PRIVATE) {
        *ratio = 1;
        return 0;
    }
    return memory == ENG_MEMORY_IMPORTED
               ? -EINVAL
               : plat_memory_measure((enum plat_memory_kind)memory, ratio);
}
