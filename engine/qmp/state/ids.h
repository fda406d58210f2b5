/* SPDX-License-Identifier: MIT
 *
 * Private to engine/qmp.  The names that our things have at QEMU.  All can be taken apart again, so
 * that a restarted daemon knows its own from others'.
 *
 *   job     vmkeep-TAG-I.DISK  (a job's id may be long; DISK with all bytes but letters,
 *           digits and - as _XX)
 *   node    vk-TAG-I and a letter, see enum node_role (QEMU takes 31 bytes)
 *   object  vk-TAG-... : "tls" and "tlsc" the credentials of server and client, "kI" the
 *           passphrase of disk I
 *   export  vk-TAG-I
 *   mark    vk-frozen          (the guest's file systems are frozen, by us; see freezer.h)
 *   trial   vk-trial           (a file that QEMU is to open; see trial.c)
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
#define TRIAL_NODE "vk-trial"

int tag_check(const char *tag, struct err *err);

/* Caller frees. */
char *job_id(const char *tag, size_t i, const char *disk);

/* False for a job that is not ours.  *ret_disk: caller frees; both may be NULL. */
bool job_id_parse(const char *id, char ret_tag[HV_TAG_MAX], char **ret_disk);

/* The disk's number in the job, of one that is ours. */
size_t job_id_index(const char *id);

/* Is it a job of that tag? */
bool job_id_has_tag(const char *id, const char *tag);

/* What a node of ours is; the letter that its name ends in. */
enum node_role {
    NODE_TARGET = 0,         /* a push target's format */
    NODE_TARGET_FILE = 'f',  /* and what is below it */
    NODE_GATE = 't',         /* above the disk: what it stands on is swapped */
    NODE_CBW = 'c',          /* copy-before-write: keeps what the guest overwrites */
    NODE_SNAPSHOT = 'a',     /* snapshot-access: the disk as it was at the instant */
    NODE_SCRATCH = 's',      /* where that is kept: format */
    NODE_SCRATCH_FILE = 'g', /* and file */
    NODE_WINDOW = 'w',       /* the snapshot's beginning, for a pull's probe */
    NODE_SINK = 'z',         /* where the probe copies to: format */
    NODE_SINK_FILE = 'y',    /* and file */
    NODE_PEEK = 'p',         /* a second look at an image, see begin_sound.c, */
    NODE_DUD = 'd',          /* and a target that refuses all that is written to it */
    NODE_SERVER_MARK = 'n',  /* the NBD server is ours (disk 0) */
    NODE_CUT_MARK = 'x',     /* a target's NBD server hung, and was cut off (disk 0) */
};

void node_name(char ret[NODE_NAME_MAX], const char *tag, size_t i, enum node_role role);

/* False for a node that is not of a tag of ours.  ret_tag, ret_i, ret_role may be NULL. */
bool node_name_parse(const char *node, char ret_tag[HV_TAG_MAX], size_t *ret_i,
                     enum node_role *ret_role);

/* One of a tag's nodes, of that role? */
bool node_name_is(const char *node, const char *tag, enum node_role role);

/* "vk-TAG-WHAT": an object's id. */
#define OBJECT_ID_MAX 48
void object_id(char ret[OBJECT_ID_MAX], const char *tag, const char *what);
bool object_id_has_tag(const char *id, const char *tag);

#endif
