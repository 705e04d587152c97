/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Faults in two levels, as FoundationDB's BUGGIFY: a run switches each fault on with probability
 * 1/4, then it strikes with a probability of its own. So runs differ in kind, not in amount.
 */
#include "sim/sim.h"

#include <string.h>

static struct sim_site sites[SIM_SITES_MAX + 1];
static uint32_t site_count;

struct sim_site *sim_site(uint32_t index)
{
    return &sites[index];
}

uint32_t sim_site_count(void)
{
    return site_count;
}

uint64_t sim_strikes_of(const char *name)
{
    for (uint32_t i = 1; i <= site_count; i++)
        if (strcmp(sites[i].name, name) == 0)
            return sites[i].strikes;
    return 0;
}

static uint32_t id_of(const char *name)
{
    uint32_t id = 2166136261u;
    for (; *name; name++)
        id = (id ^ (uint8_t)*name) * 16777619u;
    return id;
}

void sim_site_resolve(struct plat_site *site)
{
    uint32_t i = 1;
    while (i <= site_count && strcmp(sites[i].name, site->name) != 0)
        i++;
    if (i > SIM_SITES_MAX)
        sim_fail("more than %d points and faults", SIM_SITES_MAX);
    if (i > site_count) {
        site_count = i;
        sites[i].name = site->name;
        sites[i].id = id_of(site->name);
    }
    site->id = i;
}

/** One in so many draws; those that are not listed strike one in 2 to 64, as the run says. */
static const struct {
    const char *name;
    uint32_t one_in;
} rates[] = {
    {"preempted", 400},
    {"worker_hangs_a_while", 300},
    {"clock_jumps_1s", 200},
    {"suspended_60s", 400},
    {"process_dies", 200},
    {"process_scribbles", 400},
    {"spawn_fails", 8},
    {"socket_breaks", 16},
    {"cage_fails", 16},
};

/* The list has commas. */
static bool is_listed(const char *list, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = list; at; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, name, length) == 0 && (at[length] == ',' || !at[length]))
            return true;
    }
    return false;
}

static uint32_t chance(const char *name, uint32_t id)
{
    for (uint32_t i = 0; i < sim.options.disabled_count; i++)
        if (strcmp(sim.options.disabled[i], name) == 0)
            return 0;
    const char *only = sim.options.only;
    uint64_t drawn = sim_mix(sim.options.seed, (uint64_t)id << 20);
    if (!sim.has_faults || (only ? !is_listed(only, name) : (drawn & 3) != 0))
        return 0;
    for (uint32_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++)
        if (strcmp(rates[i].name, name) == 0)
            return rates[i].one_in;
    return 2u << (drawn >> 8) % 6;
}

bool plat_fault(struct plat_site *site)
{
    if (!sim.is_striking)
        return false;
    if (site->run != sim.run) {
        if (!site->id)
            sim_site_resolve(site);
        site->run = sim.run;
        site->chance = chance(site->name, sites[site->id].id);
    }
    if (!site->chance || !sim_one_in(SIM_FAULTS, site->chance))
        return false;
    sites[site->id].strikes++;
    sim.strikes++;
    sim_record((uint16_t)site->id, SIM_NOBODY, 1);
    return true;
}
