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

struct command {
    const char *name;
    json_t *args; /* owned; NULL for none */
    double timeout_s;
};

struct command command_plain(const char *name);

/* A target's two nodes: the file (or block device), and the format on it, without the backing file
 * that its header may name: the copy writes whole clusters and must not read it. */
struct command command_add_file(const char *node, const char *filename, bool is_device);
struct command command_add_format(const char *node, const char *file_node, const char *format);

/* Writes out all that QEMU still holds of a target, by making it read-only.  Unlike blockdev-del,
 * which hides it, this tells when there is no space left for it. */
struct command command_seal(const char *node, const char *file_node, const char *format);

struct command command_del_node(const char *node);
struct command command_add_mark(const char *node);

struct command command_job_cancel(const char *id);
struct command command_job_dismiss(const char *id);

struct command command_bitmap_remove(const char *node, const char *bitmap);

/* actions: an array, taken over. */
struct command command_transaction(json_t *actions);
json_t *action_bitmap_add(const char *node, const char *bitmap);
/* bitmap: what to copy, or NULL for everything. */
json_t *action_backup(const char *id, const char *node, const char *target, const char *bitmap,
                      uint64_t speed);

#endif
