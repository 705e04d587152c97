/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "camera/v4l2/graph.h"
#include "base/base.h"

#include <ctype.h>
#include <errno.h>
#include <linux/media-bus-format.h>
#include <stdio.h>
#include <string.h>

#define MEDIA_NODES 32
#define NODES       128 /* of video devices and of subdevices */

uint32_t v4l2_bus_code(const struct sisp_raw_format *format)
{
    static const struct {
        unsigned bits;
        uint32_t codes[4], mono; /* by enum sisp_cfa */
    } table[] = {
        {8, {0x3014, 0x3002, 0x3013, 0x3001}, MEDIA_BUS_FMT_Y8_1X8},
        {10, {0x300f, 0x300a, 0x300e, 0x3007}, MEDIA_BUS_FMT_Y10_1X10},
        {12, {0x3012, 0x3011, 0x3010, 0x3008}, MEDIA_BUS_FMT_Y12_1X12},
        {14, {0x301c, 0x301b, 0x301a, 0x3019}, MEDIA_BUS_FMT_Y14_1X14},
        {16, {0x3020, 0x301f, 0x301e, 0x301d}, 0},
    };
    for (unsigned i = 0; i < BASE_COUNT(table); i++) {
        if (table[i].bits == format->bits)
            return format->is_mono ? table[i].mono : table[i].codes[format->cfa];
    }
    return 0;
}

/* ---- finding ------------------------------------------------------------------------------- */

/* Device nodes are looked for by the kernel's number: names of nodes are only a habit. */
static int open_node(const struct v4l2_io *io, const char *prefix, uint64_t number)
{
    char path[32];
    uint64_t found;
    for (int i = 0; i < NODES; i++) {
        snprintf(path, sizeof(path), "%s%d", prefix, i);
        if (io->number(io->user, path, &found) == 0 && found == number)
            return io->open(io->user, path);
    }
    return -ENOENT;
}

static int open_entity(const struct v4l2_graph *graph, const struct media_v2_entity *entity)
{
    uint64_t number;
    if (!v4l2_topology_number(&graph->topology, entity->id, &number))
        return -ENXIO;
    return open_node(graph->io, "/dev/v4l-subdev", number);
}

static const struct media_v2_pad *pad_of(const struct v4l2_graph *graph, uint32_t id)
{
    return v4l2_topology_pad(&graph->topology, id);
}

static const struct media_v2_entity *entity_of(const struct v4l2_graph *graph, uint32_t pad_id)
{
    return v4l2_topology_entity_of(&graph->topology, pad_of(graph, pad_id));
}

const char *v4l2_graph_name(const struct v4l2_graph *graph, uint32_t index)
{
    uint32_t pad_id = index ? graph->path[index - 1]->sink_id : graph->path[0]->source_id;
    return entity_of(graph, pad_id)->name;
}

/* Drivers of sensors on an I2C bus call them "imx219 10-0010". */
static void take_name(struct v4l2_graph *graph)
{
    const char *name = v4l2_graph_name(graph, 0);
    size_t length = strnlen(name, sizeof(graph->sensor) - 1);
    const char *space = memchr(name, ' ', length);
    unsigned bus, address;
    if (space && sscanf(space, " %u-%x", &bus, &address) == 2)
        length = (size_t)(space - name);
    for (size_t i = 0; i < length; i++)
        graph->sensor[i] = (char)tolower((unsigned char)name[i]);
    graph->sensor[length] = '\0';
}

/* Positive: the node belongs to this media device, whose topology is kept if a sensor feeds the
 * node. 0: it does not, or nobody can read what does. */
static int take_media(struct v4l2_graph *graph, uint64_t number, int fd)
{
    int r = v4l2_topology_read(&graph->topology, graph->io, fd);
    if (r)
        return r == -ENOMEM ? r : 0;
    const struct media_v2_entity *node = v4l2_topology_entity(&graph->topology, number);
    graph->path_count = node ? v4l2_topology_path(&graph->topology, node->id, graph->path) : 0;
    if (graph->path_count)
        graph->media_fd = fd;
    else
        v4l2_topology_finish(&graph->topology);
    return node != NULL;
}

static int find_media(struct v4l2_graph *graph, uint64_t number)
{
    const struct v4l2_io *io = graph->io;
    uint64_t any;
    int r = 0;
    for (int i = 0; i < MEDIA_NODES && r == 0; i++) {
        snprintf(graph->media_path, sizeof(graph->media_path), "/dev/media%d", i);
        int fd = io->number(io->user, graph->media_path, &any) == 0
                     ? io->open(io->user, graph->media_path)
                     : -ENOENT;
        if (fd < 0)
            continue;
        r = take_media(graph, number, fd);
        if (graph->media_fd != fd)
            io->close(io->user, fd);
    }
    return r < 0 ? r : 0;
}

int v4l2_graph_open(
    struct v4l2_graph *graph, const struct v4l2_device *device, struct v4l2_error *error)
{
    *graph = (struct v4l2_graph){.io = device->io, .media_fd = -1, .sensor_fd = -1};
    int r = find_media(graph, device->number);
    if (r)
        return v4l2_fail(error, r, "not enough memory for the media graph");
    if (graph->media_fd < 0)
        return 0;
    take_name(graph);
    uint32_t pad_id = graph->path[0]->source_id;
    graph->sensor_pad = pad_of(graph, pad_id)->index;
    int fd = open_entity(graph, entity_of(graph, pad_id));
    if (fd == -ENXIO) {
        /* Such as a webcam's: the graph is to be looked at only. */
        v4l2_graph_close(graph);
        return 0;
    }
    if (fd < 0) {
        v4l2_fail(error, fd, "the node of the sensor '%s' does not open: %s", graph->sensor,
            strerror(-fd));
        v4l2_graph_close(graph);
        return fd;
    }
    graph->sensor_fd = fd;
    return 0;
}

void v4l2_graph_close(struct v4l2_graph *graph)
{
    if (graph->sensor_fd >= 0)
        graph->io->close(graph->io->user, graph->sensor_fd);
    if (graph->media_fd >= 0)
        graph->io->close(graph->io->user, graph->media_fd);
    graph->media_fd = graph->sensor_fd = -1;
    v4l2_topology_finish(&graph->topology);
}

bool v4l2_graph_has_code(const struct v4l2_graph *graph, uint32_t code)
{
    if (graph->sensor_fd < 0)
        return true;
    struct v4l2_subdev_mbus_code_enum entry = {
        .pad = graph->sensor_pad, .which = V4L2_SUBDEV_FORMAT_ACTIVE};
    for (; entry.index < 256; entry.index++) {
        if (v4l2_call(graph->io, graph->sensor_fd, VIDIOC_SUBDEV_ENUM_MBUS_CODE, &entry))
            return false;
        if (entry.code == code)
            return true;
    }
    return false;
}

int v4l2_graph_sensor_format(const struct v4l2_graph *graph, struct v4l2_mbus_framefmt *format)
{
    struct v4l2_subdev_format request = {
        .pad = graph->sensor_pad, .which = V4L2_SUBDEV_FORMAT_ACTIVE};
    int r = v4l2_call(graph->io, graph->sensor_fd, VIDIOC_SUBDEV_G_FMT, &request);
    *format = request.format;
    return r;
}

/* ---- setting ------------------------------------------------------------------------------- */

static int enable_links(const struct v4l2_graph *graph, struct v4l2_error *error)
{
    for (uint32_t i = 0; i < graph->path_count; i++) {
        struct media_v2_link *link = graph->path[i];
        const struct media_v2_pad *from = pad_of(graph, link->source_id),
                                  *to = pad_of(graph, link->sink_id);
        struct media_link_desc request = {
            .source = {.entity = from->entity_id, .index = (uint16_t)from->index},
            .sink = {.entity = to->entity_id, .index = (uint16_t)to->index},
            .flags = MEDIA_LNK_FL_ENABLED,
        };
        if (link->flags & MEDIA_LNK_FL_ENABLED)
            continue;
        int r = v4l2_call(graph->io, graph->media_fd, MEDIA_IOC_SETUP_LINK, &request);
        if (r)
            return v4l2_fail(error, r, "the link from '%s' to '%s' cannot be enabled: %s",
                v4l2_graph_name(graph, i), v4l2_graph_name(graph, i + 1), strerror(-r));
        link->flags |= MEDIA_LNK_FL_ENABLED;
    }
    return 0;
}

static bool is_on_path(const struct v4l2_graph *graph, uint32_t pad_id)
{
    for (uint32_t i = 0; i < graph->path_count; i++) {
        if (graph->path[i]->source_id == pad_id || graph->path[i]->sink_id == pad_id)
            return true;
    }
    return false;
}

static int set_pad(const struct v4l2_graph *graph, int fd, const struct media_v2_pad *pad,
    struct v4l2_mbus_framefmt *format)
{
    struct v4l2_subdev_format request = {
        .pad = pad->index, .which = V4L2_SUBDEV_FORMAT_ACTIVE, .format = *format};
    int r = v4l2_call(graph->io, fd, VIDIOC_SUBDEV_S_FMT, &request);
    if (r == 0)
        *format = request.format;
    return r;
}

/* A pad on the way must take what comes; another keeps the kind of samples that it makes. */
static int offer(const struct v4l2_graph *graph, int fd, const struct media_v2_pad *pad,
    struct v4l2_mbus_framefmt *format)
{
    const struct v4l2_mbus_framefmt wanted = *format;
    if (!is_on_path(graph, pad->id) && pad->flags & MEDIA_PAD_FL_SOURCE) {
        struct v4l2_subdev_format now = {.pad = pad->index, .which = V4L2_SUBDEV_FORMAT_ACTIVE};
        if (v4l2_call(graph->io, fd, VIDIOC_SUBDEV_G_FMT, &now) == 0)
            format->code = now.format.code;
    }
    int r = set_pad(graph, fd, pad, format);
    if (r || !is_on_path(graph, pad->id))
        return r;
    return format->code == wanted.code && format->width == wanted.width &&
                   format->height == wanted.height
               ? 0
               : -EPIPE;
}

/* Another video node at the end of a side branch: only its size must agree. */
static void set_side_node(const struct v4l2_graph *graph, const struct media_v2_entity *entity,
    const struct v4l2_mbus_framefmt *format)
{
    uint64_t number;
    struct v4l2_device device = {.io = graph->io, .type = V4L2_BUF_TYPE_VIDEO_CAPTURE};
    struct v4l2_format node = {.type = V4L2_BUF_TYPE_VIDEO_CAPTURE};
    if (!v4l2_topology_number(&graph->topology, entity->id, &number))
        return;
    device.fd = open_node(graph->io, "/dev/video", number);
    if (device.fd < 0)
        return;
    if (v4l2_call(graph->io, device.fd, VIDIOC_G_FMT, &node) == 0) {
        node.fmt.pix.width = format->width;
        node.fmt.pix.height = format->height;
        node.fmt.pix.bytesperline = node.fmt.pix.sizeimage = 0;
        (void)v4l2_call(graph->io, device.fd, VIDIOC_S_FMT, &node);
    }
    v4l2_device_close(&device);
}

/* Pads whose format is set, in turn; what they feed follows at the end. */
struct spread {
    const struct v4l2_graph *graph;
    struct v4l2_error *error;
    const struct media_v2_pad *sources[TOPOLOGY_MAX];
    struct v4l2_mbus_framefmt formats[TOPOLOGY_MAX];
    uint32_t count;
};

static int complain(const struct spread *s, const struct media_v2_entity *entity, int code,
    const struct v4l2_mbus_framefmt *got)
{
    if (code == -EPIPE)
        return v4l2_fail(s->error, -EINVAL,
            "'%s' has no such frames; the nearest are %ux%u of media bus code 0x%04x", entity->name,
            got->width, got->height, got->code);
    return v4l2_fail(
        s->error, code, "'%s' does not take the format: %s", entity->name, strerror(-code));
}

/* One source pad of an entity whose input has `format`. */
static int set_source(
    struct spread *s, int fd, const struct media_v2_pad *pad, struct v4l2_mbus_framefmt format)
{
    for (uint32_t i = 0; i < s->count; i++) {
        if (s->sources[i] == pad)
            return 0;
    }
    int r = offer(s->graph, fd, pad, &format);
    if (r && is_on_path(s->graph, pad->id))
        return complain(s, entity_of(s->graph, pad->id), r, &format);
    if (r == 0 && s->count < TOPOLOGY_MAX) {
        s->sources[s->count] = pad;
        s->formats[s->count++] = format;
    }
    return 0;
}

static int set_sink(
    struct spread *s, const struct media_v2_pad *sink, struct v4l2_mbus_framefmt format)
{
    const struct v4l2_graph *graph = s->graph;
    const struct media_v2_entity *entity = v4l2_topology_entity_of(&graph->topology, sink);
    bool is_on = is_on_path(graph, sink->id);
    int fd = open_entity(graph, entity);
    if (fd < 0) {
        /* The node at the path's end is set by who streams from it. */
        if (!is_on)
            set_side_node(graph, entity, &format);
        return 0;
    }
    int r = offer(graph, fd, sink, &format);
    if (r)
        r = is_on ? complain(s, entity, r, &format) : 0;
    for (uint32_t i = 0; r == 0 && i < graph->topology.pad_count; i++) {
        const struct media_v2_pad *pad = &graph->topology.pads[i];
        if (pad->entity_id == entity->id && pad->flags & MEDIA_PAD_FL_SOURCE)
            r = set_source(s, fd, pad, format);
    }
    graph->io->close(graph->io->user, fd);
    return r;
}

static int follow(struct spread *s, uint32_t at)
{
    const struct v4l2_topology *t = &s->graph->topology;
    int r = 0;
    for (uint32_t i = 0; r == 0 && i < t->link_count; i++) {
        const struct media_v2_link *link = &t->links[i];
        const struct media_v2_pad *sink = v4l2_topology_pad(t, link->sink_id);
        if (v4l2_is_data_link(link) && link->flags & MEDIA_LNK_FL_ENABLED &&
            link->source_id == s->sources[at]->id && v4l2_topology_entity_of(t, sink))
            r = set_sink(s, sink, s->formats[at]);
    }
    return r;
}

int v4l2_graph_set(const struct v4l2_graph *graph, uint32_t code, uint32_t width, uint32_t height,
    struct v4l2_error *error)
{
    struct spread spread = {.graph = graph, .error = error};
    const struct v4l2_mbus_framefmt format = {
        .width = width, .height = height, .code = code, .field = V4L2_FIELD_NONE};
    int r = enable_links(graph, error);
    if (r == 0)
        r = set_source(&spread, graph->sensor_fd, pad_of(graph, graph->path[0]->source_id), format);
    for (uint32_t i = 0; r == 0 && i < spread.count; i++)
        r = follow(&spread, i);
    return r;
}
