/* SPDX-License-Identifier: MIT */
#include "engine/qmp/state/view.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "engine/qmp/state/ids.h"
#include "engine/qmp/state/view_disks.h"

const char *const view_query_commands[Q_COUNT] = {
    [Q_STATUS] = "query-status",
    [Q_JOBS] = "query-jobs",
    [Q_NODES] = "query-named-block-nodes",
    [Q_EXPORTS] = "query-block-exports",
    [Q_OBJECTS] = "qom-list",
    [Q_IOTHREADS] = "query-iothreads",
    [Q_BLOCK] = "query-block",
    [Q_GRAPH] = "x-debug-query-block-graph",
    [Q_MIGRATION] = "query-migrate",
    [Q_UUID] = "query-uuid",
};

static int decode_status(json_t *reply, struct view *v, struct err *err)
{
    json_error_t where;
    const char *status;
    int running;

    if (json_unpack_ex(reply, &where, 0, "{s:s, s:b}", "status", &status, "running", &running) < 0)
        return err_set(err, ERR_PROTOCOL, "query-status: %s", where.text);
    v->status = xstrdup(status);
    v->running = running;
    return 0;
}

static uint64_t not_negative(json_int_t v)
{
    return v > 0 ? (uint64_t)v : 0;
}

static int decode_jobs(json_t *reply, struct view *v, struct err *err)
{
    json_t *item;
    size_t i;

    if (!json_is_array(reply))
        return err_set(err, ERR_PROTOCOL, "query-jobs: not a list");
    json_array_foreach(reply, i, item) {
        const char *id, *type, *status, *error = NULL;
        json_int_t done, total;
        json_error_t where;
        struct view_job *job;

        if (json_unpack_ex(item, &where, 0, "{s:s, s:s, s:s, s?s, s:I, s:I}", "id", &id, "type",
                           &type, "status", &status, "error", &error, "current-progress", &done,
                           "total-progress", &total) < 0)
            return err_set(err, ERR_PROTOCOL, "query-jobs: %s", where.text);
        if (strcmp(status, "null") == 0)
            continue;
        job = VEC_ADD(&v->jobs);
        job->id = xstrdup(id);
        job->type = xstrdup(type);
        job->concluded = strcmp(status, "concluded") == 0;
        job->error = xstrdup(error);
        job->done = not_negative(done);
        job->total = not_negative(total);
    }
    return 0;
}

static uint64_t size_in(json_t *node, const char *key)
{
    return not_negative(json_integer_value(json_object_get(json_object_get(node, "image"), key)));
}

static int decode_nodes(json_t *reply, struct view *v, struct err *err)
{
    json_t *item;
    size_t i;

    if (!json_is_array(reply))
        return err_set(err, ERR_PROTOCOL, "query-named-block-nodes: not a list");
    json_array_foreach(reply, i, item) {
        const char *name, *driver, *file = NULL;
        json_error_t where;
        struct view_node *node;

        if (json_unpack_ex(item, &where, 0, "{s:s, s:s, s?s}", "node-name", &name, "drv", &driver,
                           "file", &file) < 0)
            return err_set(err, ERR_PROTOCOL, "query-named-block-nodes: %s", where.text);
        node = VEC_ADD(&v->nodes);
        node->name = xstrdup(name);
        node->driver = xstrdup(driver);
        node->file = xstrdup(file);
        node->size = size_in(item, "virtual-size");
        node->used = size_in(item, "actual-size");
        v->frozen_mark |= strcmp(name, FROZEN_MARK) == 0;
        v->trial |= strcmp(name, TRIAL_NODE) == 0;
    }
    return 0;
}

static void decode_names(json_t *reply, const char *key, struct strlist *ret)
{
    json_t *item;
    size_t i;

    json_array_foreach(reply, i, item) {
        const char *name = json_string_value(json_object_get(item, key));

        if (name)
            strlist_add(ret, name);
    }
}

static void decode_devices(json_t *reply, struct view *v)
{
    json_t *item;
    size_t i;

    json_array_foreach(reply, i, item) {
        const char *qdev = json_string_value(json_object_get(item, "qdev"));
        const char *node =
            json_string_value(json_object_get(json_object_get(item, "inserted"), "node-name"));
        struct view_device *device;

        if (!qdev || !node)
            continue;
        device = VEC_ADD(&v->devices);
        device->path = view_device_path(qdev);
        device->node = xstrdup(node);
    }
}

/* Migration, saving a snapshot: what else excludes a backup, besides block jobs. */
static void find_foreign_work(json_t *migration, struct view *v)
{
    static const char *const idle[] = {"none", "completed", "failed", "cancelled"};
    const char *status = json_string_value(json_object_get(migration, "status"));
    bool busy = status != NULL;

    for (size_t i = 0; status && i < sizeof(idle) / sizeof(idle[0]); i++)
        busy = busy && strcmp(status, idle[i]) != 0;
    if (v->foreign_job)
        return;
    if (busy)
        v->foreign_job = xasprintf("migration (%s)", status);
    else if (strcmp(v->status, "inmigrate") == 0)
        v->foreign_job = xstrdup("incoming migration");
    for (size_t i = 0; i < v->jobs.n && !v->foreign_job; i++)
        if (starts_with(v->jobs.items[i].type, "snapshot-") && !v->jobs.items[i].concluded)
            v->foreign_job = xasprintf("%s job '%s'", v->jobs.items[i].type, v->jobs.items[i].id);
}

/* A QEMU that was given none answers with zeroes. */
static char *decode_uuid(json_t *reply)
{
    const char *uuid = json_string_value(json_object_get(reply, "UUID"));

    return uuid && uuid[strspn(uuid, "0-")] ? xstrdup(uuid) : NULL;
}

int view_decode(json_t *const replies[Q_COUNT], const struct view_names *names, struct view *ret,
                struct err *err)
{
    if (decode_status(replies[Q_STATUS], ret, err) < 0 ||
        decode_jobs(replies[Q_JOBS], ret, err) < 0 || decode_nodes(replies[Q_NODES], ret, err) < 0)
        return -1;
    decode_names(replies[Q_EXPORTS], "id", &ret->exports);
    decode_names(replies[Q_OBJECTS], "name", &ret->objects);
    ret->iothreads = json_array_size(replies[Q_IOTHREADS]) > 0;
    decode_devices(replies[Q_BLOCK], ret);
    ret->graph = json_incref(replies[Q_GRAPH]);
    if (!replies[Q_BLOCK] || !names)
        return 0;
    if (view_decode_disks(replies, names, ret, err) < 0)
        return -1;
    view_decode_asides(replies, names, ret);
    find_foreign_work(replies[Q_MIGRATION], ret);
    ret->uuid = decode_uuid(replies[Q_UUID]);
    return 0;
}

void view_done(struct view *v)
{
    for (size_t i = 0; i < v->jobs.n; i++) {
        free(v->jobs.items[i].id);
        free(v->jobs.items[i].type);
        free(v->jobs.items[i].error);
    }
    free(v->jobs.items);
    for (size_t i = 0; i < v->disks.n; i++) {
        disk_facts_done(&v->disks.items[i].facts);
        free(v->disks.items[i].node);
        free(v->disks.items[i].tree);
        free(v->disks.items[i].no_tree);
        free(v->disks.items[i].top);
        strlist_done(&v->disks.items[i].devices);
        strlist_done(&v->disks.items[i].layers);
    }
    free(v->disks.items);
    for (size_t i = 0; i < v->asides.n; i++) {
        disk_facts_done(&v->asides.items[i].facts);
        free(v->asides.items[i].node);
        free(v->asides.items[i].top);
    }
    free(v->asides.items);
    for (size_t i = 0; i < v->nodes.n; i++) {
        free(v->nodes.items[i].name);
        free(v->nodes.items[i].driver);
        free(v->nodes.items[i].file);
    }
    free(v->nodes.items);
    for (size_t i = 0; i < v->devices.n; i++) {
        free(v->devices.items[i].path);
        free(v->devices.items[i].node);
    }
    free(v->devices.items);
    strlist_done(&v->exports);
    strlist_done(&v->objects);
    json_decref(v->graph);
    free(v->status);
    free(v->foreign_job);
    free(v->uuid);
    *v = (struct view){0};
}
