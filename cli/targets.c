/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names of outputs: decided, and refused, before anything is read or written. */
#include "develop.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static bool is_folder(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* Whether writing `path` would destroy an input. */
static bool is_an_input(const char *path, const struct develop_target *targets, unsigned count)
{
    struct stat status;
    if (stat(path, &status) != 0 || !S_ISREG(status.st_mode))
        return false;
    for (unsigned i = 0; i < count; i++) {
        if (targets[i].input_inode == status.st_ino && targets[i].input_device == status.st_dev) {
            cli_error("develop", "'%s' would be overwritten, but it is an input", path);
            return true;
        }
    }
    return false;
}

/* The name without folders and extension. */
static void stem_of(const char *input, char *stem, size_t size)
{
    const char *name = strrchr(input, '/');
    name = name ? name + 1 : input;
    const char *dot = strrchr(name, '.');
    size_t length = dot && dot != name ? (size_t)(dot - name) : strlen(name);
    snprintf(stem, size, "%.*s", (int)length, name);
}

/* The writer of a named target, or a sentence. */
static bool choose_writer(const struct develop_options *options, struct develop_target *target)
{
    const char *path = target->path;
    if (cli_has_extension(path, ".y4m")) {
        if (!options->is_fast || options->depth == 16)
            cli_error("develop", "'%s': .y4m is for 8 or 10 bits and --lane fast", path);
        return options->is_fast && options->depth != 16;
    }
    target->is_dng = cli_has_extension(path, ".dng");
    target->writer = sisp_writer_find(target->is_dng           ? ".tiff"
                                      : strcmp(path, "-") == 0 ? ".ppm"
                                                               : path);
    if (!target->writer)
        cli_error("develop", "'%s': the extension is none of .jpg .png .tiff .ppm .dng .y4m", path);
    else if (!target->writer->available)
        cli_error("develop", "'%s': this build has no %s writer", path, target->writer->name);
    else if (target->is_dng && options->is_fast)
        cli_error("develop", "'%s': a .dng is for --lane background", path);
    else if (options->depth == 10)
        cli_error("develop", "'%s': 10 bits a channel are for .y4m", path);
    else if (options->depth == 16 && !target->writer->has_16_bit)
        cli_error("develop", "'%s': %s has no 16-bit pictures; use .png, .tiff or .ppm", path,
            target->writer->name);
    else
        return true;
    return false;
}

static bool name_target(
    const struct develop_options *options, const char *input, struct develop_target *target)
{
    const char *out = options->output;
    const char *hole = strstr(out, "%s");
    char stem[256];
    struct stat status;
    stem_of(input, stem, sizeof(stem));
    if (stat(input, &status) == 0) {
        target->input_device = status.st_dev;
        target->input_inode = status.st_ino;
    }
    int length;
    if (hole)
        length = snprintf(
            target->path, sizeof(target->path), "%.*s%s%s", (int)(hole - out), out, stem, hole + 2);
    else if (is_folder(out))
        length = snprintf(target->path, sizeof(target->path), "%s/%s.%s", out, stem,
            options->depth == 16 ? "png" : "jpg");
    else
        length = snprintf(target->path, sizeof(target->path), "%s", out);
    if (length < 0 || (size_t)length >= sizeof(target->path)) {
        cli_error("develop", "the output's name is too long");
        return false;
    }
    return choose_writer(options, target);
}

static bool is_telemetry_safe(
    const char *telemetry, const struct develop_target *targets, unsigned count)
{
    if (is_an_input(telemetry, targets, count))
        return false;
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(telemetry, targets[i].path) == 0) {
            cli_error("develop", "'%s' is both the telemetry and an output", telemetry);
            return false;
        }
    }
    return true;
}

bool develop_name_targets(const struct develop_options *options, char *const *inputs,
    unsigned count, struct develop_target *targets)
{
    if (count > 1 && !strstr(options->output, "%s") && !is_folder(options->output)) {
        cli_error("develop", "'%s' is neither a folder nor holds %%s, but there are %u inputs",
            options->output, count);
        return false;
    }
    if (options->json && strcmp(options->output, "-") == 0) {
        cli_error("develop", "--json and '-o -' both need the standard output");
        return false;
    }
    for (unsigned i = 0; i < count; i++) {
        if (!name_target(options, inputs[i], &targets[i]))
            return false;
        for (unsigned k = 0; k < i; k++) {
            if (strcmp(targets[k].path, targets[i].path) == 0) {
                cli_error("develop", "'%s' and '%s' would both be written to '%s'", inputs[k],
                    inputs[i], targets[i].path);
                return false;
            }
        }
    }
    for (unsigned i = 0; i < count; i++) {
        if (is_an_input(targets[i].path, targets, count))
            return false;
    }
    return !options->telemetry_path || is_telemetry_safe(options->telemetry_path, targets, count);
}
