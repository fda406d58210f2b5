/* SPDX-License-Identifier: MIT
 *
 * Private to engine/qmp.  The QMP commands that the driver gives, as plain values: this file builds
 * arguments and does nothing else.
 *
 * What is not here is left out on purpose (QEMU 7.2):
 * - block-dirty-bitmap-enable in a transaction: QEMU crashes when it fails;
 * - completion-mode=grouped: QEMU refuses it together with bitmap actions;
 * - auto-dismiss=true: nobody that was away could find out how a job ended.
 */
#ifndef VMKEEP_ENGINE_QMP_COMMAND_H
#define VMKEEP_ENGINE_QMP_COMMAND_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/backup.h"

struct command {
    const char *name;
    json_t *args; /* owned; NULL for none */
    double timeout_s;
    int fd; /* goes with the command, and stays ours; 0: none */
};

struct command command_plain(const char *name);

/* An image's two nodes: the file, block device or NBD export (tls: the id of credentials, or
 * NULL), and the format on it.  backing: a node to read from where the image has nothing, or
 * NULL: without the backing file that its header may name, for the copy writes whole clusters
 * and must not read it. secret: the id of the LUKS passphrase, or NULL. */
struct command command_add_place(const char *node, const struct backup_place *place, bool is_device,
                                 const char *tls);
/* The same, local, whose flushes do nothing.  QEMU flushes an image for the order of its tables,
 * each 512 MiB: all that was copied goes to the disk at once, and the guest's writes wait behind
 * it.  After a crash a scratch image or a target that is not complete is worth nothing. */
struct command command_add_unflushed(const char *node, const struct backup_place *place,
                                     bool is_device);
/* Flushes of that file, no device, count from now on. */
struct command command_flushed(const char *node, const char *path);
struct command command_add_format(const char *node, const char *file_node, const char *format,
                                  const char *backing, const char *secret);

/* A node of a domain's image, or of the file below it, read-only and without locks. */
struct command command_open_image(const char *node, const char *driver, const char *child_key,
                                  const char *child);

/* Writes out all that QEMU still holds of a target, by making it read-only.  Unlike blockdev-del,
 * which hides it, this tells when there is no space left for it. */
struct command command_seal(const char *node, const char *file_node, const char *format,
                            const char *secret);

/* Parts an image from the node that it reads from where it has nothing. */
struct command command_drop_backing(const char *node, const char *file_node, const char *format,
                                    const char *secret);

struct command command_del_node(const char *node);
struct command command_add_mark(const char *node);
/* What is written to it goes nowhere. */
struct command command_add_sink(const char *node, uint64_t size);

/* The filters of a guest-safe copy; see begin_shield.c. */
struct command command_add_gate(const char *node, const char *below);
struct command command_add_cbw(const char *node, const char *below, const char *scratch);
struct command command_add_snapshot(const char *node, const char *cbw);
struct command command_add_window(const char *node, const char *below, uint64_t size);
/* gates: an array of gate_options, taken over; all of them at one instant. */
struct command command_swap_gates(json_t *gates);
json_t *gate_options(const char *node, const char *below);
struct command command_set_drive(const char *device, const char *node);

struct command command_add_tls(const char *id, const char *dir, bool server, bool verify);
struct command command_add_secret(const char *id, const char *data);
struct command command_del_object(const char *id);

struct command command_server_start(const struct backup_address *address, const char *tls);
/* bitmap, of bitmap_node: also shown, as dirty-bitmap context; or NULL. */
struct command command_add_export(const char *id, const char *name, const char *node,
                                  const char *bitmap_node, const char *bitmap);

/* Ends the connection of an NBD node, so that what waits for the peer fails at once. */
struct command command_yank(const char *node);

struct command command_job_cancel(const char *id);
struct command command_job_dismiss(const char *id);

struct command command_bitmap_remove(const char *node, const char *bitmap);

/* actions: an array, taken over. */
struct command command_transaction(json_t *actions);
json_t *action_bitmap_add(const char *node, const char *bitmap);
/* One that does not record and is gone with its node. */
json_t *action_bitmap_add_temporary(const char *node, const char *bitmap);
/* One that records, and is gone with its node. */
json_t *action_bitmap_add_recording(const char *node, const char *bitmap);
json_t *action_bitmap_merge(const char *node, const char *bitmap, const char *from_node,
                            const char *from);
/* It copies cluster by cluster: a read of a snapshot must not reach beyond one (begin_shield.c),
 * and it is a third faster, too (QEMU 7.2).  speed: bytes per second; 0: unlimited.
 * breaks_snapshot: see struct domain; QEMU 10.1 and later know the word. */
struct copy_options {
    const char *bitmap; /* what to copy; NULL: everything, */
    bool allocated;     /* or what the node's own image holds */
    uint64_t speed;
    bool breaks_snapshot;
};
json_t *action_backup(const char *id, const char *node, const char *target,
                      const struct copy_options *o);
/* Copies only what the guest is about to overwrite; never ends by itself. */
json_t *action_fleece(const char *id, const char *node, const char *target, bool breaks_snapshot);
/* begin_sound.c: a target above another one that refuses every write; and a job that looks which
 * clusters the node's own image holds, leaves them in the bitmap, and is forgotten when it ends. */
struct command command_add_dud(const char *node, const char *below);
struct command command_sound(const char *id, const char *node, const char *target,
                             const char *bitmap);

/* Writes what QEMU holds of the node's tables to its file, in its main loop: for as long as that
 * takes, the guest's device emulation waits. */
struct command command_flush(const char *node);
/* A file that has no name, passed to QEMU: it answers with a number; an image on it; and no other
 * is opened on it from then on. */
struct command command_add_fd(int fd);
struct command command_add_scratch(const char *node, json_int_t fdset);
struct command command_remove_fd(json_int_t fdset); /* QEMU closes it when the guest next runs */
/* One that does not record, for its image to keep. */
json_t *action_bitmap_add_stored(const char *node, const char *bitmap);

/* A copy of a window, outside of a transaction. */
struct command command_backup(const char *id, const char *node, const char *target);

#endif
