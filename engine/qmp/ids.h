/* SPDX-License-Identifier: MIT
 *
 * Private to engine/qmp.  The names that our things have at QEMU.  All can be taken apart again, so
 * that a restarted daemon knows its own from others'.
 *
 *   job    vmkeep-TAG-I.DISK   (a job's id may be long; DISK with bytes but letters, digits, - as
 * _XX) nodes  vk-TAG-I, vk-TAG-If (the target's format and file; QEMU takes 31 bytes) mark
 * vk-frozen           (the guest's file systems are frozen, by us; see freeze.h)
 */
#ifndef VMKEEP_ENGINE_QMP_IDS_H
#define VMKEEP_ENGINE_QMP_IDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "engine/hypervisor.h"

#define NODE_NAME_MAX 32 /* with its NUL */
#define JOB_DISKS_MAX 99 /* so that node names fit */
#define FROZEN_MARK "vk-frozen"

int tag_check(const char *tag, struct err *err);

/* Caller frees. */
char *job_id(const char *tag, size_t i, const char *disk);

/* False for a job that is not ours.  *ret_disk: caller frees; both may be NULL. */
bool job_id_parse(const char *id, char ret_tag[HV_TAG_MAX], char **ret_disk);

/* Is it a job of that tag? */
bool job_id_has_tag(const char *id, const char *tag);

void node_name_format(char ret[NODE_NAME_MAX], const char *tag, size_t i);
void node_name_file(char ret[NODE_NAME_MAX], const char *tag, size_t i);

/* False for a node that is not of a tag of ours. */
bool node_name_parse(const char *node, char ret_tag[HV_TAG_MAX], bool *ret_file);

/* One of a tag's nodes?  *ret_file: it is the file's, not the format's; may be NULL. */
bool node_name_has_tag(const char *node, const char *tag, bool *ret_file);

#endif
