/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * The peer that most Linux users have: GStreamer's bayer2rgb (bilinear demosaic of 8 bits, nothing
 * else), in this process and thread, so that it is timed like the others. The library is found at
 * run time; its functions are those of GStreamer's stable C interface, 1.0, and are called without
 * its headers. The element writes into buffers that take turns, as ours do.
 */
#include "bench/bench_cases.h"

#include <dlfcn.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef void any; /* GStreamer's objects */

/* Results and arguments of each; enumerations are int, gboolean is int, gsize is size_t. */
#define GST_FUNCTIONS(F)                                                                           \
    F(int, gst_init_check, (int *argc, char ***argv, any **error))                                 \
    F(any *, gst_parse_bin_from_description, (const char *text, int has_ghosts, any **error))      \
    F(any *, gst_element_get_static_pad, (any * element, const char *name))                        \
    F(int, gst_element_set_state, (any * element, int state))                                      \
    F(any *, gst_pad_new, (const char *name, int direction))                                       \
    F(int, gst_pad_link, (any * source, any * sink))                                               \
    F(int, gst_pad_set_active, (any * pad, int is_active))                                         \
    F(void, gst_pad_set_chain_function_full,                                                       \
        (any * pad, int (*chain)(any *, any *, any *), any *user, any *notify))                    \
    F(void, gst_pad_set_query_function_full,                                                       \
        (any * pad, int (*query)(any *, any *, any *), any *user, any *notify))                    \
    F(int, gst_pad_query_default, (any * pad, any * parent, any * query))                          \
    F(any *, gst_pad_get_element_private, (any * pad))                                             \
    F(void, gst_pad_set_element_private, (any * pad, any * user))                                  \
    F(int, gst_pad_push_event, (any * pad, any * event))                                           \
    F(int, gst_pad_push, (any * pad, any * buffer))                                                \
    F(any *, gst_event_new_stream_start, (const char *id))                                         \
    F(any *, gst_event_new_caps, (any * caps))                                                     \
    F(any *, gst_event_new_segment, (const any *segment))                                          \
    F(any *, gst_segment_new, (void))                                                              \
    F(void, gst_segment_init, (any * segment, int format))                                         \
    F(void, gst_segment_free, (any * segment))                                                     \
    F(any *, gst_caps_from_string, (const char *text))                                             \
    F(const any *, gst_query_get_structure, (any * query))                                         \
    F(const char *, gst_structure_get_name, (const any *structure))                                \
    F(void, gst_query_add_allocation_pool,                                                         \
        (any * query, any * pool, unsigned size, unsigned min, unsigned max))                      \
    F(any *, gst_buffer_pool_new, (void))                                                          \
    F(any *, gst_buffer_pool_get_config, (any * pool))                                             \
    F(void, gst_buffer_pool_config_set_params,                                                     \
        (any * config, any * caps, unsigned size, unsigned min, unsigned max))                     \
    F(int, gst_buffer_pool_set_config, (any * pool, any * config))                                 \
    F(any *, gst_buffer_new_wrapped_full,                                                          \
        (int flags, any *data, size_t max_size, size_t offset, size_t size, any *user,             \
            any *notify))                                                                          \
    F(void, gst_mini_object_unref, (any * object))                                                 \
    F(void, gst_object_unref, (any * object))

enum {
    GST_STATE_NULL = 1,
    GST_STATE_PLAYING = 4,
    GST_PAD_SRC = 1,
    GST_PAD_SINK = 2,
    GST_FORMAT_TIME = 3,
    GST_MEMORY_FLAG_READONLY = 2,
};

#define FIELD(result, name, arguments) result(*name) arguments;
static struct {
    void *library;
    GST_FUNCTIONS(FIELD)
} gst; /* same for all, once it is there */

struct bench_peer {
    any *element, *in, *out; /* our pads before and after the element */
    size_t picture_size;
    unsigned frames, taken;
};

static bool find_library(void)
{
    if (gst.library)
        return true;
    gst.library = dlopen("libgstreamer-1.0.so.0", RTLD_NOW);
    bool is_whole = gst.library;
#define FIND(result, name, arguments)                                                              \
    *(void **)&gst.name = gst.library ? dlsym(gst.library, #name) : NULL;                          \
    is_whole = is_whole && gst.name;
    GST_FUNCTIONS(FIND)
    is_whole = is_whole && gst.gst_init_check(NULL, NULL, NULL);
    if (!is_whole)
        gst.library = NULL; /* what is loaded stays: GStreamer cannot be unloaded */
    return is_whole;
}

/* The picture goes back to the pool at once. */
static int take(any *pad, any *parent, any *buffer)
{
    struct bench_peer *peer = gst.gst_pad_get_element_private(pad);
    (void)parent;
    peer->taken++;
    gst.gst_mini_object_unref(buffer);
    return 0;
}

/* As many buffers as frames, all allocated: the element pays for no page fault. */
static void offer_pool(const struct bench_peer *peer, any *query)
{
    const unsigned size = (unsigned)peer->picture_size;
    any *pool = gst.gst_buffer_pool_new(), *config = gst.gst_buffer_pool_get_config(pool);
    gst.gst_buffer_pool_config_set_params(config, NULL, size, peer->frames, 0);
    gst.gst_buffer_pool_set_config(pool, config);
    gst.gst_query_add_allocation_pool(query, pool, size, peer->frames, 0);
    gst.gst_object_unref(pool);
}

static int answer(any *pad, any *parent, any *query)
{
    const any *structure = gst.gst_query_get_structure(query);
    if (!structure || strcmp(gst.gst_structure_get_name(structure), "GstQueryAllocation") != 0)
        return gst.gst_pad_query_default(pad, parent, query);
    offer_pool(gst.gst_pad_get_element_private(pad), query);
    return 1;
}

static bool begin_stream(const struct bench_peer *peer, uint32_t width, uint32_t height)
{
    char text[128];
    snprintf(text, sizeof(text),
        "video/x-bayer,format=rggb,width=%" PRIu32 ",height=%" PRIu32 ",framerate=30/1", width,
        height);
    any *caps = gst.gst_caps_from_string(text), *segment = gst.gst_segment_new();
    gst.gst_segment_init(segment, GST_FORMAT_TIME);
    const bool is_running =
        gst.gst_pad_push_event(peer->in, gst.gst_event_new_stream_start("bench")) &&
        gst.gst_pad_push_event(peer->in, gst.gst_event_new_caps(caps)) &&
        gst.gst_pad_push_event(peer->in, gst.gst_event_new_segment(segment));
    gst.gst_segment_free(segment);
    gst.gst_mini_object_unref(caps);
    return is_running;
}

static bool link_pads(struct bench_peer *peer)
{
    any *first = gst.gst_element_get_static_pad(peer->element, "sink");
    any *last = gst.gst_element_get_static_pad(peer->element, "src");
    peer->in = gst.gst_pad_new("in", GST_PAD_SRC);
    peer->out = gst.gst_pad_new("out", GST_PAD_SINK);
    gst.gst_pad_set_element_private(peer->out, peer);
    gst.gst_pad_set_chain_function_full(peer->out, take, NULL, NULL);
    gst.gst_pad_set_query_function_full(peer->out, answer, NULL, NULL);
    gst.gst_pad_set_active(peer->in, 1);
    gst.gst_pad_set_active(peer->out, 1);
    const bool is_linked =
        gst.gst_pad_link(peer->in, first) == 0 && gst.gst_pad_link(last, peer->out) == 0;
    gst.gst_object_unref(first);
    gst.gst_object_unref(last);
    return is_linked;
}

struct bench_peer *bench_peer_open(uint32_t width, uint32_t height, unsigned frames)
{
    struct bench_peer *peer = find_library() ? calloc(1, sizeof(*peer)) : NULL;
    if (!peer)
        return NULL;
    peer->frames = frames;
    peer->picture_size = (size_t)width * height * 4;
    peer->element =
        gst.gst_parse_bin_from_description("bayer2rgb ! video/x-raw,format=BGRx", 1, NULL);
    if (peer->element && link_pads(peer)) {
        gst.gst_element_set_state(peer->element, GST_STATE_PLAYING);
        if (begin_stream(peer, width, height))
            return peer;
    }
    bench_peer_close(peer);
    return NULL;
}

bool bench_peer_run(struct bench_peer *peer, const uint8_t *frame, size_t size_bytes)
{
    const unsigned before = peer->taken;
    any *buffer = gst.gst_buffer_new_wrapped_full(
        GST_MEMORY_FLAG_READONLY, (any *)frame, size_bytes, 0, size_bytes, NULL, NULL);
    return gst.gst_pad_push(peer->in, buffer) == 0 && peer->taken == before + 1;
}

void bench_peer_warm_up(struct bench_peer *peer, const uint8_t *frame, size_t size_bytes)
{
    while (peer->taken < peer->frames && bench_peer_run(peer, frame, size_bytes))
        ;
}

void bench_peer_close(struct bench_peer *peer)
{
    if (!peer)
        return;
    any *objects[3] = {peer->in, peer->out, peer->element};
    if (peer->element)
        gst.gst_element_set_state(peer->element, GST_STATE_NULL);
    for (int k = 0; k < 3; k++) {
        if (objects[k])
            gst.gst_object_unref(objects[k]);
    }
    free(peer);
}
