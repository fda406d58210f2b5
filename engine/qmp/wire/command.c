/* SPDX-License-Identifier: MIT */
#include "engine/qmp/wire/command.h"

#include <stdio.h>
#include <string.h>

#define USUAL_S 30
#define DRAINING_S 60 /* a transaction waits for the disks' writes under way */
#define SYNCING_S 600 /* the target's medium may be slow */
#define NBD_PORT 10809
#define NODE_NAME_LONG 64 /* QEMU's node names have 31 bytes */
/* The cluster size of the targets, so that no cluster is written in part. */
#define GRANULARITY 65536
/* Requests at one time of a copy.  Each has a thread of QEMU's, and these keep the main loop, which
 * serves the guest too, from the processor and from the lock that they share with it.  Measured
 * with two cores: a guest's write during a copy of 2 GiB took 240 ms at the median with QEMU's own
 * 64; with 8 the slowest hundredth took 20 ms and more, with 4 it takes 6 to 13, with 3 it takes 5
 * to 7.  The copy takes as long with 3 as with 8, and a sixth longer with 2. */
#define WORKERS 3
/* How long a write of the guest may wait for scratch space, before the snapshot breaks.  QEMU
 * before 9.1 counts the nanoseconds in 32 bits: of 30 s it makes 4.2. */
#define CBW_S 30
/* What a target that takes nothing says, as QEMU numbers it: EPERM. */
#define DUD_ERRNO 1

static struct command of(const char *name, json_t *args, double timeout_s)
{
    return (struct command){.name = name, .args = args, .timeout_s = timeout_s};
}

struct command command_plain(const char *name)
{
    return of(name, NULL, USUAL_S);
}

static json_t *address_options(const struct backup_address *a)
{
    char port[8];

    if (a->transport == TRANSPORT_UNIX)
        return json_pack("{s:s, s:s}", "type", "unix", "path", a->socket);
    snprintf(port, sizeof(port), "%d", a->port ? a->port : NBD_PORT);
    return json_pack("{s:s, s:s, s:s}", "type", "inet", "host", a->host ? a->host : "localhost",
                     "port", port);
}

/* A server's address is wrapped once more than a client's. */
static json_t *server_options(const struct backup_address *a)
{
    json_t *options = address_options(a);
    const char *type = a->transport == TRANSPORT_UNIX ? "unix" : "inet";

    json_object_del(options, "type");
    return json_pack("{s:s, s:o}", "type", type, "data", options);
}

struct command command_add_place(const char *node, const struct backup_place *place, bool is_device,
                                 const char *tls)
{
    json_t *args;

    if (place->type == PLACE_NETWORK)
        args = json_pack("{s:s, s:s, s:o, s:s, s:s*}", "driver", "nbd", "node-name", node, "server",
                         address_options(&place->peer), "export",
                         place->export_name ? place->export_name : "", "tls-creds", tls);
    else
        args = json_pack("{s:s, s:s, s:s}", "driver", is_device ? "host_device" : "file",
                         "node-name", node, "filename", place->path);
    return of("blockdev-add", args, USUAL_S);
}

/* Only a format that knows backing files takes the word. */
static json_t *format_options(const char *node, const char *file_node, const char *format,
                              const char *backing, const char *secret)
{
    json_t *options =
        json_pack("{s:s, s:s, s:s}", "driver", format, "node-name", node, "file", file_node);

    if (json_is_object(options) && strcmp(format, "raw") != 0)
        json_object_set_new(options, "backing", backing ? json_string(backing) : json_null());
    if (options && secret)
        json_object_set_new(options, "encrypt",
                            json_pack("{s:s, s:s}", "format", "luks", "key-secret", secret));
    return options;
}

struct command command_add_unflushed(const char *node, const struct backup_place *place,
                                     bool is_device)
{
    struct command add = command_add_place(node, place, is_device, NULL);

    if (add.args)
        json_object_set_new(add.args, "cache", json_pack("{s:b}", "no-flush", 1));
    return add;
}

struct command command_flushed(const char *node, const char *path)
{
    return of("blockdev-reopen",
              json_pack("{s:[{s:s, s:s, s:s}]}", "options", "driver", "file", "node-name", node,
                        "filename", path),
              DRAINING_S);
}

struct command command_add_format(const char *node, const char *file_node, const char *format,
                                  const char *backing, const char *secret)
{
    return of("blockdev-add", format_options(node, file_node, format, backing, secret), USUAL_S);
}

struct command command_open_image(const char *node, const char *driver, const char *child_key,
                                  const char *child)
{
    return of("blockdev-add",
              json_pack("{s:s, s:s, s:s, s:b, s:b}", "driver", driver, "node-name", node, child_key,
                        child, "read-only", 1, "force-share", 1),
              USUAL_S);
}

struct command command_seal(const char *node, const char *file_node, const char *format,
                            const char *secret)
{
    json_t *options = format_options(node, file_node, format, NULL, secret);

    if (options)
        json_object_set_new(options, "read-only", json_true());
    return of("blockdev-reopen", json_pack("{s:[o]}", "options", options), SYNCING_S);
}

struct command command_drop_backing(const char *node, const char *file_node, const char *format,
                                    const char *secret)
{
    json_t *options = format_options(node, file_node, format, NULL, secret);

    return of("blockdev-reopen", json_pack("{s:[o]}", "options", options), DRAINING_S);
}

struct command command_del_node(const char *node)
{
    return of("blockdev-del", json_pack("{s:s}", "node-name", node), SYNCING_S);
}

struct command command_add_mark(const char *node)
{
    return command_add_sink(node, 512);
}

struct command command_add_sink(const char *node, uint64_t size)
{
    return of("blockdev-add",
              json_pack("{s:s, s:s, s:I}", "driver", "null-co", "node-name", node, "size",
                        (json_int_t)size),
              USUAL_S);
}

/* ---- a guest-safe copy ---- */

struct command command_add_gate(const char *node, const char *below)
{
    return of("blockdev-add", gate_options(node, below), DRAINING_S);
}

struct command command_add_cbw(const char *node, const char *below, const char *scratch)
{
    return of("blockdev-add",
              json_pack("{s:s, s:s, s:s, s:s, s:s, s:i}", "driver", "copy-before-write",
                        "node-name", node, "file", below, "target", scratch, "on-cbw-error",
                        "break-snapshot", "cbw-timeout", CBW_S),
              DRAINING_S);
}

struct command command_add_snapshot(const char *node, const char *cbw)
{
    return of(
        "blockdev-add",
        json_pack("{s:s, s:s, s:s}", "driver", "snapshot-access", "node-name", node, "file", cbw),
        USUAL_S);
}

struct command command_add_window(const char *node, const char *below, uint64_t size)
{
    return of("blockdev-add",
              json_pack("{s:s, s:s, s:s, s:I}", "driver", "raw", "node-name", node, "file", below,
                        "size", (json_int_t)size),
              USUAL_S);
}

json_t *gate_options(const char *node, const char *below)
{
    return json_pack("{s:s, s:s, s:s}", "driver", "raw", "node-name", node, "file", below);
}

struct command command_swap_gates(json_t *gates)
{
    return of("blockdev-reopen", json_pack("{s:o}", "options", gates), DRAINING_S);
}

struct command command_set_drive(const char *device, const char *node)
{
    return of("qom-set",
              json_pack("{s:s, s:s, s:s}", "path", device, "property", "drive", "value", node),
              DRAINING_S);
}

/* ---- objects ---- */

struct command command_add_tls(const char *id, const char *dir, bool server, bool verify)
{
    return of("object-add",
              json_pack("{s:s, s:s, s:s, s:s, s:b}", "qom-type", "tls-creds-x509", "id", id, "dir",
                        dir, "endpoint", server ? "server" : "client", "verify-peer", verify),
              USUAL_S);
}

struct command command_add_secret(const char *id, const char *data)
{
    return of("object-add",
              json_pack("{s:s, s:s, s:s}", "qom-type", "secret", "id", id, "data", data), USUAL_S);
}

struct command command_del_object(const char *id)
{
    return of("object-del", json_pack("{s:s}", "id", id), USUAL_S);
}

/* ---- the NBD server ---- */

struct command command_server_start(const struct backup_address *address, const char *tls)
{
    return of("nbd-server-start",
              json_pack("{s:o, s:s*, s:i}", "addr", server_options(address), "tls-creds", tls,
                        "max-connections", 0),
              USUAL_S);
}

struct command command_add_export(const char *id, const char *name, const char *node,
                                  const char *bitmap_node, const char *bitmap)
{
    json_t *args = json_pack("{s:s, s:s, s:s, s:s, s:b}", "type", "nbd", "id", id, "name", name,
                             "node-name", node, "writable", 0);

    if (args && bitmap)
        json_object_set_new(args, "bitmaps",
                            json_pack("[{s:s, s:s}]", "node", bitmap_node, "name", bitmap));
    return of("block-export-add", args, USUAL_S);
}

struct command command_yank(const char *node)
{
    return of("yank",
              json_pack("{s:[{s:s, s:s}]}", "instances", "type", "block-node", "node-name", node),
              USUAL_S);
}

/* ---- jobs ---- */

struct command command_job_cancel(const char *id)
{
    return of("job-cancel", json_pack("{s:s}", "id", id), USUAL_S);
}

struct command command_job_dismiss(const char *id)
{
    return of("job-dismiss", json_pack("{s:s}", "id", id), USUAL_S);
}

struct command command_bitmap_remove(const char *node, const char *bitmap)
{
    return of("block-dirty-bitmap-remove", json_pack("{s:s, s:s}", "node", node, "name", bitmap),
              USUAL_S);
}

struct command command_transaction(json_t *actions)
{
    return of("transaction", json_pack("{s:o}", "actions", actions), DRAINING_S);
}

json_t *action_bitmap_add(const char *node, const char *bitmap)
{
    return json_pack("{s:s, s:{s:s, s:s, s:b, s:i}}", "type", "block-dirty-bitmap-add", "data",
                     "node", node, "name", bitmap, "persistent", 1, "granularity", GRANULARITY);
}

json_t *action_bitmap_add_temporary(const char *node, const char *bitmap)
{
    return json_pack("{s:s, s:{s:s, s:s, s:b, s:i}}", "type", "block-dirty-bitmap-add", "data",
                     "node", node, "name", bitmap, "disabled", 1, "granularity", GRANULARITY);
}

json_t *action_bitmap_add_recording(const char *node, const char *bitmap)
{
    return json_pack("{s:s, s:{s:s, s:s, s:i}}", "type", "block-dirty-bitmap-add", "data", "node",
                     node, "name", bitmap, "granularity", GRANULARITY);
}

json_t *action_bitmap_add_stored(const char *node, const char *bitmap)
{
    return json_pack("{s:s, s:{s:s, s:s, s:b, s:b, s:i}}", "type", "block-dirty-bitmap-add", "data",
                     "node", node, "name", bitmap, "persistent", 1, "disabled", 1, "granularity",
                     GRANULARITY);
}

json_t *action_bitmap_merge(const char *node, const char *bitmap, const char *from_node,
                            const char *from)
{
    return json_pack("{s:s, s:{s:s, s:s, s:[{s:s, s:s}]}}", "type", "block-dirty-bitmap-merge",
                     "data", "node", node, "target", bitmap, "bitmaps", "node", from_node, "name",
                     from);
}

static json_t *backup_options(const char *id, const char *node, const char *target,
                              const char *sync)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:b}", "job-id", id, "device", node, "target", target,
                     "sync", sync, "auto-dismiss", 0);
}

json_t *action_backup(const char *id, const char *node, const char *target,
                      const struct copy_options *o)
{
    json_t *data = backup_options(id, node, target,
                                  o->bitmap      ? "bitmap"
                                  : o->allocated ? "top"
                                                 : "full");

    if (data)
        json_object_set_new(
            data, "x-perf",
            json_pack("{s:i, s:i}", "max-chunk", GRANULARITY, "max-workers", WORKERS));
    if (data && o->breaks_snapshot)
        json_object_set_new(data, "on-cbw-error", json_string("break-snapshot"));
    if (data && o->speed)
        json_object_set_new(data, "speed", json_integer((json_int_t)o->speed));
    if (data && o->bitmap) {
        json_object_set_new(data, "bitmap", json_string(o->bitmap));
        json_object_set_new(data, "bitmap-mode", json_string("never"));
    }
    return json_pack("{s:s, s:o}", "type", "blockdev-backup", "data", data);
}

json_t *action_fleece(const char *id, const char *node, const char *target, bool breaks_snapshot)
{
    json_t *data = backup_options(id, node, target, "none");

    if (data && breaks_snapshot)
        json_object_set_new(data, "on-cbw-error", json_string("break-snapshot"));
    return json_pack("{s:s, s:o}", "type", "blockdev-backup", "data", data);
}

struct command command_backup(const char *id, const char *node, const char *target)
{
    return of("blockdev-backup", backup_options(id, node, target, "full"), DRAINING_S);
}

/* ---- what of a disk holds data ---- */

struct command command_add_dud(const char *node, const char *below)
{
    return of("blockdev-add",
              json_pack("{s:s, s:s, s:s, s:[{s:s, s:s, s:i}, {s:s, s:s, s:i}]}", "driver",
                        "blkdebug", "node-name", node, "image", below, "inject-error", "event",
                        "none", "iotype", "write", "errno", DUD_ERRNO, "event", "none", "iotype",
                        "write-zeroes", "errno", DUD_ERRNO),
              USUAL_S);
}

struct command command_sound(const char *id, const char *node, const char *target,
                             const char *bitmap)
{
    return of("blockdev-backup",
              json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:{s:i, s:i}}", "job-id", id, "device",
                        node, "target", target, "sync", "top", "bitmap", bitmap, "bitmap-mode",
                        "always", "x-perf", "max-chunk", GRANULARITY, "max-workers", 1),
              DRAINING_S);
}

/* ---- what a bitmap holds ---- */

struct command command_flush(const char *node)
{
    char line[NODE_NAME_LONG + 16];

    snprintf(line, sizeof(line), "qemu-io %s flush", node);
    return of("human-monitor-command", json_pack("{s:s}", "command-line", line), SYNCING_S);
}

struct command command_add_fd(int fd)
{
    return (struct command){"add-fd", NULL, USUAL_S, fd};
}

struct command command_add_scratch(const char *node, json_int_t fdset)
{
    char file[40];

    snprintf(file, sizeof(file), "/dev/fdset/%lld", (long long)fdset);
    return of("blockdev-add",
              json_pack("{s:s, s:s, s:{s:s, s:s}}", "driver", "qcow2", "node-name", node, "file",
                        "driver", "file", "filename", file),
              USUAL_S);
}

struct command command_remove_fd(json_int_t fdset)
{
    return of("remove-fd", json_pack("{s:I}", "fdset-id", fdset), USUAL_S);
}
