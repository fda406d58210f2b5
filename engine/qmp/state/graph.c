/* SPDX-License-Identifier: MIT */
#include "engine/qmp/state/graph.h"

#include <string.h>

#define DEPTH_MAX 8

/* The graph's number of a node, or -1. */
static json_int_t number_of(json_t *graph, const char *type, const char *name)
{
    json_t *node;
    size_t i;

    json_array_foreach(json_object_get(graph, "nodes"), i, node) {
        const char *its_type = json_string_value(json_object_get(node, "type"));
        const char *its_name = json_string_value(json_object_get(node, "name"));

        if (its_type && its_name && strcmp(its_type, type) == 0 && strcmp(its_name, name) == 0)
            return json_integer_value(json_object_get(node, "id"));
    }
    return -1;
}

static const char *name_of(json_t *graph, const char *type, json_int_t number)
{
    json_t *node;
    size_t i;

    json_array_foreach(json_object_get(graph, "nodes"), i, node) {
        const char *its_type = json_string_value(json_object_get(node, "type"));

        if (its_type && strcmp(its_type, type) == 0 &&
            json_integer_value(json_object_get(node, "id")) == number)
            return json_string_value(json_object_get(node, "name"));
    }
    return NULL;
}

const char *graph_child(json_t *graph, const char *node, const char *edge)
{
    json_int_t parent = number_of(graph, "block-driver", node);
    json_t *item;
    size_t i;

    json_array_foreach(json_object_get(graph, "edges"), i, item) {
        const char *name = json_string_value(json_object_get(item, "name"));

        if (name && strcmp(name, edge) == 0 &&
            json_integer_value(json_object_get(item, "parent")) == parent)
            return name_of(graph, "block-driver",
                           json_integer_value(json_object_get(item, "child")));
    }
    return NULL;
}

/* A job stands on the node itself, or on a filter above it that QEMU put there for the job. */
static const char *job_above(json_t *graph, json_int_t child, bool (*skip)(const char *id),
                             int depth)
{
    json_t *item;
    size_t i;

    json_array_foreach(json_object_get(graph, "edges"), i, item) {
        json_int_t parent = json_integer_value(json_object_get(item, "parent"));
        const char *edge = json_string_value(json_object_get(item, "name"));
        const char *job;

        if (!edge || json_integer_value(json_object_get(item, "child")) != child)
            continue;
        job = name_of(graph, "block-job", parent);
        if (job && skip(job))
            job = NULL;
        else if (!job && depth > 0 && strcmp(edge, "target") != 0 &&
                 name_of(graph, "block-driver", parent))
            job = job_above(graph, parent, skip, depth - 1);
        if (job)
            return job;
    }
    return NULL;
}

const char *graph_job_on(json_t *graph, const char *node, bool (*skip)(const char *id))
{
    json_int_t number = number_of(graph, "block-driver", node);

    return number < 0 ? NULL : job_above(graph, number, skip, DEPTH_MAX);
}

static const char *any_name(json_t *graph, json_int_t number)
{
    json_t *node;
    size_t i;

    json_array_foreach(json_object_get(graph, "nodes"), i, node)
        if (json_integer_value(json_object_get(node, "id")) == number)
            return json_string_value(json_object_get(node, "name"));
    return NULL;
}

static bool can_write(json_t *edge)
{
    json_t *item;
    size_t i;

    json_array_foreach(json_object_get(edge, "perm"), i, item)
        if (json_string_value(item) && strcmp(json_string_value(item), "write") == 0)
            return true;
    return false;
}

bool graph_has_writer(json_t *graph, const char *node, bool (*known)(const char *name, void *ctx),
                      void *ctx)
{
    json_int_t number = number_of(graph, "block-driver", node);
    json_t *item;
    size_t i;

    json_array_foreach(json_object_get(graph, "edges"), i, item) {
        const char *writer = any_name(graph, json_integer_value(json_object_get(item, "parent")));

        if (json_integer_value(json_object_get(item, "child")) == number && can_write(item) &&
            !known(writer ? writer : "", ctx))
            return true;
    }
    return false;
}
