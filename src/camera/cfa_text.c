/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <softisp/raw.h>

#include <stdio.h>

const char *sisp_cfa_check_text(const struct sisp_cfa_check *check, char *text, size_t text_size)
{
    const char *first = sisp_cfa_name(check->likely[0]), *second = sisp_cfa_name(check->likely[1]);
    switch (check->verdict) {
    case SISP_CFA_UNKNOWN:
    case SISP_CFA_PLAUSIBLE:
        return NULL;
    case SISP_CFA_OTHER:
        snprintf(text, text_size,
            "the CFA order is probably wrong: the picture has its greens where %s or %s has them "
            "(a driver that flips the picture must flip the order too)",
            first, second);
        break;
    case SISP_CFA_MONO:
        snprintf(text, text_size,
            "the frames are probably monochrome: all four places of the CFA's cells are alike");
        break;
    case SISP_CFA_MOSAIC:
        snprintf(text, text_size,
            "the frames are probably not monochrome: they look like a mosaic of order %s or %s",
            first, second);
        break;
    }
    return text;
}
