/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fake_graph.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#define RGB        0x100a
#define FAKE_MEDIA 200
#define FAKE_NODE  300 /* and on: of entities */
#define MAJOR      81
#define ID_PAD     1000
#define ID_LINK    2000
#define ID_NODE    3000

static const struct {
    int entity, index;
    uint32_t flags;
} pads[PADS] = {
    [PAD_SENSOR] = {GRAPH_SENSOR, 0, MEDIA_PAD_FL_SOURCE},
    [PAD_DEBAYER_IN] = {GRAPH_DEBAYER, 0, MEDIA_PAD_FL_SINK},
    [PAD_DEBAYER] = {GRAPH_DEBAYER, 1, MEDIA_PAD_FL_SOURCE},
    [PAD_SCALER_IN] = {GRAPH_SCALER, 0, MEDIA_PAD_FL_SINK},
    [PAD_SCALER] = {GRAPH_SCALER, 1, MEDIA_PAD_FL_SOURCE},
    [PAD_RAW] = {GRAPH_RAW, 0, MEDIA_PAD_FL_SINK},
    [PAD_VIDEO] = {GRAPH_VIDEO, 0, MEDIA_PAD_FL_SINK},
};

static const int links[LINKS][2] = {
    [LINK_DEBAYER] = {PAD_SENSOR, PAD_DEBAYER_IN},
    [LINK_RAW] = {PAD_SENSOR, PAD_RAW},
    [LINK_SCALER] = {PAD_DEBAYER, PAD_SCALER_IN},
    [LINK_VIDEO] = {PAD_SCALER, PAD_VIDEO},
};

/* Of the nodes in /dev. */
static uint64_t number_of(int entity)
{
    return makedev(MAJOR, (unsigned)(entity == GRAPH_RAW ? 0 : 10 + entity));
}

static void say_entities(const struct fake_graph *g, struct media_v2_topology *t)
{
    struct media_v2_entity *entities = (void *)(uintptr_t)t->ptr_entities;
    struct media_v2_interface *nodes = (void *)(uintptr_t)t->ptr_interfaces;
    for (int i = 0; entities && i < GRAPH_ENTITIES; i++) {
        entities[i].id = (uint32_t)i + 1;
        entities[i].function =
            i == GRAPH_SENSOR ? MEDIA_ENT_F_CAM_SENSOR : MEDIA_ENT_F_V4L2_SUBDEV_UNKNOWN;
        snprintf(entities[i].name, sizeof(entities[i].name), "%s", g->names[i]);
        nodes[i].id = ID_NODE + (uint32_t)i;
        nodes[i].devnode.major = MAJOR;
        nodes[i].devnode.minor = minor(number_of(i));
    }
}

static int topology(const struct fake_graph *g, struct media_v2_topology *t)
{
    struct media_v2_pad *p = (void *)(uintptr_t)t->ptr_pads;
    struct media_v2_link *l = (void *)(uintptr_t)t->ptr_links;
    say_entities(g, t);
    for (int i = 0; p && i < PADS; i++)
        p[i] = (struct media_v2_pad){.id = ID_PAD + (uint32_t)i,
            .entity_id = (uint32_t)pads[i].entity + 1,
            .flags = pads[i].flags,
            .index = (uint32_t)pads[i].index};
    for (int i = 0; l && i < GRAPH_ENTITIES; i++)
        l[i] = (struct media_v2_link){.id = ID_LINK + (uint32_t)i,
            .source_id = ID_NODE + (uint32_t)i,
            .sink_id = g->is_without_nodes && i < GRAPH_RAW ? 0 : (uint32_t)i + 1,
            .flags = MEDIA_LNK_FL_INTERFACE_LINK | MEDIA_LNK_FL_ENABLED};
    for (int i = 0; l && i < LINKS; i++)
        l[GRAPH_ENTITIES + i] = (struct media_v2_link){.id = ID_LINK + 100 + (uint32_t)i,
            .source_id = ID_PAD + (uint32_t)links[i][0],
            .sink_id = ID_PAD + (uint32_t)links[i][1],
            .flags = g->link_flags[i]};
    t->num_entities = g->entity_count ? g->entity_count : GRAPH_ENTITIES;
    t->num_interfaces = GRAPH_ENTITIES;
    t->num_pads = PADS;
    t->num_links = GRAPH_ENTITIES + LINKS;
    return 0;
}

static int pad_at(int entity, uint32_t index)
{
    for (int i = 0; i < PADS; i++) {
        if (pads[i].entity == entity && pads[i].index == (int)index)
            return i;
    }
    return -1;
}

static int set_link(struct fake_graph *g, const struct media_link_desc *request)
{
    int from = pad_at((int)request->source.entity - 1, request->source.index);
    int to = pad_at((int)request->sink.entity - 1, request->sink.index);
    for (int i = 0; i < LINKS; i++) {
        if (links[i][0] != from || links[i][1] != to)
            continue;
        g->link_flags[i] = request->flags;
        return 0;
    }
    return -EINVAL;
}

/* As vimc: the sensor has its codes, the debayer makes RGB of what it gets, sizes go through. */
static void set_pad(struct fake_graph *g, int pad, struct v4l2_mbus_framefmt *format)
{
    if (pad == PAD_SENSOR) {
        format->width -= format->width % g->steps;
        uint32_t code = g->codes[0];
        for (int i = 0; g->codes[i]; i++)
            code = g->codes[i] == format->code ? format->code : code;
        format->code = code;
    } else if (pad == PAD_DEBAYER || pad == PAD_SCALER_IN || pad == PAD_SCALER) {
        format->code = RGB;
    }
    if (pad == PAD_DEBAYER) {
        format->width = g->pads[PAD_DEBAYER_IN].width;
        format->height = g->pads[PAD_DEBAYER_IN].height;
    }
    g->pads[pad] = *format;
}

static int subdevice(struct fake_graph *g, int entity, unsigned long call, void *argument)
{
    struct v4l2_subdev_format *request = argument;
    struct v4l2_subdev_mbus_code_enum *code = argument;
    if (call == (uint32_t)VIDIOC_SUBDEV_ENUM_MBUS_CODE) {
        if (entity != GRAPH_SENSOR || code->index >= 4 || !g->codes[code->index])
            return -EINVAL;
        code->code = g->codes[code->index];
        return 0;
    }
    if (entity == GRAPH_SENSOR && fake_controls(&g->fake, call, argument) != -ENOTTY)
        return fake_controls(&g->fake, call, argument);
    if (call != (uint32_t)VIDIOC_SUBDEV_G_FMT && call != (uint32_t)VIDIOC_SUBDEV_S_FMT)
        return -ENOTTY;
    int pad = pad_at(entity, request->pad);
    if (pad < 0 || request->which != V4L2_SUBDEV_FORMAT_ACTIVE)
        return -EINVAL;
    if (call == (uint32_t)VIDIOC_SUBDEV_S_FMT && g->is_read_only)
        return -EPERM;
    if (call == (uint32_t)VIDIOC_SUBDEV_S_FMT)
        set_pad(g, pad, &request->format);
    request->format = g->pads[pad];
    return 0;
}

static bool is_same(const struct v4l2_mbus_framefmt *a, const struct v4l2_mbus_framefmt *b)
{
    return a->code == b->code && a->width == b->width && a->height == b->height;
}

/* vimc starts a graph only that agrees as a whole. */
static int check_all(struct fake_graph *g)
{
    const struct v4l2_mbus_framefmt *p = g->pads;
    bool ok = g->link_flags[LINK_RAW] & MEDIA_LNK_FL_ENABLED &&
              is_same(&p[PAD_SENSOR], &p[PAD_DEBAYER_IN]) &&
              is_same(&p[PAD_DEBAYER], &p[PAD_SCALER_IN]) && g->fake.width == p[PAD_SENSOR].width &&
              g->fake.height == p[PAD_SENSOR].height && g->video_width == p[PAD_SCALER].width &&
              g->video_height == p[PAD_SCALER].height;
    return ok ? FAKE_DEFAULT : -EPIPE;
}

static int video_node(struct fake_graph *g, unsigned long call, struct v4l2_format *format)
{
    if (call == (uint32_t)VIDIOC_S_FMT) {
        g->video_width = format->fmt.pix.width;
        g->video_height = format->fmt.pix.height;
    }
    return call == (uint32_t)VIDIOC_S_FMT || call == (uint32_t)VIDIOC_G_FMT ? 0 : -ENOTTY;
}

static int hook(struct fake *fake, int fd, unsigned long call, void *argument)
{
    struct fake_graph *g = (struct fake_graph *)fake;
    if (fake->is_gone || (fd == FAKE_VIDEO && call != (uint32_t)VIDIOC_STREAMON))
        return FAKE_DEFAULT;
    if (fd == FAKE_VIDEO)
        return check_all(g);
    if (fd == FAKE_MEDIA && call == (uint32_t)MEDIA_IOC_G_TOPOLOGY)
        return topology(g, argument);
    if (fd == FAKE_MEDIA && call == (uint32_t)MEDIA_IOC_SETUP_LINK)
        return set_link(g, argument);
    if (fd == FAKE_NODE + GRAPH_VIDEO)
        return video_node(g, call, argument);
    if (fd >= FAKE_NODE && fd < FAKE_NODE + GRAPH_RAW)
        return subdevice(g, fd - FAKE_NODE, call, argument);
    return -ENOTTY;
}

static const struct {
    const char *path;
    int entity, fd;
} nodes[] = {
    {"/dev/video0", GRAPH_RAW, FAKE_VIDEO},
    {"/dev/media3", GRAPH_ENTITIES, FAKE_MEDIA},
    {"/dev/v4l-subdev0", GRAPH_SENSOR, FAKE_NODE + GRAPH_SENSOR},
    {"/dev/v4l-subdev2", GRAPH_DEBAYER, FAKE_NODE + GRAPH_DEBAYER},
    {"/dev/v4l-subdev1", GRAPH_SCALER, FAKE_NODE + GRAPH_SCALER},
    {"/dev/video9", GRAPH_VIDEO, FAKE_NODE + GRAPH_VIDEO},
};

static int graph_open(void *user, const char *path)
{
    struct fake_graph *g = user;
    for (unsigned i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
        if (strcmp(nodes[i].path, path) != 0)
            continue;
        g->fake.opened++;
        return nodes[i].fd;
    }
    return -ENOENT;
}

static int graph_number(void *user, const char *path, uint64_t *number)
{
    for (unsigned i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
        if (strcmp(nodes[i].path, path) != 0)
            continue;
        *number = number_of(nodes[i].entity);
        return 0;
    }
    return -ENOENT;
}

void fake_graph_init(struct fake_graph *graph)
{
    *graph = (struct fake_graph){
        .names = {"Sensor A", "Debayer A", "Scaler", "Raw Capture 0", "RGB/YUV Capture"},
        .codes = {RGB, 0x3014, 0x300f},
        .link_flags = {MEDIA_LNK_FL_ENABLED | MEDIA_LNK_FL_IMMUTABLE,
            MEDIA_LNK_FL_ENABLED | MEDIA_LNK_FL_IMMUTABLE, MEDIA_LNK_FL_ENABLED,
            MEDIA_LNK_FL_ENABLED | MEDIA_LNK_FL_IMMUTABLE},
        .video_width = 640,
        .video_height = 480,
        .steps = 16,
    };
    fake_init(&graph->fake);
    graph->fake.fourcc = V4L2_PIX_FMT_RGB24;
    graph->fake.hook = hook;
    graph->fake.io.open = graph_open;
    graph->fake.io.number = graph_number;
    for (int i = 0; i < PADS; i++)
        graph->pads[i] = (struct v4l2_mbus_framefmt){.width = 640, .height = 480, .code = RGB};
}
