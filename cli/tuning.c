/* SPDX-License-Identifier: GPL-3.0-or-later */
/* --tuning, and a file that changes while a camera runs. */
#include "cli.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define LOOK_NS 250000000 /* how often; a change is taken when two looks agree */

static struct cli_file_state state_of(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return (struct cli_file_state){0};
    return (struct cli_file_state){
        .device = (uint64_t)status.st_dev,
        .inode = (uint64_t)status.st_ino,
        .size_bytes = (uint64_t)status.st_size,
        .modified_ns =
            (uint64_t)status.st_mtim.tv_sec * 1000000000 + (uint64_t)status.st_mtim.tv_nsec,
    };
}

static bool is_same(const struct cli_file_state *a, const struct cli_file_state *b)
{
    return a->device == b->device && a->inode == b->inode && a->size_bytes == b->size_bytes &&
           a->modified_ns == b->modified_ns;
}

static bool load(const char *verb, struct cli_tuning *tuning, const char *path)
{
    char error[512];
    tuning->state = state_of(path);
    if (sisp_tuning_load(&tuning->tuning, path, error, sizeof(error)) != 0) {
        cli_error(verb, "%s", error);
        return false;
    }
    tuning->path = path;
    return true;
}

/* The best file there is for that sensor. */
static int look_for(const char *verb, struct cli_tuning *tuning, const char *sensor)
{
    struct stat status;
    int r = 0;
    for (unsigned i = 0; r != -ENOENT && r != -EINVAL; i++) {
        r = sisp_tuning_candidate(sensor, i, tuning->found, sizeof(tuning->found));
        if (r == 0 && stat(tuning->found, &status) == 0)
            return load(verb, tuning, tuning->found) ? 1 : -1;
    }
    tuning->sensor = sensor;
    if (r == -EINVAL) {
        cli_error(verb, "'--sensor %s' is not a sensor's name, such as imx219", sensor);
        return -1;
    }
    cli_error(verb,
        "there is no tuning file for %s, so generic defaults are used; 'softisp doctor --sensor "
        "%s' says where files are looked for",
        sensor, sensor);
    return 1;
}

int cli_tuning_option(
    const char *verb, struct cli_tuning *tuning, const char *name, const char *value)
{
    if (strcmp(name, "tuning") == 0) {
        tuning->sensor = NULL;
        return load(verb, tuning, value) ? 1 : -1;
    }
    if (strcmp(name, "sensor") != 0)
        return 0;
    /* A file that is named wins over one that is found. */
    bool is_named = tuning->path && tuning->path != tuning->found;
    return is_named ? 1 : look_for(verb, tuning, value);
}

/* A file that cannot be used, or is gone, leaves the last good one in force. */
static void reload(struct cli_tuning_watch *watch)
{
    char error[512];
    if (sisp_tuning_load(&watch->tuning.tuning, watch->tuning.path, error, sizeof(error)) != 0)
        cli_error(watch->verb, "%s; the last tuning stays", error);
    else if (sisp_session_set_tuning(watch->session, &watch->tuning.tuning) == 0)
        cli_error(watch->verb, "%s has changed and is in force", watch->tuning.path);
}

static void *watch_main(void *user)
{
    struct cli_tuning_watch *watch = user;
    struct cli_file_state last = watch->tuning.state;
    while (!atomic_load(&watch->is_over)) {
        struct timespec pause = {.tv_nsec = LOOK_NS};
        nanosleep(&pause, NULL);
        struct cli_file_state now = state_of(watch->tuning.path);
        bool is_settled = is_same(&now, &last);
        last = now;
        if (!is_settled || is_same(&now, &watch->tuning.state))
            continue;
        watch->tuning.state = now;
        reload(watch);
    }
    return NULL;
}

void cli_tuning_watch(struct cli_tuning_watch *watch, const char *verb,
    const struct cli_tuning *tuning, struct sisp_session *session)
{
    *watch = (struct cli_tuning_watch){.verb = verb, .session = session, .tuning = *tuning};
    if (tuning->path)
        watch->has_thread = pthread_create(&watch->thread, NULL, watch_main, watch) == 0;
}

void cli_tuning_unwatch(struct cli_tuning_watch *watch)
{
    atomic_store(&watch->is_over, true);
    if (watch->has_thread)
        pthread_join(watch->thread, NULL);
}
