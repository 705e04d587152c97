/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A sensor cuts noise off at its lowest and its highest code, so that a mean of samples near black
 * is too bright (A. Foi, "Clipped noisy images", Signal Processing 89, 2009). */
#ifndef ISP_STILL_CUT_H
#define ISP_STILL_CUT_H

#define CUT_NODES 33 /* of a binomial distribution, as good as Gaussian here */

/** Variance of a sample = shot * light + read; cut off below `lowest` and above 1. */
struct cut_noise {
    double shot, read, lowest;
};

struct cut_node {
    double light, weight; /* of a sample; weights are 1 in sum */
};

/** What samples of that light are, with their probability. */
static inline void cut_nodes(
    const struct cut_noise *noise, double light, struct cut_node nodes[CUT_NODES])
{
    const double sigma = __builtin_sqrt((light > 0 ? noise->shot * light : 0) + noise->read);
    const double step = sigma / __builtin_sqrt((CUT_NODES - 1) / 4.0);
    double weight = 1.0 / (1ULL << (CUT_NODES - 1));
    for (unsigned k = 0; k < CUT_NODES; k++) {
        const double x = light + ((double)k - (CUT_NODES - 1) / 2) * step;
        nodes[k] = (struct cut_node){x < noise->lowest ? noise->lowest : x > 1 ? 1 : x, weight};
        weight *= (double)(CUT_NODES - 1 - k) / (k + 1);
    }
}

#endif
