/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * The coefficients of one frame (DESIGN: CanonicalPayload): all that decides how a raw frame
 * becomes a picture. Plain data without pointers, so that it can cross to another process, be
 * hashed, written out and read back.
 */
#ifndef SOFTISP_COEFFICIENTS_H
#define SOFTISP_COEFFICIENTS_H

#include <softisp/api.h>
#include <softisp/format.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Who decided a coefficient. */
enum sisp_source {
    SISP_SOURCE_NEUTRAL,  /* nobody: identity or a stated generic default */
    SISP_SOURCE_AUTO,     /* measured from frames */
    SISP_SOURCE_MANUAL,   /* the user */
    SISP_SOURCE_FILE,     /* the raw file's own metadata */
    SISP_SOURCE_TUNING,   /* a tuning file */
    SISP_SOURCE_MODEL,    /* a learned model */
    SISP_SOURCE_FALLBACK, /* the last good ones, because something failed */
};

SISP_API const char *sisp_source_name(enum sisp_source source);

/** What exposure does against the light of lamps on alternating current. */
enum sisp_flicker {
    SISP_FLICKER_NONE,        /* no such light is known, or it is not looked for */
    SISP_FLICKER_AVOIDED,     /* exposures are whole periods of the light */
    SISP_FLICKER_UNAVOIDABLE, /* less than a period is too bright already, or chosen by the user */
};

SISP_API const char *sisp_flicker_name(enum sisp_flicker flicker);

#define SISP_LSC_KNOTS_MAX 33

/**
 * Lens shading: gains at cols x rows knots, bilinear between them and constant outside.
 * Knot (i, j) lies at x = origin_x + i * step_x, y = origin_y + j * step_y, in fractions of the
 * width and height of the crop that becomes the picture. cols = 0: no correction.
 */
struct sisp_lsc_mesh {
    uint32_t cols, rows; /* 0, or 1 to SISP_LSC_KNOTS_MAX */
    float origin_x, origin_y, step_x, step_y;
    float gain[SISP_SITE_COUNT][SISP_LSC_KNOTS_MAX * SISP_LSC_KNOTS_MAX]; /* row by row; > 0 */
};

/**
 * The tone curve maps linear [0,1] to display [0,1], piecewise linear between knots that lie
 * finer near black: 64 steps of 1/2048 up to 1/32, 56 steps of 1/256 up to 1/4, 48 steps of 1/64
 * up to 1. The fast path draws 32 lines instead: 16 up to 1/32, 6 up to 1/8, 6 up to 1/2, 4 up
 * to 1.
 */
#define SISP_TONE_KNOTS 169

/** Where knot `index` lies in [0,1]. */
SISP_API float sisp_tone_knot(unsigned index);

enum sisp_demosaic {
    SISP_DEMOSAIC_MHC,      /* Malvar, He, Cutler: High-quality linear interpolation, ICASSP 2004 */
    SISP_DEMOSAIC_BILINEAR, /* 3x3 mean of the nearest sites of each colour */
    /* Background lane (the fast lane has MHC): directional estimates of colour differences (Zhang
     * and Wu 2005; Kiku et al. 2016) of square roots, weighed by their errors. */
    SISP_DEMOSAIC_BEST,
    SISP_DEMOSAIC_SMOOTH, /* BEST and medians of colour differences: less moire in fine texture */
};

SISP_API const char *sisp_demosaic_name(enum sisp_demosaic demosaic);
SISP_API int sisp_demosaic_find(const char *name);

#define SISP_DEFECTS_MAX 256

/** A sample of the raw frame that tells nothing of the light. */
struct sisp_defect {
    uint16_t x, y;
};

/**
 * Order of application: black level and scale (black -> 0, white -> 1), LSC, white balance, clip
 * at clip_level, known defects, defect correction, green balance, demosaic, CCM, tone curve (with
 * exposure inside), noise reduction and sharpening. The still path mends no known defects and has
 * no defect correction and no green balance; it takes noise from the mosaic first, and local gains
 * come before its CCM.
 */
struct sisp_coefficients {
    float black_level[SISP_SITE_COUNT]; /* raw codes */
    float white_level;                  /* raw code, above every black level */
    float wb_gains[3];                  /* R, G, B; 0 < gain < 16 */
    /* Linear level where every channel saturates, so that clipped highlights come out neutral:
     * the smallest of the wb gains, at most 1. */
    float clip_level;
    float ccm[9]; /* rows R, G, B of output from white-balanced camera RGB; |value| < 4 */
    float tone[SISP_TONE_KNOTS];
    struct sisp_lsc_mesh lsc;
    float noise_shot, noise_read; /* variance = shot * x + read, x linear in [0,1]; 0, 0: unknown */
    uint32_t demosaic;            /* enum sisp_demosaic */
    /* Samples that stand out from all around by more than 4 / defect_correction sigmas of the noise
     * are replaced; [0,1], 0: off. Where the noise is unknown 0.001 x + 1e-6 is taken. */
    float defect_correction;
    float green_balance;   /* relative difference of the greens that is removed; [0,0.25], 0: off */
    uint32_t defect_count; /* known defects, in order of y, then x, each once */
    struct sisp_defect defects[SISP_DEFECTS_MAX];
    uint32_t highlight_recovery; /* of stills: 1: clipped samples from the other colours around */
    float sharpness;             /* 0: off, 1: the finest details twice as strong; at most 2 */
    float denoise_luma;          /* 0: off, 1: differences up to 2 sigmas are noise; at most 2 */
    float denoise_chroma;        /* likewise */
    /* Of stills. local_tone: the share of differences of brightness beyond a stop that goes,
     * [0,0.9]; local_contrast: by how much smaller ones grow, [0,1]; still_sharpness: as sharpness.
     */
    float local_tone, local_contrast, still_sharpness;
    /* Of stills, in the mosaic; 0: off, 1: as the noise model says, which leaves single frames
     * alone that show hardly any; at most 2. */
    float denoise;

    /* What follows explains the above; it does not change a pixel. */
    float exposure_ev;              /* digital brightening that is part of the tone curve */
    float color_temperature_kelvin; /* 0: unknown */
    float wb_confidence;            /* [0,1] */
    float black_confidence; /* [0,1]; 1: stated, or of samples that no light reaches; 0: nobody's */
    /* [0,1]; 1: stated; of what SlowAlgo estimates less where it may be texture: `denoise` is
     * weaker by it. */
    float noise_confidence;
    uint32_t wb_source, ccm_source, lsc_source, exposure_source, black_source, noise_source;
    float flicker_period_us; /* of the light; 0: none known */
    uint32_t flicker, flicker_source;
};

#ifdef __cplusplus
}
#endif
#endif
