/* SPDX-License-Identifier: GPL-3.0-or-later */
/** 3x3 matrices, row by row. Outputs may not overlap inputs. */
#ifndef ISP_AUTO_MATRIX_H
#define ISP_AUTO_MATRIX_H

#include <stdbool.h>

static inline void isp_matrix_apply(const double m[9], const double v[3], double out[3])
{
    for (int i = 0; i < 3; i++)
        out[i] = m[3 * i] * v[0] + m[3 * i + 1] * v[1] + m[3 * i + 2] * v[2];
}

static inline void isp_matrix_multiply(const double a[9], const double b[9], double out[9])
{
    for (int i = 0; i < 9; i++) {
        int row = i / 3 * 3, col = i % 3;
        out[i] = a[row] * b[col] + a[row + 1] * b[col + 3] + a[row + 2] * b[col + 6];
    }
}

/** By cofactors; false if singular for its size (or NaN). */
static inline bool isp_matrix_invert(const double m[9], double out[9])
{
    for (int i = 0; i < 9; i++) {
        int r = i % 3, c = i / 3; /* the cofactor's place: transposed */
        int r1 = (r + 1) % 3, r2 = (r + 2) % 3, c1 = (c + 1) % 3, c2 = (c + 2) % 3;
        out[i] = m[3 * r1 + c1] * m[3 * r2 + c2] - m[3 * r1 + c2] * m[3 * r2 + c1];
    }
    double det = m[0] * out[0] + m[1] * out[3] + m[2] * out[6], size = 0;
    for (int i = 0; i < 9; i++)
        size += m[i] < 0 ? -m[i] : m[i];
    if (!(det > 1e-5 * size * size * size || det < -1e-5 * size * size * size))
        return false;
    for (int i = 0; i < 9; i++)
        out[i] /= det;
    return true;
}

#endif
