/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A decoder that a hostile file has taken over: it does what the file's first word says. */
#include "camera/rawdec/protocol.h"

#include <dirent.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { WIDTH = 8, HEIGHT = 4 };

static struct rawdec_result result;
static size_t size_bytes = RAWDEC_SAMPLES_OFFSET + 2 * WIDTH * HEIGHT;

static void fill_honest(void)
{
    result.magic = RAWDEC_MAGIC;
    result.size_bytes = sizeof(result);
    result.is_confined = 1;
    result.info.fourcc = 'R' | 'G' << 8 | '1' << 16 | '0' << 24;
    result.info.width = WIDTH;
    result.info.height = HEIGHT;
    result.info.stride_bytes = 2 * WIDTH;
    result.info.crop = (struct sisp_rect){0, 0, WIDTH, HEIGHT};
    result.info.orientation = 1;
    result.info.white_level = 1023;
}

/* What the library left open to this process, as a sentence. */
static void list_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    struct dirent *entry;
    result.status = -95;
    while (folder && (entry = readdir(folder))) {
        if (entry->d_name[0] != '.' && atoi(entry->d_name) != dirfd(folder))
            strcat(result.sentence, entry->d_name);
    }
    if (folder)
        closedir(folder);
}

/* A process that outlives this one and can still write the samples. */
static void leave_writer(void)
{
    if (ftruncate(RAWDEC_RESULT_FD, (off_t)size_bytes) == 0)
        mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, RAWDEC_RESULT_FD, 0);
    if (fork() == 0) {
        sleep(1);
        _exit(0);
    }
}

/* Says that the info is final, and goes on as the rest of the word says. */
static void note(const char *rest)
{
    const uint64_t one = 1;
    if (pwrite(RAWDEC_RESULT_FD, &result, sizeof(result), 0) < 0 ||
        write(RAWDEC_NOTE_FD, &one, sizeof(one)) < 0)
        _exit(1);
    if (strcmp(rest, "crash") == 0)
        abort();
    else if (strcmp(rest, "hang") == 0)
        sleep(1000);
    else if (strcmp(rest, "short") == 0)
        size_bytes--;
    else if (strcmp(rest, "other") == 0)
        result.info.height = result.info.crop.height = 2;
    else if (strcmp(rest, "refuse") == 0)
        result.status = -12;
}

static void lie(const char *word)
{
    struct sisp_raw_info *info = &result.info;
    if (strcmp(word, "magic") == 0)
        result.magic++;
    else if (strcmp(word, "layout") == 0)
        result.size_bytes++;
    else if (strcmp(word, "short") == 0)
        size_bytes--;
    else if (strcmp(word, "fourcc") == 0)
        info->fourcc = 0;
    else if (strcmp(word, "width") == 0)
        info->width = 60000;
    else if (strcmp(word, "stride") == 0)
        info->stride_bytes = SIZE_MAX / 2;
    else if (strcmp(word, "crop") == 0)
        info->crop.x = UINT32_MAX;
    else if (strcmp(word, "black") == 0)
        info->black_level[2] = NAN;
    else if (strcmp(word, "white") == 0)
        info->white_level = 1024;
    else if (strcmp(word, "gains") == 0)
        info->has_as_shot = 1;
    else if (strcmp(word, "matrix") == 0)
        info->profile.color_matrix[1][8] = INFINITY;
    else if (strcmp(word, "mesh") == 0)
        info->lsc.cols = info->lsc.rows = 34;
    else if (strcmp(word, "text") == 0)
        memset(info->exif.make, 'x', sizeof(info->exif.make));
    else if (strcmp(word, "status") == 0)
        result.status = -12345;
}

int main(void)
{
    char word[17] = "";
    if (read(RAWDEC_INPUT_FD, word, 16) < 0)
        return 1;
    word[strcspn(word, " \n")] = '\0';
    fill_honest();
    lie(word);
    if (strcmp(word, "crash") == 0)
        abort();
    else if (strcmp(word, "give-up") == 0)
        return 3;
    else if (strcmp(word, "silent") == 0)
        return 0;
    else if (strcmp(word, "hang") == 0)
        sleep(1000);
    else if (strcmp(word, "descriptors") == 0)
        list_descriptors();
    else if (strcmp(word, "writer") == 0)
        leave_writer();
    else if (strncmp(word, "early-", 6) == 0)
        note(word + 6);
    bool is_written = ftruncate(RAWDEC_RESULT_FD, (off_t)size_bytes) == 0 &&
                      pwrite(RAWDEC_RESULT_FD, &result, sizeof(result), 0) > 0;
    return is_written ? 0 : 1;
}
