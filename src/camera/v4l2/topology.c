/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "camera/v4l2/topology.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

static bool is_too_big(const struct media_v2_topology *counts)
{
    return counts->num_entities > TOPOLOGY_MAX || counts->num_interfaces > TOPOLOGY_MAX ||
           counts->num_pads > TOPOLOGY_MAX || counts->num_links > 2 * TOPOLOGY_MAX;
}

static bool allocate(struct v4l2_topology *t)
{
    t->entities = calloc(t->entity_count + 1, sizeof(*t->entities));
    t->interfaces = calloc(t->interface_count + 1, sizeof(*t->interfaces));
    t->pads = calloc(t->pad_count + 1, sizeof(*t->pads));
    t->links = calloc(t->link_count + 1, sizeof(*t->links));
    return t->entities && t->interfaces && t->pads && t->links;
}

static int fill(struct v4l2_topology *t, const struct v4l2_io *io, int fd)
{
    struct media_v2_topology request = {
        .num_entities = t->entity_count,
        .ptr_entities = (uintptr_t)t->entities,
        .num_interfaces = t->interface_count,
        .ptr_interfaces = (uintptr_t)t->interfaces,
        .num_pads = t->pad_count,
        .ptr_pads = (uintptr_t)t->pads,
        .num_links = t->link_count,
        .ptr_links = (uintptr_t)t->links,
    };
    return v4l2_call(io, fd, MEDIA_IOC_G_TOPOLOGY, &request);
}

int v4l2_topology_read(struct v4l2_topology *topology, const struct v4l2_io *io, int fd)
{
    struct media_v2_topology counts = {0};
    *topology = (struct v4l2_topology){0};
    int r = v4l2_call(io, fd, MEDIA_IOC_G_TOPOLOGY, &counts);
    if (r)
        return r;
    if (is_too_big(&counts))
        return -E2BIG;
    *topology = (struct v4l2_topology){
        .entity_count = counts.num_entities,
        .interface_count = counts.num_interfaces,
        .pad_count = counts.num_pads,
        .link_count = counts.num_links,
    };
    r = allocate(topology) ? fill(topology, io, fd) : -ENOMEM;
    if (r)
        v4l2_topology_finish(topology);
    return r;
}

void v4l2_topology_finish(struct v4l2_topology *topology)
{
    free(topology->entities);
    free(topology->interfaces);
    free(topology->pads);
    free(topology->links);
    *topology = (struct v4l2_topology){0};
}

static const struct media_v2_entity *entity_by_id(const struct v4l2_topology *t, uint32_t id)
{
    for (uint32_t i = 0; i < t->entity_count; i++) {
        if (t->entities[i].id == id)
            return &t->entities[i];
    }
    return NULL;
}

const struct media_v2_pad *v4l2_topology_pad(const struct v4l2_topology *topology, uint32_t id)
{
    for (uint32_t i = 0; i < topology->pad_count; i++) {
        if (topology->pads[i].id == id)
            return &topology->pads[i];
    }
    return NULL;
}

const struct media_v2_entity *v4l2_topology_entity_of(
    const struct v4l2_topology *topology, const struct media_v2_pad *pad)
{
    return pad ? entity_by_id(topology, pad->entity_id) : NULL;
}

/* MEDIA_LNK_FL_LINK_TYPE is the top four bits; its own expression shifts into the sign. */
static uint32_t type_of(const struct media_v2_link *link)
{
    return link->flags & 0xf0000000u;
}

static bool is_interface_link(const struct media_v2_link *link)
{
    return type_of(link) == MEDIA_LNK_FL_INTERFACE_LINK;
}

bool v4l2_is_data_link(const struct media_v2_link *link)
{
    return type_of(link) == MEDIA_LNK_FL_DATA_LINK;
}

static uint64_t number_of(const struct media_v2_interface *interface)
{
    return makedev(interface->devnode.major, interface->devnode.minor);
}

/* Each link between an entity and its device node, in turn; *at begins at 0. False past the last.
 */
static bool next_node(
    const struct v4l2_topology *t, uint32_t *at, uint32_t *entity_id, uint64_t *number)
{
    while (*at < t->link_count) {
        const struct media_v2_link *link = &t->links[(*at)++];
        for (uint32_t i = 0; is_interface_link(link) && i < t->interface_count; i++) {
            if (t->interfaces[i].id != link->source_id)
                continue;
            *entity_id = link->sink_id;
            *number = number_of(&t->interfaces[i]);
            return true;
        }
    }
    return false;
}

const struct media_v2_entity *v4l2_topology_entity(
    const struct v4l2_topology *topology, uint64_t number)
{
    uint64_t found;
    for (uint32_t at = 0, id; next_node(topology, &at, &id, &found);) {
        if (found == number)
            return entity_by_id(topology, id);
    }
    return NULL;
}

bool v4l2_topology_number(
    const struct v4l2_topology *topology, uint32_t entity_id, uint64_t *number)
{
    for (uint32_t at = 0, id; next_node(topology, &at, &id, number);) {
        if (id == entity_id)
            return true;
    }
    return false;
}

/* ---- the way from the sensor --------------------------------------------------------------- */

/* Breadth first from the node back; of each entity the link by which it is nearer to the node. */
struct search {
    const struct v4l2_topology *topology;
    const struct media_v2_entity *queue[TOPOLOGY_MAX];
    struct media_v2_link *by[TOPOLOGY_MAX];
    uint32_t count;
};

static bool is_seen(const struct search *s, const struct media_v2_entity *entity)
{
    for (uint32_t i = 0; i < s->count; i++) {
        if (s->queue[i] == entity)
            return true;
    }
    return false;
}

/* Entities that feed number `at` of the queue go to its end. */
static void expand(struct search *s, uint32_t at, bool only_enabled)
{
    const struct v4l2_topology *t = s->topology;
    for (uint32_t i = 0; i < t->link_count; i++) {
        struct media_v2_link *link = &t->links[i];
        if (!v4l2_is_data_link(link) || (only_enabled && !(link->flags & MEDIA_LNK_FL_ENABLED)))
            continue;
        const struct media_v2_pad *sink = v4l2_topology_pad(t, link->sink_id);
        const struct media_v2_entity *from =
            v4l2_topology_entity_of(t, v4l2_topology_pad(t, link->source_id));
        if (!sink || sink->entity_id != s->queue[at]->id || !from || is_seen(s, from))
            continue;
        s->queue[s->count] = from;
        s->by[s->count++] = link;
    }
}

static uint32_t trace(
    const struct search *s, uint32_t at, struct media_v2_link *path[PATH_MAX_LINKS])
{
    uint32_t count = 0;
    while (at && count < PATH_MAX_LINKS) {
        const struct media_v2_entity *to = v4l2_topology_entity_of(
            s->topology, v4l2_topology_pad(s->topology, s->by[at]->sink_id));
        path[count++] = s->by[at];
        for (at = 0; s->queue[at] != to;)
            at++;
    }
    return at ? 0 : count;
}

static uint32_t search_path(struct search *s, const struct media_v2_entity *node, bool only_enabled,
    struct media_v2_link *path[PATH_MAX_LINKS])
{
    s->queue[0] = node;
    s->count = 1;
    for (uint32_t at = 0; at < s->count; at++) {
        if (s->queue[at]->function == MEDIA_ENT_F_CAM_SENSOR)
            return trace(s, at, path);
        expand(s, at, only_enabled);
    }
    return 0;
}

uint32_t v4l2_topology_path(const struct v4l2_topology *topology, uint32_t entity_id,
    struct media_v2_link *path[PATH_MAX_LINKS])
{
    const struct media_v2_entity *node = entity_by_id(topology, entity_id);
    struct search search = {.topology = topology};
    if (!node)
        return 0;
    uint32_t count = search_path(&search, node, true, path);
    return count ? count : search_path(&search, node, false, path);
}
