/* SPDX-License-Identifier: MIT */
#include "engine/qmp/command.h"

#include <string.h>

#define USUAL_S 30
#define DRAINING_S 60 /* a transaction waits for the disks' writes under way */
#define SYNCING_S 600 /* the target's medium may be slow */
#define GRANULARITY                                                                                \
    65536 /* the cluster size of the targets, so that no cluster is written in part */

struct command command_plain(const char *name)
{
    return (struct command){name, NULL, USUAL_S};
}

struct command command_add_file(const char *node, const char *filename, bool is_device)
{
    return (struct command){"blockdev-add",
                            json_pack("{s:s, s:s, s:s}", "driver",
                                      is_device ? "host_device" : "file", "node-name", node,
                                      "filename", filename),
                            USUAL_S};
}

/* Only a format that knows backing files takes the word. */
static json_t *format_options(const char *node, const char *file_node, const char *format)
{
    json_t *options =
        json_pack("{s:s, s:s, s:s}", "driver", format, "node-name", node, "file", file_node);

    if (json_is_object(options) && strcmp(format, "raw") != 0)
        json_object_set_new(options, "backing", json_null());
    return options;
}

struct command command_add_format(const char *node, const char *file_node, const char *format)
{
    return (struct command){"blockdev-add", format_options(node, file_node, format), USUAL_S};
}

struct command command_seal(const char *node, const char *file_node, const char *format)
{
    json_t *options = format_options(node, file_node, format);

    if (options)
        json_object_set_new(options, "read-only", json_true());
    return (struct command){"blockdev-reopen", json_pack("{s:[o]}", "options", options), SYNCING_S};
}

struct command command_del_node(const char *node)
{
    return (struct command){"blockdev-del", json_pack("{s:s}", "node-name", node), SYNCING_S};
}

struct command command_add_mark(const char *node)
{
    return (struct command){
        "blockdev-add",
        json_pack("{s:s, s:s, s:i}", "driver", "null-co", "node-name", node, "size", 512), USUAL_S};
}

struct command command_job_cancel(const char *id)
{
    return (struct command){"job-cancel", json_pack("{s:s}", "id", id), USUAL_S};
}

struct command command_job_dismiss(const char *id)
{
    return (struct command){"job-dismiss", json_pack("{s:s}", "id", id), USUAL_S};
}

struct command command_bitmap_remove(const char *node, const char *bitmap)
{
    return (struct command){"block-dirty-bitmap-remove",
                            json_pack("{s:s, s:s}", "node", node, "name", bitmap), USUAL_S};
}

struct command command_transaction(json_t *actions)
{
    return (struct command){"transaction", json_pack("{s:o}", "actions", actions), DRAINING_S};
}

json_t *action_bitmap_add(const char *node, const char *bitmap)
{
    return json_pack("{s:s, s:{s:s, s:s, s:b, s:i}}", "type", "block-dirty-bitmap-add", "data",
                     "node", node, "name", bitmap, "persistent", 1, "granularity", GRANULARITY);
}

json_t *action_backup(const char *id, const char *node, const char *target, const char *bitmap,
                      uint64_t speed)
{
    json_t *data = json_pack("{s:s, s:s, s:s, s:s, s:b, s:I}", "job-id", id, "device", node,
                             "target", target, "sync", bitmap ? "bitmap" : "full", "auto-dismiss",
                             0, "speed", (json_int_t)speed);

    if (data && bitmap) {
        json_object_set_new(data, "bitmap", json_string(bitmap));
        json_object_set_new(data, "bitmap-mode", json_string("never"));
    }
    return json_pack("{s:s, s:o}", "type", "blockdev-backup", "data", data);
}
