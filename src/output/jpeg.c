/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A picture is encoded in strips of equal height, each a JPEG of its own with the same tables, and
 * their coefficients are joined by restart markers (ITU-T T.81, B.2.1 and E.1.4): threads share the
 * work, and the bytes depend on the picture alone. */
#include "output/encode.h"

#include "base/base.h"
#include "platform/platform.h"

#include <errno.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

/* Whole blocks at any sampling, whole blocks of struct out_rows, and at the widest no more than
 * the 65535 units that a restart interval can have. */
#define STRIP_ROWS  64
#define THREADS_MAX 64

/* Both end with these in front of the coefficients. */
enum marker {
    MARKER_SOF0 = 0xc0,
    MARKER_SOF2 = 0xc2,
    MARKER_RST0 = 0xd0,
    MARKER_EOI = 0xd9,
    MARKER_SOS = 0xda,
};

struct strip {
    uint8_t *bytes; /* from SOI to EOI */
    size_t size_bytes;
    atomic_bool is_done;
    int error;
    char message[JMSG_LENGTH_MAX];
};

/* What all threads share. */
struct picture {
    struct out_job *job;
    struct out_blob exif, profile;
    struct strip *strips;
    unsigned count, written;
    atomic_uint next;
    atomic_bool has_failed;
};

/* One thread's. On the heap, so that nothing which changes after setjmp() is a local variable. */
struct encoder {
    struct jpeg_compress_struct compress;
    struct jpeg_error_mgr errors;
    struct jpeg_destination_mgr destination;
    jmp_buf failed;
    const struct picture *picture;
    struct out_rows rows;
    struct strip *strip;
};

static void on_error(j_common_ptr common)
{
    struct encoder *encoder = common->client_data;
    struct strip *strip = encoder->strip;
    strip->error = common->err->msg_code == JERR_OUT_OF_MEMORY ? -ENOMEM : -EINVAL;
    common->err->format_message(common, strip->message);
    longjmp(encoder->failed, 1);
}

static void on_message(j_common_ptr common, int level)
{
}

/* Room for as much again, or for the first guess: a byte a pixel. */
static boolean grow(j_compress_ptr compress)
{
    struct encoder *encoder = compress->client_data;
    struct strip *strip = encoder->strip;
    const size_t used = strip->size_bytes;
    const size_t room = used ? 2 * used : 4096 + (size_t)compress->image_width * STRIP_ROWS;
    uint8_t *bytes = realloc(strip->bytes, room);
    if (!bytes)
        ERREXIT1(compress, JERR_OUT_OF_MEMORY, 0);
    strip->bytes = bytes;
    strip->size_bytes = room;
    encoder->destination.next_output_byte = bytes + used;
    encoder->destination.free_in_buffer = room - used;
    return TRUE;
}

static void start_output(j_compress_ptr compress)
{
    grow(compress);
}

static void end_output(j_compress_ptr compress)
{
    struct encoder *encoder = compress->client_data;
    encoder->strip->size_bytes -= encoder->destination.free_in_buffer;
}

/* Below quality 90 what is lost to halved chroma drowns in what quantisation loses, and it saves a
 * third of the file; who asks for 90 or more wants coloured edges kept. */
static void set_sampling(struct jpeg_compress_struct *compress, int quality)
{
    int factor = quality >= 90 ? 1 : 2;
    compress->comp_info[0].h_samp_factor = factor;
    compress->comp_info[0].v_samp_factor = factor;
}

/* The Huffman tables are the standard's: those made for the picture save 2 % of the file, take as
 * long again as all the rest, and only after the last strip. */
static void set_up(struct encoder *encoder, unsigned index)
{
    struct jpeg_compress_struct *compress = &encoder->compress;
    const struct picture *picture = encoder->picture;
    const struct out_job *job = picture->job;
    const uint32_t left = job->rows.height - index * STRIP_ROWS;
    jpeg_create_compress(compress);
    compress->dest = &encoder->destination;
    compress->image_width = job->rows.width;
    compress->image_height = left < STRIP_ROWS ? left : STRIP_ROWS;
    compress->input_components = 3;
    compress->in_color_space = JCS_RGB;
    jpeg_set_defaults(compress);
    jpeg_set_quality(compress, job->params.jpeg_quality, TRUE);
    set_sampling(compress, job->params.jpeg_quality);
    if (picture->count > 1) {
        const unsigned block = 8 * (unsigned)compress->comp_info[0].h_samp_factor;
        compress->restart_interval = (job->rows.width + block - 1) / block * (STRIP_ROWS / block);
    }
    /* EXIF wants APP1 right after the start of the image, where JFIF wants APP0. */
    compress->write_JFIF_header = !picture->exif.bytes;
}

static void write_markers(struct jpeg_compress_struct *compress, const struct picture *picture)
{
    const struct out_blob *exif = &picture->exif, *profile = &picture->profile;
    if (exif->bytes)
        jpeg_write_marker(compress, JPEG_APP0 + 1, exif->bytes, (unsigned)exif->size_bytes);
    if (profile->bytes)
        jpeg_write_icc_profile(compress, profile->bytes, (unsigned)profile->size_bytes);
}

static void run(struct encoder *encoder, unsigned index)
{
    struct jpeg_compress_struct *compress = &encoder->compress;
    set_up(encoder, index);
    jpeg_start_compress(compress, TRUE);
    if (index == 0)
        write_markers(compress, encoder->picture);
    out_rows_seek(&encoder->rows, index * STRIP_ROWS);
    while (compress->next_scanline < compress->image_height) {
        /* libjpeg only reads it, whatever its type says. */
        JSAMPROW row = (JSAMPROW)(uintptr_t)out_rows_look(&encoder->rows);
        jpeg_write_scanlines(compress, &row, 1);
    }
    jpeg_finish_compress(compress);
}

static void encode_strip(struct encoder *encoder, unsigned index)
{
    encoder->strip = &encoder->picture->strips[index];
    encoder->compress.err = jpeg_std_error(&encoder->errors);
    encoder->compress.client_data = encoder;
    encoder->errors.error_exit = on_error;
    encoder->errors.emit_message = on_message;
    encoder->destination = (struct jpeg_destination_mgr){
        .init_destination = start_output,
        .empty_output_buffer = grow,
        .term_destination = end_output,
    };
    if (setjmp(encoder->failed) == 0)
        run(encoder, index);
    jpeg_destroy_compress(&encoder->compress);
}

/* Where the coefficients begin; the frame header on the way there gets the picture's height. */
static size_t find_body(struct strip *strip, uint32_t height)
{
    uint8_t *bytes = strip->bytes;
    size_t at = 2;
    while (bytes[at + 1] != MARKER_SOS) {
        if (bytes[at + 1] >= MARKER_SOF0 && bytes[at + 1] <= MARKER_SOF2) {
            bytes[at + 5] = (uint8_t)(height >> 8);
            bytes[at + 6] = (uint8_t)height;
        }
        at += 2 + (size_t)(bytes[at + 2] << 8 | bytes[at + 3]);
    }
    return at + 2 + (size_t)(bytes[at + 2] << 8 | bytes[at + 3]);
}

/* The strips that come next and are there, while others are encoded. An error stays with the file.
 */
static void write_ready(struct picture *picture)
{
    struct out_file *file = picture->job->file;
    for (; picture->written < picture->count; picture->written++) {
        struct strip *strip = &picture->strips[picture->written];
        const uint8_t restart[2] = {0xff, (uint8_t)(MARKER_RST0 + ((picture->written - 1) & 7))};
        if (!strip->is_done)
            break;
        const size_t body = find_body(strip, picture->job->rows.height);
        const size_t from = picture->written == 0 ? 0 : body;
        if (picture->written > 0)
            out_file_write(file, restart, sizeof(restart));
        out_file_write(file, strip->bytes + from, strip->size_bytes - 2 - from);
        free(strip->bytes);
        strip->bytes = NULL;
    }
}

/* One thread's part. Who has no memory leaves the strips to the others; they miss the ones that
 * nobody did. */
static void encode_strips(struct picture *picture, bool is_writer)
{
    const struct out_rows *rows = &picture->job->rows;
    struct encoder *encoder = calloc(1, sizeof(*encoder));
    if (!encoder)
        return;
    encoder->picture = picture;
    if (out_rows_init(&encoder->rows, rows->image, rows->orientation) == 0) {
        while (!picture->has_failed) {
            const unsigned index = picture->next++;
            if (index >= picture->count)
                break;
            encode_strip(encoder, index);
            if (picture->strips[index].error)
                picture->has_failed = true;
            else
                picture->strips[index].is_done = true;
            if (is_writer)
                write_ready(picture);
        }
        out_rows_finish(&encoder->rows);
    }
    free(encoder);
}

static void work(void *argument)
{
    encode_strips(argument, false);
}

/* The caller works, too, and writes; a thread that cannot be had is done without. */
static void work_together(struct picture *picture)
{
    struct plat_thread threads[THREADS_MAX];
    unsigned wanted = picture->job->params.threads;
    if (wanted > picture->count)
        wanted = picture->count;
    if (wanted > THREADS_MAX)
        wanted = THREADS_MAX;
    unsigned started = 0;
    while (started + 1 < wanted) {
        threads[started] = (struct plat_thread){.name = "jpeg", .run = work, .argument = picture};
        if (plat_thread_create(&threads[started]) != 0)
            break;
        started++;
    }
    encode_strips(picture, true);
    while (started > 0)
        plat_thread_join(&threads[--started]);
}

static int encode(struct picture *picture)
{
    struct out_job *job = picture->job;
    int error = out_exif_create(&picture->exif, job);
    if (!error && job->params.is_srgb)
        error = out_profile_create(&picture->profile);
    if (error)
        return out_fail(job, error, "EXIF or ICC cannot be made: %m");
    work_together(picture);
    for (unsigned i = 0; i < picture->count; i++) {
        const struct strip *strip = &picture->strips[i];
        if (strip->error)
            return out_fail(job, strip->error, "libjpeg: %s", strip->message);
    }
    /* Without an error of a strip, only memory keeps threads from doing them all. */
    if (picture->next < picture->count)
        return out_fail(job, -ENOMEM, "no memory for the JPEG encoder");
    write_ready(picture);
    const uint8_t end[2] = {0xff, MARKER_EOI};
    const int written = out_file_write(job->file, end, sizeof(end));
    return written ? out_fail(job, written, "the picture cannot be written: %m") : 0;
}

int out_encode_jpeg(struct out_job *job)
{
    if (job->rows.width > JPEG_MAX_DIMENSION || job->rows.height > JPEG_MAX_DIMENSION)
        return out_fail(job, -EINVAL, "a JPEG side has at most %ld pixels", JPEG_MAX_DIMENSION);
    struct picture picture = {
        .job = job, .count = (job->rows.height + STRIP_ROWS - 1) / STRIP_ROWS};
    picture.strips = calloc(picture.count, sizeof(picture.strips[0]));
    if (!picture.strips)
        return out_fail(job, -ENOMEM, "no memory for the JPEG encoder");
    int error = encode(&picture);
    for (unsigned i = 0; i < picture.count; i++)
        free(picture.strips[i].bytes);
    free(picture.strips);
    free(picture.exif.bytes);
    free(picture.profile.bytes);
    return error;
}
