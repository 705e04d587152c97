/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * raw_mutate_test [mutations [seed]]: spoils small DNGs in seeded ways and opens them. Each must
 * return in time, with a frame whose every sample can be read or with a sentence, and leave no
 * descriptor and no process behind. A crash of the child is contained, and counted.
 */
#include "tests/camera/raw_common.h"
#include "tests/harness/descriptors.h"

#include "base/base.h"
#include "base/prng.h"
#include "camera/rawdec/protocol.h"

#include <errno.h>
#include <math.h>
#include <softisp/log.h>
#include <sys/wait.h>
#include <time.h>

#define DNG_BYTES_MAX (4u << 20)

struct seed_file {
    uint8_t *bytes;
    size_t size_bytes;
};

static struct seed_file seeds[4];
static unsigned seed_count;
static uint8_t *work;
static struct base_prng prng;
static unsigned mutations = 300;
static unsigned opened, refused, crashed;

static void ignore_log(void *user, enum sisp_log_level level, const char *sentence)
{
}

static void add_seed(FILE *stream)
{
    struct seed_file *seed = &seeds[seed_count];
    if (!stream)
        return;
    seed->bytes = malloc(DNG_BYTES_MAX);
    if (seed->bytes)
        seed->size_bytes = fread(seed->bytes, 1, DNG_BYTES_MAX, stream);
    seed_count += seed->size_bytes > 0;
}

static void load_seeds(void)
{
    static const char *const names[] = {
        "pi_imx296/overexposed_flat.dng.xz", "pi_1920x1200/wheel_b.dng.xz"};
    static const char *const own[] = {TINY_DNG, SOURCE_ROOT "/tests/camera/tiny_jpeg.dng"};
    for (unsigned i = 0; i < 2; i++) {
        FILE *file = fopen(own[i], "rbe");
        add_seed(file);
        if (file)
            fclose(file);
    }
    for (unsigned i = 0; i < 2; i++) {
        char path[PATH_MAX], command[PATH_MAX + 16];
        if (!shared_path(path, names[i]))
            continue;
        snprintf(command, sizeof(command), "xz -dc '%s'", path);
        FILE *pipe = popen(command, "re");
        add_seed(pipe);
        if (pipe)
            pclose(pipe);
    }
}

static uint32_t below(size_t bound)
{
    return base_prng_below(&prng, (uint32_t)bound);
}

static void store_le(uint8_t *bytes, uint32_t value, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        bytes[i] = (uint8_t)(value >> 8 * i);
}

static void flip_bits(size_t size_bytes)
{
    for (uint32_t left = 1 + below(8); left > 0; left--)
        work[below(size_bytes)] ^= (uint8_t)(1 << below(8));
}

static void fill_block(size_t size_bytes)
{
    size_t at = below(size_bytes), length = 1 + below(64);
    for (size_t i = at; i < at + length && i < size_bytes; i++)
        work[i] = (uint8_t)below(256);
}

/** A random entry of IFD 0, or NULL. */
static uint8_t *random_entry(size_t size_bytes)
{
    size_t ifd = load_le(work + 4, 4);
    if (ifd + 2 > size_bytes)
        return NULL;
    size_t count = load_le(work + ifd, 2);
    if (count == 0 || ifd + 2 + 12 * count > size_bytes)
        return NULL;
    return work + ifd + 2 + 12 * (size_t)below(count);
}

static void edit_tag(size_t size_bytes)
{
    static const uint32_t nasty[] = {0, 1, 2, 3, 7, 8, 255, 0x7fff, 0xffff, 0x10000, 0x7fffffff,
        0x80000000, 0xfffffff0, 0xffffffff};
    uint8_t *entry = random_entry(size_bytes);
    if (!entry)
        return;
    uint32_t value = below(3) == 0 ? (uint32_t)base_prng_next(&prng)
                                   : nasty[below(sizeof(nasty) / sizeof(nasty[0]))];
    switch (below(4)) {
    case 0:
        store_le(entry + 2, below(16), 2); /* type */
        break;
    case 1:
        store_le(entry + 4, value, 4); /* count */
        break;
    case 2:
        store_le(entry, 254 + below(52000), 2); /* tag */
        break;
    default:
        store_le(entry + 8, value, 4); /* value or offset */
    }
}

static void swap_entries(size_t size_bytes)
{
    uint8_t *a = random_entry(size_bytes), *b = random_entry(size_bytes), saved[8];
    if (!a || !b)
        return;
    memcpy(saved, a + 4, 8);
    memcpy(a + 4, b + 4, 8);
    memcpy(b + 4, saved, 8);
}

/** Spoil what a tag points at: opcode lists, matrices, patterns. */
static void edit_data(size_t size_bytes)
{
    uint8_t *entry = random_entry(size_bytes);
    size_t at = entry ? load_le(entry + 8, 4) : 0;
    if (entry && at < size_bytes)
        work[at + below(size_bytes - at < 256 ? size_bytes - at : 256)] =
            (uint8_t)(below(2) ? 0xff : below(256));
}

static size_t mutate(void)
{
    const struct seed_file *seed = &seeds[below(4) == 0 ? below(seed_count) : 0];
    size_t size_bytes = seed->size_bytes;
    memcpy(work, seed->bytes, size_bytes);
    void (*const kinds[])(size_t) = {
        flip_bits, fill_block, edit_tag, edit_tag, swap_entries, edit_data, edit_data};
    for (uint32_t left = 1 + below(3); left > 0; left--) {
        if (below(12) == 0)
            size_bytes = 1 + below(size_bytes);
        else if (size_bytes >= 16)
            kinds[below(sizeof(kinds) / sizeof(kinds[0]))](size_bytes);
    }
    return size_bytes;
}

static void check_frame(const struct sisp_raw_file *file)
{
    const struct sisp_raw_info *info = sisp_raw_file_info(file);
    const uint8_t *samples = sisp_raw_file_samples(file);
    uint32_t max = (1u << sisp_raw_info_format(info)->bits) - 1;
    uint64_t above = 0;
    for (uint32_t y = 0; y < info->height; y++) {
        for (uint32_t x = 0; x < info->width; x++)
            above += load_le(samples + y * info->stride_bytes + 2 * (size_t)x, 2) > max;
    }
    CHECK_EQ(above, 0);
    CHECK(info->crop.x + info->crop.width <= info->width);
    CHECK(info->crop.y + info->crop.height <= info->height);
    CHECK(isfinite(info->white_level) && info->black_level[0] < info->white_level);
}

static void run_one(unsigned number)
{
    const struct sisp_raw_open_params params = {0};
    struct sisp_raw_file *file;
    struct timespec begin, end;
    char error[256];
    size_t size_bytes = mutate();
    clock_gettime(CLOCK_MONOTONIC, &begin);
    int status = open_bytes(&file, work, size_bytes, &params, error);
    clock_gettime(CLOCK_MONOTONIC, &end);
    CHECK(end.tv_sec - begin.tv_sec < 15);
    CHECK(status <= 0);
    if (status == 0) {
        opened++;
        check_frame(file);
    } else {
        refused++;
        CHECK(strlen(error) > 10);
        CHECK(file == NULL);
    }
    if (strstr(error, "crashed") || strstr(error, "gave up")) {
        crashed++;
        printf("mutation %u: %s\n", number, error);
    }
    sisp_raw_file_destroy(&file);
    if (!test_ok)
        printf("at mutation %u: status %d, %s\n", number, status, error);
}

TEST(mutations_do_no_harm)
{
    unsigned before = count_descriptors();
    for (unsigned i = 0; i < mutations && test_ok; i++)
        run_one(i);
    CHECK_EQ(count_descriptors(), before);
    CHECK_EQ(waitpid(-1, NULL, WNOHANG), -1);
    CHECK_EQ(errno, ECHILD);
#ifdef BASE_SANITIZED
    /* Sanitizers look at our part of the child: LibRaw is not built with them. */
    CHECK_EQ(crashed, 0);
#endif
    /* Else the mutations are too mild or too wild to say anything. */
    CHECK(opened > mutations / 20 && refused > mutations / 20);
    printf("%u opened, %u refused, %u of them crashes\n", opened, refused, crashed);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        mutations = (unsigned)strtoul(argv[1], NULL, 10);
    prng.state = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    sisp_log_set(SISP_LOG_ERROR, ignore_log, NULL);
    work = malloc(DNG_BYTES_MAX);
    load_seeds();
    if (!work || seed_count == 0)
        return 1;
    RUN(mutations_do_no_harm);
    for (unsigned i = 0; i < seed_count; i++)
        free(seeds[i].bytes);
    free(work);
    return test_report();
}
