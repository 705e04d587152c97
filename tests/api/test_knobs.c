/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Knobs by text and by file: what is right is set, and what is not is one sentence. */
#include "harness/test.h"

#include <softisp/softisp.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static struct sisp_knobs knobs;
static char path[] = "/tmp/softisp-knobs-XXXXXX", error[512];

static uint64_t value_of(const char *name)
{
    int index = sisp_knob_find(name);
    return index < 0 ? UINT64_MAX : knobs.value[index];
}

TEST(text_has_units)
{
    static const struct {
        const char *name, *text;
        int result;
        uint64_t value;
    } cases[] = {
        {"slots", "20", 0, 20},
        {"slots", "3", -ERANGE, 0},
        {"slots", "65", -ERANGE, 0},
        {"slots", "20 ms", -EINVAL, 0},
        {"lease", "100", 0, 100},
        {"lease", "100ms", 0, 100},
        {"lease", "100 ms", 0, 100},
        {"lease", "3 s", 0, 3000},
        {"lease", "5000 us", 0, 5},
        {"lease", "5001 us", -EINVAL, 0},
        {"lease", "5 MiB", -EINVAL, 0},
        {"lease", "5  ms", -EINVAL, 0},
        {"lease", "5 ms ", -EINVAL, 0},
        {"lease", "", -EINVAL, 0},
        {"lease", " 5", -EINVAL, 0},
        {"lease", "-5", -EINVAL, 0},
        {"lease", "+5", -EINVAL, 0},
        {"lease", "5.5", -EINVAL, 0},
        {"lease", "1e3", -EINVAL, 0},
        {"lease", "nan", -EINVAL, 0},
        {"lease", "0x10", -EINVAL, 0},
        {"lease", "0", -ERANGE, 0},
        {"lease", "18446744073709551616", -EINVAL, 0},
        {"lease", "18446744073709551615", -ERANGE, 0},
        {"lease", "18446744073709551615 s", -EINVAL, 0},
        {"quota_bytes", "2 GiB", 0, UINT64_C(2) << 30},
        {"quota_bytes", "0", 0, 0},
        {"strict_fifo", "yes", 0, 1},
        {"strict_fifo", "no", 0, 0},
        {"strict_fifo", "ye", -EINVAL, 0},
        {"strict_fifo", "no|yes", -EINVAL, 0},
        {"nonsense", "1", -ENOENT, 0},
        {"", "1", -ENOENT, 0},
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        knobs = (struct sisp_knobs){0};
        CHECK_EQ(sisp_knobs_set(&knobs, cases[i].name, cases[i].text), cases[i].result);
        if (cases[i].result != -ENOENT)
            CHECK_EQ(value_of(cases[i].name), cases[i].value);
    }
}

static int load_bytes(const char *bytes, size_t size)
{
    FILE *file = fopen(path, "w");
    fwrite(bytes, 1, size, file);
    fclose(file);
    knobs = (struct sisp_knobs){0};
    error[0] = '\0';
    return sisp_knobs_load(&knobs, path, error, sizeof(error));
}

static int load(const char *text)
{
    return load_bytes(text, strlen(text));
}

TEST(good_files_are_taken)
{
    CHECK_EQ(load("engine:\n  slots: 20\n  lease: 3 s\n"), 0);
    CHECK_EQ(value_of("slots"), 20);
    CHECK_EQ(value_of("lease"), 3000);
    CHECK_EQ(load("{engine: {slots: '20', quota_bytes: 1 GiB}}"), 0);
    CHECK_EQ(value_of("slots"), 20);
    CHECK_EQ(load(""), 0);
    CHECK_EQ(load("# nothing\n"), 0);
    CHECK_EQ(load("engine:\n  # nothing\n"), 0);
    CHECK_EQ(load("---\nengine: {}\n...\n"), 0);
    CHECK_EQ(value_of("slots"), 0);
}

TEST(wrong_files_are_one_sentence_with_line_and_name)
{
    static const struct {
        const char *text, *sentence; /* behind the file's name */
    } cases[] = {
        {"engine:\n  spare_slots: 0\n",
            ":2: 'spare_slots' takes a whole number from 1 to 63, not '0'"},
        {"engine:\n  lease: nan\n",
            ":2: 'lease' takes a whole number from 1 to 3600000 ms, not 'nan'"},
        {"engine:\n\n  spare_slots:\n",
            ":3: 'spare_slots' takes a whole number from 1 to 63, not ''"},
        {"engine:\n  strict_fifo: perhaps\n",
            ":2: 'strict_fifo' takes one of no|yes, not 'perhaps'"},
        {"engine:\n  slots: [1, 2]\n", ":2: 'slots' takes one value"},
        {"engine:\n  slots: {a: 1}\n", ":2: 'slots' takes one value"},
        {"engine:\n  sloths: 5\n", ":2: there is no knob 'sloths'"},
        {"engine:\n  slots: 5\n  slots: 5\n", ":3: 'slots' is there twice"},
        {"engine:\n  slots: 5\nengine:\n", ":3: 'engine' is there twice"},
        {"motor:\n  slots: 5\n", ":1: there is no section 'motor', only 'engine'"},
        {"engine: 5\n", ":1: 'engine' takes a mapping of knobs and values"},
        {"engine: [1]\n", ":1: 'engine' takes a mapping of knobs and values"},
        {"- engine\n", ":1: a mapping 'engine:' was expected"},
        {"slots\n", ":1: a mapping 'engine:' was expected"},
        {"engine: {? [a] : 1}\n", ":1: a knob's name was expected"},
        {"{[a]: 1}\n", ":1: the name of a section was expected"},
        {"engine: &a {slots: 5}\n", ":1: 'engine' takes a mapping of knobs and values"},
        {"engine:\n  slots: &a 5\n  drop_threshold: *a\n",
            ":2: anchors and tags are not for this file"},
        {"engine:\n  slots: *a\n", ":2: aliases are not for this file"},
        {"engine:\n  slots: !!int 5\n", ":2: anchors and tags are not for this file"},
        {"engine:\n  slots: \"5\\0\"\n", ":2: there is a NUL character"},
        {"engine:\n\tslots: 5\n", ":2: found character that cannot start any token"},
        {"engine: {slots: 5\n", ":2: did not find expected ',' or '}'"},
        {"engine: {}\n---\nengine: {}\n", ":2: there is a second document"},
        {"engine:\n  \"sl\\nots\": 5\n", ":2: there is no knob 'sl?ots'"},
        {"engine:\n  aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee: 5\n",
            ":2: there is no knob 'aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd...'"},
        {"\xff\xfe", ":1: invalid leading UTF-8 octet"},
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        CHECK_EQ(load(cases[i].text), -EINVAL);
        CHECK(strncmp(error, path, strlen(path)) == 0);
        CHECK_STR(error + strlen(path), cases[i].sentence);
        CHECK_EQ(value_of("slots"), 0); /* nothing is changed */
    }
}

static double seconds(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

TEST(hostile_files_cost_little)
{
    static const char *const seeds[] = {"[", "{", "{a: ", "? ", "- ", "&a ", "*a ", "!!", "\"", "'",
        "engine: {slots: [", "engine: ", "engine: {a: ", "|\n ", "%YAML 1.1\n", "#", "\n", " ",
        "\t", "a: &a [*a]\n", "<<: *a\n", ": ", "\\", "\x80", "\xef\xbb\xbf"};
    static char bytes[(64 << 10) + 2];
    double start = seconds();
    for (unsigned i = 0; i < sizeof(seeds) / sizeof(*seeds); i++) {
        size_t length = strlen(seeds[i]);
        for (size_t at = 0; at < (64 << 10); at++)
            bytes[at] = seeds[i][at % length];
        int r = load_bytes(bytes, 64 << 10);
        CHECK(r == -EINVAL || (r == 0 && strchr("#\n ", seeds[i][0])));
        memcpy(bytes, "engine:\n  ", 10);
        CHECK(load_bytes(bytes, 64 << 10) <= 0);
    }
    double took = seconds() - start;
    printf("%.2f s for %u files of 64 KiB\n", took, 2 * (unsigned)(sizeof(seeds) / sizeof(*seeds)));
    CHECK(took < 10);
    memset(bytes, '#', sizeof(bytes));
    CHECK_EQ(load_bytes(bytes, (64 << 10) + 1), -EINVAL);
    CHECK(strstr(error, "larger than 64 KiB") != NULL);
}

TEST(only_files_are_read)
{
    unlink(path);
    CHECK_EQ(sisp_knobs_load(&knobs, path, error, sizeof(error)), -ENOENT);
    CHECK_EQ(sisp_knobs_load(&knobs, path, NULL, 0), -ENOENT);
    CHECK_EQ(sisp_knobs_load(&knobs, "", error, sizeof(error)), -ENOENT);
    REQUIRE(mkfifo(path, 0600) == 0);
    CHECK_EQ(sisp_knobs_load(&knobs, path, error, sizeof(error)), -EINVAL);
    CHECK(strstr(error, "this is not a file") != NULL);
    CHECK_EQ(sisp_knobs_load(&knobs, "/dev/zero", error, sizeof(error)), -EINVAL);
    CHECK_EQ(sisp_knobs_load(&knobs, "/tmp", error, sizeof(error)), -EINVAL);
    unlink(path);
}

static const char *example_path(void)
{
    static char example[4096];
    const char *source = getenv("SOFTISP_SOURCE");
    snprintf(example, sizeof(example), "%s/doc/softisp.yaml", source ? source : ".");
    return example;
}

TEST(the_example_says_the_defaults)
{
    knobs = (struct sisp_knobs){0};
    for (unsigned i = 0; sisp_knob_row(i); i++)
        knobs.value[i] = UINT64_MAX;
    CHECK_EQ(sisp_knobs_load(&knobs, example_path(), error, sizeof(error)), 0);
    for (unsigned i = 0; sisp_knob_row(i); i++) {
        if (knobs.value[i] != sisp_knob_row(i)->value_default)
            printf("doc/softisp.yaml: %s\n", sisp_knob_row(i)->name);
        CHECK_EQ(knobs.value[i], sisp_knob_row(i)->value_default);
    }
}

/* Whatever a file holds, it is taken, or refused in one sentence with its name. */
TEST(damaged_examples_are_taken_or_refused)
{
    static const char bytes_that_matter[] = "\t\n :-?{}[]&*!|>'\"%@`#,\\\x80\xff";
    static char example[16384], damaged[sizeof(example)];
    FILE *file = fopen(example_path(), "r");
    REQUIRE(file != NULL);
    size_t size = fread(example, 1, sizeof(example), file);
    fclose(file);
    REQUIRE(size > 100 && size < sizeof(example));
    unsigned taken = 0, refused = 0;
    srand(3);
    for (unsigned i = 0; i < 3000; i++) {
        memcpy(damaged, example, size);
        for (int n = rand() % 4; n >= 0; n--)
            damaged[(size_t)rand() % size] =
                bytes_that_matter[(size_t)rand() % sizeof(bytes_that_matter)];
        int r = load_bytes(damaged, rand() % 4 ? size : (size_t)rand() % size);
        CHECK(r == 0 ||
              (r == -EINVAL && strncmp(error, path, strlen(path)) == 0 && !strchr(error, '\n')));
        taken += r == 0;
        refused += r != 0;
    }
    CHECK(taken > 100 && refused > 100);
}

TEST(sessions_refuse_knobs_out_of_range)
{
    struct sisp_session_params params = sisp_session_params_default();
    struct sisp_session *session;
    params.info = (struct sisp_raw_info){.fourcc = sisp_raw_format_find("SRGGB8")->fourcc,
        .width = 64,
        .height = 64,
        .stride_bytes = 64,
        .crop = {0, 0, 64, 64},
        .white_level = 255};
    params.preview =
        (struct sisp_picture_params){.format = SISP_PIXEL_RGB24, .width = 64, .height = 64};
    params.threads = 1;
    params.knobs = &knobs;
    knobs = (struct sisp_knobs){0};
    int r = sisp_session_create(&session, &params, error, sizeof(error));
    CHECK_EQ(r, 0);
    sisp_session_destroy(&session);
    knobs.value[sisp_knob_find("quota_bytes")] = 1000;
    r = sisp_session_create(&session, &params, error, sizeof(error));
    CHECK_EQ(r, -EINVAL);
    CHECK(strstr(error, "quota_bytes is 1000") != NULL);
    knobs = (struct sisp_knobs){.value[SISP_KNOBS_MAX - 1] = 1};
    r = sisp_session_create(&session, &params, error, sizeof(error));
    CHECK_EQ(r, -EINVAL);
    CHECK(session == NULL);
}

int main(void)
{
    int fd = mkstemp(path);
    if (fd < 0)
        return 1;
    close(fd);
    RUN(text_has_units);
    RUN(good_files_are_taken);
    RUN(wrong_files_are_one_sentence_with_line_and_name);
    RUN(hostile_files_cost_little);
    RUN(only_files_are_read);
    RUN(the_example_says_the_defaults);
    RUN(damaged_examples_are_taken_or_refused);
    RUN(sessions_refuse_knobs_out_of_range);
    unlink(path);
    return test_report();
}
