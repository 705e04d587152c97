/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What the best demosaic keeps between rows of a strip. */
#ifndef ISP_STILL_BEST_H
#define ISP_STILL_BEST_H

#include <isp/still/still.h>

/* Rows above and below, and cells before and after, that it sees: linear rows are ahead by so many.
 */
#define STILL_BEST_ROWS  18
#define STILL_BEST_CELLS 11

/** Rings of rows: row y is at y modulo their length. */
struct still_best {
    still_row vertical[16];         /* differences of green and the column's other colour */
    still_row product[8], power[8]; /* of high passes along the column */
    still_row fitted[8];            /* differences along the column, by local slopes */
    still_row smooth[16];           /* of the differences, along the column */
    still_row across_fitted[2], across_change[4];
    float change_sum[8][STILL_ROW_CELLS]; /* from here on sites of red and blue alone */
    float across[2][STILL_ROW_CELLS], across_error[2][STILL_ROW_CELLS];
    float chroma_product[16][STILL_ROW_CELLS], chroma_power[16][STILL_ROW_CELLS];
    float slope[4][STILL_ROW_CELLS];
    still_row green[16];
};

#endif
