/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_mutate [mutations [seed]]: spoils tuning files in seeded ways; the fuzz target judges. */
#include "fuzz/fuzz.h"
#include "tests/harness/test.h"
#include "tests/tuning/shared.h"

#include "base/prng.h"

#define BYTES_MAX (128u << 10)

static const char small[] =
    "{ \"version\": 2.0, \"target\": \"pisp\", \"algorithms\": [\n"
    "{ \"rpi.black_level\": { \"black_level\": 4096 } },\n"
    "{ \"rpi.noise\": { \"reference_constant\": 0, \"reference_slope\": 3.67 } },\n"
    "{ \"rpi.lux\": { \"reference_shutter_speed\": 27685, \"reference_gain\": 1.0,\n"
    " \"reference_lux\": 998, \"reference_Y\": 12744 } },\n"
    "{ \"rpi.awb\": { \"priors\": [ { \"lux\": 0, \"prior\": [ 2000, 1.0, 3000, 0.0 ] },\n"
    " { \"lux\": 800, \"ct\": [ 2000, 6000 ], \"probability\": [ 0, 1 ] } ],\n"
    " \"ct_curve\": [ 2860, 0.95, 0.39, 6000, 0.5, 0.8 ], \"transverse_pos\": 0.04 } },\n"
    "{ \"rpi.contrast\": { \"gamma_curve\": [ 0, 0, 1024, 5040, 65535, 65535 ] } },\n"
    "{ \"rpi.ccm\": { \"ccms\": [ { \"ct\": 2860, \"ccm\": [ 2, -1, 0, -0.5, 2, -0.5, 0, -1, 2 ]\n"
    " }, { \"ct\": 6000, \"ccm\": [ 2, -1, 0, -0.5, 2, -0.5, 0, -1, 2 ] } ] } },\n"
    "{ \"LensShadingCorrection\": { \"x-size\": [ 0.5 ], \"y-size\": [ 0.5 ], \"sets\": [\n"
    " { \"ct\": 5000, \"r\": [ 1024, 1024, 1024, 1024, 1024, 1024, 1024, 1024, 1024 ],\n"
    " \"gr\": [ 1024, 1024, 1024, 1024, 1024, 1024, 1024, 1024, 1024 ],\n"
    " \"gb\": [ 1024, 1024, 1024, 1024, 1024, 1024, 1024, 1024, 1024 ],\n"
    " \"b\": [ 1024, 1024, 1024, 1024, 1024, 1024, 1024, 1024, 1024 ] } ] } } ] }\n";

static struct base_prng prng = {1};
static unsigned mutations = 4000;
static uint8_t bytes[BYTES_MAX];
static size_t size_bytes;

static void spoil(void)
{
    static const char *const words[] = {"{", "}", "[", "]", ",", ":", "\"", "-", "1e9", "nan", "\n",
        "\t", "&a ", "*a", "!t ", "- ", "0", "99999999999999999999", "null", "---\n", "\xff", "%"};
    uint32_t at = base_prng_below(&prng, (uint32_t)size_bytes);
    uint32_t length = base_prng_below(&prng, 12) + 1;
    switch (base_prng_below(&prng, 4)) {
    case 0:
        bytes[at] ^= (uint8_t)(1u << base_prng_below(&prng, 8));
        return;
    case 1: /* cut out */
        length = length > size_bytes - at ? (uint32_t)(size_bytes - at) : length;
        memmove(bytes + at, bytes + at + length, size_bytes - at - length);
        size_bytes -= length;
        return;
    case 2: { /* put in */
        const char *word = words[base_prng_below(&prng, sizeof(words) / sizeof(words[0]))];
        size_t n = strlen(word);
        if (size_bytes + n > BYTES_MAX)
            return;
        memmove(bytes + at + n, bytes + at, size_bytes - at);
        memcpy(bytes + at, word, n);
        size_bytes += n;
        return;
    }
    default: /* end early, seldom */
        size_bytes = base_prng_below(&prng, 10) ? size_bytes : at + 1;
    }
}

/* The target aborts where a reading breaks its promises. */
static void run_mutations(const void *seed, size_t seed_bytes, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        memcpy(bytes, seed, seed_bytes);
        size_bytes = seed_bytes;
        for (uint32_t n = base_prng_below(&prng, 4) + 1; n > 0 && size_bytes > 0; n--)
            spoil();
        CHECK_EQ(LLVMFuzzerTestOneInput(bytes, size_bytes), 0);
    }
}

TEST(a_small_file_spoiled)
{
    run_mutations(small, sizeof(small) - 1, mutations);
}

TEST(real_files_spoiled)
{
    static uint8_t seed[BYTES_MAX];
    char path[PATH_MAX];
    if (!shared_tuning(path, shared_tunings[0]))
        SKIP("no shared data");
    for (unsigned i = 0; i < SHARED_TUNINGS; i++) {
        REQUIRE(shared_tuning(path, shared_tunings[i]));
        FILE *file = fopen(path, "rbe");
        REQUIRE(file);
        size_t seed_bytes = fread(seed, 1, sizeof(seed), file);
        fclose(file);
        run_mutations(seed, seed_bytes, mutations / 400);
    }
}

int main(int argc, char **argv)
{
    if (argc > 1)
        mutations = (unsigned)strtoul(argv[1], NULL, 10);
    if (argc > 2)
        prng.state = strtoull(argv[2], NULL, 10);
    RUN(a_small_file_spoiled);
    RUN(real_files_spoiled);
    return test_report();
}
