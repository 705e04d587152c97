/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * ISP: pure functions on images. No thread, clock, heap, file or print; scratch memory and state
 * are arguments. Everything a worker may call is here.
 *
 * A recipe is made once per change of coefficients (isp_*_compile), then bands of output rows are
 * developed from it in any order, by any number of threads, each with scratch of its own: any
 * cutting gives the same bits. Samples outside the crop are mirrored (sample -1 is sample 1).
 */
#ifndef ISP_ISP_H
#define ISP_ISP_H

#include <softisp/coefficients.h>
#include <softisp/params.h>
#include <softisp/raw.h>
#include <softisp/stats.h>
#include <softisp/tuning.h>

/* ---- levels of instruction sets -------------------------------------------------------- */

/** Fixed names; which of them exist depends on the machine the library was built for. */
enum isp_isa {
    ISP_ISA_BASE, /* x86-64 SSE2 */
    ISP_ISA_V2,   /* x86-64-v2: SSSE3, SSE4.2 */
    ISP_ISA_V3,   /* x86-64-v3: AVX2 */
    ISP_ISA_V4,   /* x86-64-v4: AVX-512 F, BW, CD, DQ, VL */
    ISP_ISA_NEON, /* AArch64 */
    ISP_ISA_COUNT,
};

const char *isp_isa_name(enum isp_isa isa);

/** Level of that name, "auto" for the best one that build and CPU have. -EINVAL: no such name;
 * -ENOTSUP: not in this build or not on this CPU. */
int isp_isa_find(const char *name);

/* ---- geometry -------------------------------------------------------------------------- */

/** What is fixed for a stream: sizes and formats. */
struct isp_geometry {
    uint32_t raw_fourcc; /* CFA of sample (0, 0) of the raw frame */
    uint32_t raw_width, raw_height;
    size_t raw_stride_bytes;
    struct sisp_rect crop; /* inside the raw frame; any origin, any size >= 2x2 */
    enum sisp_pixel_format format;
    uint32_t width, height; /* of the output as it is turned: the crop's size, or smaller (area
                               mean, linear light) */
    enum sisp_orientation orientation; /* of the output */
};

/** 0, or -EINVAL where sizes do not fit each other or a format is unknown; -ENOTSUP for an
 * output larger than the crop. */
int isp_geometry_check(const struct isp_geometry *geometry);

/** The raw format of that fourcc, or NULL. */
const struct sisp_raw_format *isp_geometry_format(const struct isp_geometry *geometry);

/** What a monochrome frame takes of the coefficients: site Gr's black level and shading for all
 * sites, no white balance, no green balance, and a matrix that makes grey of a cell. */
void isp_mono_coefficients(struct sisp_coefficients *mono, const struct sisp_coefficients *c);

/* ---- fast path: 16-bit integers, one pass (FastISP) -------------------------------------- */

struct isp_fast_recipe;

/** Bytes a recipe takes, whatever the coefficients; 64-byte alignment. */
size_t isp_fast_recipe_size(const struct isp_geometry *geometry);

/** 0, or -EINVAL for coefficients outside their ranges (NaN included). */
int isp_fast_compile(struct isp_fast_recipe *recipe, const struct isp_geometry *geometry,
    const struct sisp_coefficients *coefficients, enum isp_isa isa);

/** Bytes of scratch for one thread; 64-byte alignment. */
size_t isp_fast_scratch_size(const struct isp_geometry *geometry);

/** What bands cut a picture into: its rows, or the columns of a transposed one. */
uint32_t isp_fast_lines(const struct isp_geometry *geometry);

/** Bands of a transposed picture are best multiples of so many columns. */
#define ISP_FAST_TURNED 64

/**
 * Develop lines y0..y1-1 of the output (y1 <= isp_fast_lines(); both even for NV12 and P010, and
 * for any transposed picture, unless y1 is the end).
 * stats: may be NULL; else the sums of this band's share are *added*: every row of cells is counted
 * by exactly one band, so that bands 0..height give the frame's statistics.
 */
void isp_fast_band(const struct isp_fast_recipe *recipe, const uint8_t *raw,
    const struct sisp_image *out, uint32_t y0, uint32_t y1, void *scratch,
    struct sisp_stats *stats);

/**
 * Two pictures from one pass over the raw frame, bit by bit those that two passes would make: both
 * of the same crop, each of its own size and format; orientation and coefficients are the first's.
 */
struct isp_fast_pair {
    const struct isp_fast_recipe *recipes[2]; /* [1] by isp_fast_compile_second() */
    const struct sisp_image *outs[2];
};

/** The second picture's recipe: 0, or -EINVAL, -ENOTSUP for a geometry that does not fit. It lives
 * no longer than the first, which was made of these coefficients. */
int isp_fast_compile_second(struct isp_fast_recipe *second, const struct isp_fast_recipe *first,
    const struct isp_geometry *geometry, const struct sisp_coefficients *coefficients);

/** Bytes of scratch for one thread that makes both; 64-byte alignment. */
size_t isp_fast_pair_scratch_size(const struct isp_geometry geometries[2]);

/** Lines y0..y1-1 of the first picture, as isp_fast_band() makes them, and those of the second
 * that belong to them: bands 0..isp_fast_lines() give both. */
void isp_fast_band_pair(const struct isp_fast_pair *pair, const uint8_t *raw, uint32_t y0,
    uint32_t y1, void *scratch, struct sisp_stats *stats);

/** Add the statistics of other bands of the same frame. */
void isp_stats_add(struct sisp_stats *sum, const struct sisp_stats *part);

/* ---- still path: 32-bit floats (SlowISP) ------------------------------------------------- */

struct isp_still_recipe;
size_t isp_still_recipe_size(const struct isp_geometry *geometry);

/** 0, or -EINVAL for coefficients outside their ranges and what isp_still_band() does not do. */
int isp_still_compile(struct isp_still_recipe *recipe, const struct isp_geometry *geometry,
    const struct sisp_coefficients *coefficients, enum isp_isa isa);
size_t isp_still_scratch_size(const struct isp_geometry *geometry);

/** The linear level, [1/4096,1], of which that tone curve makes middle grey. */
float isp_still_middle_grey(const float tone[SISP_TONE_KNOTS]);

/** For highlight recovery: where the sensor saturates, from a sixteenth of a raw as it came, whose
 * levels are those of `coefficients`, and of which or of whose burst the recipe makes a picture.
 * Without it samples count as clipped from nine tenths of the white level on. */
void isp_still_find_clip(struct isp_still_recipe *recipe, const struct isp_geometry *geometry,
    const struct sisp_coefficients *coefficients, const uint8_t *raw);

/**
 * Local tone mapping looks at the whole frame first: whether it does. Then bands of rows y0..y1-1
 * (both multiples of isp_still_survey_rows() unless y1 is the end) fill in the survey, the plan
 * follows them, all its parts in any order or at the same time, and the recipe lives no longer than
 * the survey. survey: 64-byte alignment.
 */
int isp_still_has_survey(const struct isp_still_recipe *recipe);
size_t isp_still_survey_size(const struct isp_geometry *geometry);
uint32_t isp_still_survey_rows(const struct isp_geometry *geometry);
void isp_still_survey_band(const struct isp_still_recipe *recipe, const uint8_t *raw, uint32_t y0,
    uint32_t y1, void *survey);
#define ISP_STILL_PLAN_PARTS 2
void isp_still_plan(struct isp_still_recipe *recipe, void *survey, unsigned part);

/** Like isp_fast_band(), for RGB24, XRGB8888 and RGBA64 at the crop's size, as the sensor sees it;
 * takes no statistics. */
void isp_still_band(const struct isp_still_recipe *recipe, const uint8_t *raw,
    const struct sisp_image *out, uint32_t y0, uint32_t y1, void *scratch);

/* ---- floor: 2x2 binning (RawISP) ---------------------------------------------------------- */

/**
 * Develop output rows from means of 2x2 cells, nearest cell, with the coefficients' black level,
 * white balance, CCM and tone. Needs no scratch and no compile step; cannot fail. All formats.
 */
void isp_floor_band(const struct isp_geometry *geometry,
    const struct sisp_coefficients *coefficients, const uint8_t *raw, const struct sisp_image *out,
    uint32_t y0, uint32_t y1);

/* ---- statistics without a picture (the first frame of a stream, or a single file) ----------- */

/** Statistics of a whole raw frame under `coefficients` (their WB is recorded in stats), on every
 * fourth row of cells; row sums between are 0. Scratch as for the fast path. */
void isp_stats_measure(const struct isp_fast_recipe *recipe, const uint8_t *raw, void *scratch,
    struct sisp_stats *stats);

/* ---- automatic control: statistics to coefficients (FastAlgo, SlowAlgo) --------------------- */

#define ISP_FLICKER_ROWS  128
#define ISP_FLICKER_LAMPS 2 /* on mains of 50 and 60 Hz */

/** What frames said of one lamp, older ones less. */
struct isp_flicker_evidence {
    float re, im; /* of found x conjugate of expected, at the lamp's phase of the latest frame */
    float expected, expected_squares, found; /* squares of both, and of those */
};

/** What is known of flicker, from frame to frame. {0} is the start. */
struct isp_flicker_state {
    uint64_t start_ns;                /* of the frame that was looked at last; 0: none yet */
    float exposure_us, log2_exposure; /* that were in force then: time, and time x gain */
    uint32_t row_count;
    float row_log2[ISP_FLICKER_ROWS];
    struct isp_flicker_evidence evidence[ISP_FLICKER_LAMPS];
    uint32_t lamp;                      /* that was found; 0: none, 1: 100 Hz, 2: 120 Hz */
    struct isp_flicker_evidence left;   /* bands that it cannot make, by its phase all the same */
    uint32_t barred[ISP_FLICKER_LAMPS]; /* frames for which such bands are no lamp */
    uint32_t compared;                  /* frames, up to those that a probe waits for */
    uint32_t probe, probe_share;        /* frames of it so far, and its exposure in sixteenths */
    float probed_log2;                  /* time x gain at the last one */
};

#define ISP_LAG_MAX 5 /* frames between what a sensor shows of time and of gain */

#define ISP_BLACK_ACROSS 24
#define ISP_BLACK_DOWN   16
#define ISP_BLACK_BLOCKS (ISP_BLACK_ACROSS * ISP_BLACK_DOWN)

/** What one raw frame says of its black level, in raw codes. {0}: nothing. */
struct isp_black_sample {
    uint32_t mode; /* how it was measured: enum sisp_black_mode; SISP_BLACK_STATED: not at all */
    float level[SISP_SITE_COUNT];   /* of samples that no light reaches */
    float blocks[ISP_BLACK_BLOCKS]; /* SISP_BLACK_LEARNED: means of small blocks of the picture */
    float error; /* that noise leaves in a level, or in the darkest block: one sigma */
};

/** Lives from frame to frame: version n is read, version n + 1 is written. {0} is the start. */
struct isp_auto_state {
    uint32_t frames;   /* steps made from statistics; 0: the next measurement is taken whole */
    float wb_gains[3]; /* smoothed */
    float wb_confidence;
    float wb_measured_log2[2]; /* red and blue gain that the light asks for, noise taken off */
    uint32_t wb_at_rest;       /* the balance stays until the light is clearly another */
    float log2_exposure; /* smoothed EV: total of sensor exposure x gain asked for, re 1 us x 1 */
    float exposure_us, analogue_gain; /* wanted of the sensor, both in the same frame */
    /* The same of frames before, latest first, 0: none; and the next request to the sensor, where
     * what takes longer to hold comes earlier. */
    float asked_us[ISP_LAG_MAX], asked_gain[ISP_LAG_MAX];
    float request_us, request_gain;
    float log2_picture; /* smoothed EV: the total that the picture is to look like, alike */
    float exposure_ev;  /* smoothed digital part */
    uint32_t sensor_at_rest, picture_at_rest; /* the totals stay until the error is large again */
    uint32_t is_metered;   /* live, and the exposure is what was measured: it can be held */
    float metered_wish_ev; /* of the user, in it */
    struct isp_flicker_state flicker;
    uint32_t black_mode; /* how the levels were measured; SISP_BLACK_STATED: not at all */
    float black_level[SISP_SITE_COUNT], black_confidence;
    float black_error; /* of learned ones, one sigma in raw codes; 0: nothing is known */
    float black_blocks[ISP_BLACK_BLOCKS];    /* of the frame before, where they are learned */
    float black_reference[ISP_BLACK_BLOCKS]; /* of one black_age frames before that */
    uint32_t black_age;
};

/** All that automatic control may look at for one frame. */
struct isp_auto_input {
    const struct sisp_raw_info *info; /* of this frame, applied exposure and gain included */
    const struct sisp_params *params;
    const struct sisp_tuning *tuning;             /* NULL: none */
    const struct sisp_stats *stats;               /* latest; NULL: none, then defaults */
    float stats_exposure_us, stats_analogue_gain; /* in force when stats were taken; 0: unknown */
    uint64_t stats_start_ns; /* readout of their first row, by the sensor's clock; 0: unknown */
    float line_us;           /* from one row's readout to the next; 0: unknown */
    /* Ranges of the sensor; all zero: it cannot be controlled, brightness is digital (tone curve).
     */
    float exposure_us_min, exposure_us_max, analogue_gain_min, analogue_gain_max;
    /* From a request to the first frame that shows it; only the difference counts. */
    uint32_t exposure_delay_frames, gain_delay_frames;
    int is_live; /* smooth from `previous`; else take the measurement whole */
    const struct isp_black_sample *black; /* of this very frame; NULL: it was not looked at */
};

/** Whether the frame has samples that no light reaches, enough of them to measure. */
int isp_black_has_dark(const struct sisp_raw_info *info);

/** How this frame's black level is to be measured; SISP_BLACK_STATED: not at all. */
enum sisp_black_mode isp_black_due(const struct isp_auto_input *input);

/** Measure it so. info: sizes and `crop` fit each other. */
void isp_black_measure(const struct sisp_raw_info *info, enum sisp_black_mode mode,
    const uint8_t *raw, struct isp_black_sample *out);

/**
 * One step: AWB (Bayesian along the colours of light, else grey world), AE, CCM by colour
 * temperature, tone curve, then the rule engine (normalise, smooth, limit the step, clamp). Never
 * fails: bad statistics give defaults with confidence 0.
 */
void isp_auto_step(const struct isp_auto_input *input, const struct isp_auto_state *previous,
    struct isp_auto_state *next, struct sisp_coefficients *out);

/** Coefficients before anything was measured: black level, mesh and as-shot balance of file or
 * tuning, else daylight of tuning or profile, else neutral; what isp_stats_measure() is run with.
 */
void isp_coefficients_init(struct sisp_coefficients *out, const struct sisp_raw_info *info,
    const struct sisp_params *params, const struct sisp_tuning *tuning);

/** What a DNG says of a camera's colour: the tuning's, else the raw file's own, else a stated
 * default by which what these gains balance is white. */
void isp_profile_make(const struct sisp_raw_info *info, const struct sisp_tuning *tuning,
    const float wb_gains[3], struct sisp_color_profile *out);

/* ---- burst (SlowAlgo, SlowISP) -------------------------------------------------------------- */

#define ISP_BURST_MAX 16

/** What a frame was taken with; 0: unknown, then as the reference. */
struct isp_burst_exposure {
    float time_us, analogue_gain;
};

/** Raw frames of one geometry, in the order in which they were taken. */
struct isp_burst {
    const struct isp_geometry *geometry;
    const struct sisp_coefficients *coefficients;
    const uint8_t *const *raws;
    uint32_t count, reference; /* 1 to 16; the frame that the picture is of */
    enum isp_isa isa;
    const struct isp_burst_exposure *exposures; /* of each frame; NULL: all alike */
};

/** What a frame tells beside the reference; errors are one sigma, 0: nothing. */
struct isp_burst_clue {
    float black, black_error; /* raw codes, above the stated level */
    float gain;               /* brightness of the reference over the frame's, by that black */
    float falloff, falloff_error;
};

/** Whole Bayer periods: frame i, moved by (dx, dy) samples (even numbers), lies on the reference.
 */
struct isp_burst_transform {
    int32_t dx[ISP_BURST_MAX], dy[ISP_BURST_MAX];
    /* Mean absolute difference once the frame's motion (shift, turn, scale) is taken away, to 2
     * samples, in noise sigmas: 0.8 where only noise differs; FLT_MAX: nothing can be compared. */
    float residual[ISP_BURST_MAX];
    /* Brightness of the reference over the frame's: exposures differ, lamps flicker. */
    float gain[ISP_BURST_MAX];
    /* Variance of the frame's noise, once it is as bright, over that of the reference's. */
    float noise[ISP_BURST_MAX];
    uint32_t used;   /* bit i: frame i takes part */
    uint32_t copies; /* bit i: it does not, since its samples are those of another frame */
    uint32_t reference;
    float noise_shot, noise_read; /* the coefficients', or estimated where they are unknown */
    float noise_error, noise_confidence; /* struct isp_noise; 0 and 1 where it is stated */
    /* By how much black is above the stated level, raw codes, and of lens shading beyond what is
     * corrected the natural logarithm between middle and corners; error 0: nothing is known. */
    float black_offset, black_error, falloff, falloff_error;
    struct isp_burst_clue clues[ISP_BURST_MAX];
};

/** What frames show of their noise. */
struct isp_noise {
    float shot, read; /* variance = shot * x + read; 0, 0: they do not show it */
    float error;      /* of the variance where most was seen, relative, one sigma */
    float confidence; /* [0,1]; low where it may be texture */
};

size_t isp_noise_scratch_size(void);

/** Of the reference alone, or of its difference to those frames (bit i: frame i), which lie on it
 * by the transform. 4096 windows of 16x16 samples at most, however large and many the frames. */
void isp_noise_estimate(const struct isp_burst *burst, const struct isp_burst_transform *transform,
    uint32_t frames, void *scratch, struct isp_noise *out);

size_t isp_burst_align_scratch_size(const struct isp_geometry *geometry);

struct isp_burst_task {
    uint32_t phase, task;
};

/** One shift and gain for each whole frame, and the noise model: begin, then phase after phase. The
 * tasks of a phase run in any order and on any threads at once. */
void isp_burst_align_begin(const struct isp_burst *burst, struct isp_burst_transform *out);
uint32_t isp_burst_align_phases(const struct isp_burst *burst);
uint32_t isp_burst_align_tasks(const struct isp_burst *burst, uint32_t phase);
void isp_burst_align_run(const struct isp_burst *burst, struct isp_burst_transform *transform,
    void *scratch, const struct isp_burst_task *task);

/** Black level by frames exposed unlike, lens shading by those that lie apart: once they are
 * aligned, each frame by itself, then what they say together. */
size_t isp_burst_refine_scratch_size(void);
void isp_burst_refine_frame(const struct isp_burst *burst, struct isp_burst_transform *transform,
    uint32_t frame, void *scratch);

#define ISP_REFINE_BLACK   1U
#define ISP_REFINE_SHADING 2U

/** Change what is wanted and differs by three sigmas (shading: four) of an error that is small.
 * Returns what was changed. */
uint32_t isp_burst_refine(const struct isp_burst *burst, struct isp_burst_transform *transform,
    uint32_t wanted, struct sisp_coefficients *coefficients);

#define ISP_BURST_VECTOR_UNIT 16 /* of a vector, to a sample */

/** What lies at (x, y) in the reference lies at (x, y) + vector in the frame. */
struct isp_burst_vector {
    int16_t x, y; /* in 1/ISP_BURST_VECTOR_UNIT of a sample */
};

/** Blocks of 8x8 samples along a side. */
static inline uint32_t isp_burst_blocks(uint32_t samples)
{
    return (samples + 7) / 8;
}

/** Bytes of the vectors of all blocks of `count` frames: [frame][block row][block]. */
size_t isp_burst_field_size(const struct isp_geometry *geometry, uint32_t count);

size_t isp_burst_follow_scratch_size(const struct isp_geometry *geometry);

/** Follow every block from the shifts on, frame by frame outwards from the reference, so that what
 * moves by itself is followed: begin, then phase after phase, likewise. A frame's phases write its
 * residual and take a frame that looks like another scene out of those used. Vectors of the
 * reference and of frames left out are zero. */
void isp_burst_follow_begin(const struct isp_burst *burst,
    const struct isp_burst_transform *transform, void *scratch, struct isp_burst_vector *field);
uint32_t isp_burst_follow_phases(uint32_t count);
uint32_t isp_burst_follow_tasks(const struct isp_geometry *geometry, uint32_t phase);
void isp_burst_follow_run(const struct isp_burst *burst, struct isp_burst_transform *transform,
    void *scratch, const struct isp_burst_task *task, struct isp_burst_vector *field);

/** Filters that read a frame between its samples; the same for all frames of a CFA order and of
 * about the same noise, which is their kind. Tasks in any order and on any threads at once. */
struct isp_burst_filters;
#define ISP_BURST_FILTER_KINDS 8
#define ISP_BURST_FILTER_TASKS 17
size_t isp_burst_filters_size(void);
unsigned isp_burst_filters_kind(const struct isp_burst_transform *transform);
void isp_burst_filters_make(const struct isp_geometry *geometry, unsigned kind, uint32_t task,
    struct isp_burst_filters *filters);

/** How the frames lie to each other, and where the merged one goes. */
struct isp_burst_merge {
    const struct isp_burst_transform *transform;
    const struct isp_burst_vector *field;
    const struct isp_burst_filters *filters;
    uint16_t *merged;
    /* [block row][block] of 8x8 samples: variance of the merged samples' noise over that of one
     * frame's, in 1/ISP_BURST_NOISE_ONE: eight frames' worth is an eighth of it. The mean over the
     * block; the noise left is a little coarser than one frame's. */
    uint16_t *noise;
};

#define ISP_BURST_NOISE_ONE 65535

static inline size_t isp_burst_noise_map_size(const struct isp_geometry *geometry)
{
    return sizeof(uint16_t) * isp_burst_blocks(geometry->crop.width) *
           isp_burst_blocks(geometry->crop.height);
}

/** What was taken of each frame: in 1/256 of a sample's full weight, over all samples. */
struct isp_burst_shares {
    uint64_t taken[ISP_BURST_MAX];
};

size_t isp_burst_merge_scratch_size(const struct isp_geometry *geometry);

/**
 * Merge rows y0..y1-1 of the crop into the same rows of `merged`: 16-bit samples, CFA of the
 * crop's corner, stride 2 * crop.width, scaled so that black is ISP_MERGED_BLACK and white is
 * 65535. A sample that differs from the reference by more than the noise model allows takes no
 * part. What the sensor cut off of the noise below its lowest code, which makes dark means too
 * bright, is made up for. count = 1 only does that and rescales. What this band takes is added to
 * `shares`. Bands begin and end at whole blocks of 8 rows, the last at the crop's height.
 */
#define ISP_MERGED_BLACK 4096
void isp_burst_merge_band(const struct isp_burst *burst, const struct isp_burst_merge *merge,
    uint32_t y0, uint32_t y1, void *scratch, struct isp_burst_shares *shares);

/* ---- noise reduction of a mosaic (SlowISP) ------------------------------------------------------
 */

/** Of one frame: variance = shot * x + read, x in [0,1] of black to white. */
struct isp_denoise_noise {
    float shot, read; /* read > 0 */
    float lowest;     /* light of code 0, below which the sensor cuts noise off; <= 0 */
};

struct isp_denoise_recipe;
size_t isp_denoise_recipe_size(void);

/** For raws of that geometry, whose crop becomes the mosaic, and their levels of black and white;
 * `denoise` of the coefficients, above 0, is how much. 0, or -EINVAL. */
int isp_denoise_compile(struct isp_denoise_recipe *recipe, const struct isp_geometry *geometry,
    const struct sisp_coefficients *coefficients, const struct isp_denoise_noise *noise,
    enum isp_isa isa);

struct isp_denoise {
    const uint8_t *raw;
    uint16_t *out;         /* as isp_burst_merge's */
    const uint16_t *noise; /* likewise; NULL: that of one frame everywhere */
};

#define ISP_DENOISE_TILE 248 /* samples, each way */

/** Tiles that cover the crop, left to right, then down. */
uint32_t isp_denoise_tiles(const struct isp_geometry *geometry);

/** Bytes of scratch of one thread; 64-byte alignment. */
size_t isp_denoise_scratch_size(void);

/** One tile of the output, in any order, by any thread. Samples that stand out alone by more than
 * six sigmas are replaced. */
void isp_denoise_tile(const struct isp_denoise_recipe *recipe, const struct isp_denoise *job,
    uint32_t tile, void *scratch);

#endif
