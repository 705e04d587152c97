/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The command: what its verbs share. It uses the public API only. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <softisp/softisp.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>

enum cli_exit {
    CLI_DONE = 0,
    CLI_INPUT_FAILED = 1,  /* some input could not be read or developed */
    CLI_WRONG_USE = 2,     /* nothing was touched */
    CLI_OUTPUT_FAILED = 3, /* an output could not be written */
    CLI_INTERNAL = 4,
    CLI_INTERRUPTED = 130,
};

/** One verb of the command. */
struct cli_verb {
    const char *name;
    const char *summary;               /* one line */
    const char *help;                  /* options, ready to print */
    int (*run)(int argc, char **argv); /* argv[0] is the verb; returns enum cli_exit */
};

extern const struct cli_verb cli_develop, cli_fuse, cli_live, cli_info, cli_doctor, cli_bench;

/** One sentence on stderr: "softisp VERB: sentence". */
__attribute__((format(printf, 2, 3))) void cli_error(const char *verb, const char *format, ...);

/** For an unknown or incomplete option that getopt_long() found. Returns CLI_WRONG_USE. */
int cli_option_error(const char *verb, int option, char **argv);

/* Parsers: the whole text must be the value. They return false and leave *out alone otherwise. */
bool cli_parse_u32(const char *text, uint32_t min, uint32_t max, uint32_t *out);
bool cli_parse_u64(const char *text, uint64_t *out);
bool cli_parse_number(const char *text, double *out);
/** One of libcamera's names; or a sentence. */
bool cli_parse_orientation(const char *verb, const char *text, enum sisp_orientation *orientation);

bool cli_parse_size(const char *text, uint32_t *width, uint32_t *height); /* "1920x1080" */

/** Whether a file's name ends so: ".dng". Case does not matter, as with all other extensions. */
bool cli_has_extension(const char *path, const char *extension);

/** Between 1 and `max` numbers with commas between. Returns their count, 0 on error. */
unsigned cli_parse_list(const char *text, unsigned max, float *out);

/** "NAME=VALUE" into the parameters, or a sentence on stderr and false. */
bool cli_set_param(const char *verb, struct sisp_params *params, const char *assignment);

/** natural, neutral or vivid, likewise. */
bool cli_set_preset(const char *verb, struct sisp_params *params, const char *name);

/** What headerless samples look like; shared by all verbs that take a raw. */
struct cli_raw_options {
    struct sisp_raw_open_params open;
};

/** Handle one option of --raw-format, --size, --stride, --black, --white, --cfa, given by name.
 * Returns: 1 handled, 0 not one of them, -1 wrong value (a sentence was printed). */
int cli_raw_option(
    const char *verb, struct cli_raw_options *raw, const char *name, const char *value);

/** Whether what was given of a raw file goes together; or a sentence. */
bool cli_check_raw(const char *verb, const struct cli_raw_options *raw);

/** The engine's knobs, from files and from the command line, which wins. */
struct cli_knob_options {
    struct sisp_knobs file, line;
    bool is_set[SISP_KNOBS_MAX]; /* on the command line */
};

/** Handle one option of --config, --knob. Returns as cli_raw_option(). */
int cli_knob_option(
    const char *verb, struct cli_knob_options *options, const char *name, const char *value);

struct sisp_knobs cli_knobs(const struct cli_knob_options *options);

/** List all knobs. Returns as cli_flush(). */
int cli_print_knobs(const char *verb, bool json);

/** What tells one state of a file from the next. */
struct cli_file_state {
    uint64_t device, inode, size_bytes, modified_ns;
};

/** The tuning of --tuning, or the one found for --sensor. It stays where it is: path may point
 * into it. */
struct cli_tuning {
    const char *path;   /* NULL: none was given or found */
    const char *sensor; /* that a file was looked for; NULL: none was named */
    char found[4096];
    struct cli_file_state state;
    struct sisp_tuning tuning;
};

/** Handle one option of --tuning, --sensor. Returns as cli_raw_option(). A sensor without a file is
 * no error: a sentence says so. */
int cli_tuning_option(
    const char *verb, struct cli_tuning *tuning, const char *name, const char *value);

/** A thread that hands a changed tuning file to a running session. */
struct cli_tuning_watch {
    const char *verb;
    struct sisp_session *session;
    struct cli_tuning tuning;
    pthread_t thread;
    bool has_thread;
    _Atomic bool is_over;
};

/** Watch until cli_tuning_unwatch(), if a file was given. What happens is said on stderr. */
void cli_tuning_watch(struct cli_tuning_watch *watch, const char *verb,
    const struct cli_tuning *tuning, struct sisp_session *session);
void cli_tuning_unwatch(struct cli_tuning_watch *watch);

struct json_t;

/** Of a burst: how many frames it is worth, and what became of frame i, as a word, in JSON, and as
 * a line of text. */
double cli_fusion_frames(const struct sisp_fusion *fusion);
const char *cli_fusion_fate(const struct sisp_fusion *fusion, unsigned i);
struct json_t *cli_fusion_frame(const struct sisp_fusion *fusion, unsigned i);
void cli_fusion_print_frame(FILE *file, const struct sisp_fusion *fusion, unsigned i);

/** The JSON array of the first `count` floats. */
struct json_t *cli_json_floats(const float *values, unsigned count);

/** A file name or a sentence with one in it. Names are bytes: what is not UTF-8 is taken as
 * Latin-1, so that every input has its line. */
struct json_t *cli_json_name(const char *name);

/** Flush stdout. Returns CLI_DONE, or CLI_OUTPUT_FAILED after a sentence. */
int cli_flush(const char *verb);

/** Print one JSON value on stdout as one line, free it and flush. Returns as cli_flush(). */
int cli_json_print(const char *verb, struct json_t *value);

#endif
