/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Simulation: marks in the code where another actor may run, where a fault may strike and where a
 * token changed. They are nothing in production; tests/sim compiles the same sources with
 * PLAT_SIMULATE and makes a scheduler, a fault and a record of them.
 */
#ifndef PLATFORM_SIMULATE_H
#define PLATFORM_SIMULATE_H

#ifdef PLAT_SIMULATE

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/** One place in the code. The name identifies it, never the address: runs must repeat. */
struct plat_site {
    const char *name;
    uint64_t run; /* that the fields below belong to */
    uint32_t id;
    uint32_t chance;
};

void plat_point(struct plat_site *site);
bool plat_fault(struct plat_site *site);
void plat_trace_token(const _Atomic uint64_t *token, unsigned edge, const void *args,
    uint64_t before, uint64_t after);

/** Any other actor may run here; a process that is killed may die here. */
#define PLAT_POINT(site_name)                                                                      \
    do {                                                                                           \
        static struct plat_site plat_site = {.name = #site_name};                                  \
        plat_point(&plat_site);                                                                    \
    } while (0)

/** Whether the fault of that name strikes now. */
#define PLAT_FAULT(site_name)                                                                      \
    __extension__({                                                                                \
        static struct plat_site plat_site = {.name = #site_name};                                  \
        plat_fault(&plat_site);                                                                    \
    })

/** An edge was applied to a token: args is a struct eng_token_args. */
#define PLAT_TRACE_TOKEN(token, edge, args, before, after)                                         \
    plat_trace_token(token, edge, args, before, after)

#else

#define PLAT_POINT(site_name)                              ((void)0)
#define PLAT_FAULT(site_name)                              0
#define PLAT_TRACE_TOKEN(token, edge, args, before, after) ((void)0)

#endif

#endif
