/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "output/encode.h"

#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>
#include <jerror.h>

/* Tables made for the picture take a second pass over all coefficients, 6 bytes a pixel in memory:
 * up to 64 million pixels that is worth its few percent. */
#define OPTIMIZED_MAX (64u << 20)

/* On the heap, so that nothing which changes after setjmp() is a local variable. */
struct encoder {
    struct jpeg_compress_struct compress;
    struct jpeg_error_mgr errors;
    struct jpeg_destination_mgr destination;
    jmp_buf failed;
    struct out_job *job;
    int error;
    struct out_blob exif, profile;
    uint8_t buffer[32 * 1024];
};

static _Noreturn void fail(struct encoder *encoder, int error)
{
    encoder->error = error;
    longjmp(encoder->failed, 1);
}

static void on_error(j_common_ptr common)
{
    struct encoder *encoder = common->client_data;
    char message[JMSG_LENGTH_MAX];
    int code = common->err->msg_code;
    int error = code == JERR_OUT_OF_MEMORY ? -ENOMEM : -EINVAL;
    common->err->format_message(common, message);
    fail(encoder, out_fail(encoder->job, error, "libjpeg: %s", message));
}

static void on_message(j_common_ptr common, int level)
{
}

static void start_output(j_compress_ptr compress)
{
    struct encoder *encoder = compress->client_data;
    encoder->destination.next_output_byte = encoder->buffer;
    encoder->destination.free_in_buffer = sizeof(encoder->buffer);
}

static void write_out(struct encoder *encoder, size_t size_bytes)
{
    int error = out_file_write(encoder->job->file, encoder->buffer, size_bytes);
    if (error)
        fail(encoder, out_fail(encoder->job, error, "the picture cannot be written: %m"));
}

static boolean empty_output(j_compress_ptr compress)
{
    write_out(compress->client_data, sizeof(((struct encoder *)0)->buffer));
    start_output(compress);
    return TRUE;
}

static void end_output(j_compress_ptr compress)
{
    struct encoder *encoder = compress->client_data;
    write_out(encoder, sizeof(encoder->buffer) - encoder->destination.free_in_buffer);
}

/* Below quality 90 what is lost to halved chroma drowns in what quantisation loses, and it saves a
 * third of the file; who asks for 90 or more wants coloured edges kept. */
static void set_sampling(struct jpeg_compress_struct *compress, int quality)
{
    int factor = quality >= 90 ? 1 : 2;
    compress->comp_info[0].h_samp_factor = factor;
    compress->comp_info[0].v_samp_factor = factor;
}

static void set_up(struct encoder *encoder)
{
    struct jpeg_compress_struct *compress = &encoder->compress;
    const struct out_job *job = encoder->job;
    jpeg_create_compress(compress);
    compress->dest = &encoder->destination;
    compress->image_width = job->rows.width;
    compress->image_height = job->rows.height;
    compress->input_components = 3;
    compress->in_color_space = JCS_RGB;
    jpeg_set_defaults(compress);
    jpeg_set_quality(compress, job->params.jpeg_quality, TRUE);
    set_sampling(compress, job->params.jpeg_quality);
    compress->optimize_coding = (uint64_t)job->rows.width * job->rows.height <= OPTIMIZED_MAX;
    /* EXIF wants APP1 right after the start of the image, where JFIF wants APP0. */
    compress->write_JFIF_header = !encoder->exif.bytes;
}

static void run(struct encoder *encoder)
{
    struct jpeg_compress_struct *compress = &encoder->compress;
    struct out_rows *rows = &encoder->job->rows;
    set_up(encoder);
    jpeg_start_compress(compress, TRUE);
    if (encoder->exif.bytes)
        jpeg_write_marker(
            compress, JPEG_APP0 + 1, encoder->exif.bytes, (unsigned)encoder->exif.size_bytes);
    if (encoder->profile.bytes)
        jpeg_write_icc_profile(
            compress, encoder->profile.bytes, (unsigned)encoder->profile.size_bytes);
    while (compress->next_scanline < compress->image_height) {
        JSAMPROW row = out_rows_next(rows);
        jpeg_write_scanlines(compress, &row, 1);
    }
    jpeg_finish_compress(compress);
}

static int encode(struct encoder *encoder)
{
    encoder->error = out_exif_create(&encoder->exif, encoder->job);
    if (!encoder->error && encoder->job->params.is_srgb)
        encoder->error = out_profile_create(&encoder->profile);
    if (encoder->error)
        return out_fail(encoder->job, encoder->error, "EXIF or ICC cannot be made: %m");

    encoder->compress.err = jpeg_std_error(&encoder->errors);
    encoder->compress.client_data = encoder;
    encoder->errors.error_exit = on_error;
    encoder->errors.emit_message = on_message;
    encoder->destination = (struct jpeg_destination_mgr){
        .init_destination = start_output,
        .empty_output_buffer = empty_output,
        .term_destination = end_output,
    };
    if (setjmp(encoder->failed) == 0)
        run(encoder);
    jpeg_destroy_compress(&encoder->compress);
    return encoder->error;
}

int out_encode_jpeg(struct out_job *job)
{
    if (job->rows.width > JPEG_MAX_DIMENSION || job->rows.height > JPEG_MAX_DIMENSION)
        return out_fail(job, -EINVAL, "a JPEG side has at most %ld pixels", JPEG_MAX_DIMENSION);
    struct encoder *encoder = calloc(1, sizeof(*encoder));
    if (!encoder)
        return out_fail(job, -ENOMEM, "no memory for the JPEG encoder");
    encoder->job = job;
    int error = encode(encoder);
    free(encoder->exif.bytes);
    free(encoder->profile.bytes);
    free(encoder);
    return error;
}
