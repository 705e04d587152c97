/* SPDX-License-Identifier: GPL-3.0-or-later */
/* softisp-rawdec: decodes the raw file on descriptor 3 into the memfd on descriptor 4. Started by
 * the library alone (see protocol.h). */
#include "camera/rawdec/rawdec.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static struct rawdec_result result;

int rawdec_say(struct rawdec_result *r, int status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(r->sentence, sizeof(r->sentence), format, arguments);
    va_end(arguments);
    return status;
}

static const uint8_t *map_input(size_t *size_bytes)
{
    struct stat facts;
    if (fstat(RAWDEC_INPUT_FD, &facts) < 0 || facts.st_size <= 0 ||
        facts.st_size > RAWDEC_FILE_BYTES_MAX)
        return NULL;
    *size_bytes = (size_t)facts.st_size;
    void *bytes = mmap(NULL, *size_bytes, PROT_READ, MAP_PRIVATE, RAWDEC_INPUT_FD, 0);
    return bytes == MAP_FAILED ? NULL : bytes;
}

static bool write_result(const struct rawdec_result *r)
{
    return pwrite(RAWDEC_RESULT_FD, r, sizeof(*r), 0) == (ssize_t)sizeof(*r);
}

bool rawdec_tell(const struct rawdec_result *r)
{
    const uint64_t one = 1;
    return write_result(r) && write(RAWDEC_NOTE_FD, &one, sizeof(one)) == (ssize_t)sizeof(one);
}

/* A refusal leaves no samples, but a file long enough to hold the result. */
static bool deliver(void)
{
    if (result.status < 0 && ftruncate(RAWDEC_RESULT_FD, RAWDEC_SAMPLES_OFFSET) < 0)
        return false;
    return write_result(&result);
}

int main(void)
{
    size_t size_bytes;
    const uint8_t *bytes = map_input(&size_bytes);
    if (!bytes)
        return EXIT_FAILURE;
    result.magic = RAWDEC_MAGIC;
    result.size_bytes = sizeof(result);
    result.is_confined = rawdec_confine();
    result.status = rawdec_decode(&result, bytes, size_bytes);
    /* Past the destructors of the libraries: they have nothing to do here but to go wrong. */
    _exit(deliver() ? EXIT_SUCCESS : EXIT_FAILURE);
}
