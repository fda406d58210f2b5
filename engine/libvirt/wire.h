/* SPDX-License-Identifier: MIT
 *
 * What vmkeep-libvirt is asked and what it answers: structs, and the records by which they travel.
 * vmkeep-libvirt(1) says what they mean.
 */
#ifndef VMKEEP_ENGINE_LIBVIRT_WIRE_H
#define VMKEEP_ENGINE_LIBVIRT_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/record.h"

/* Of a request; each uses some. */
struct libvirt_request {
    char *domain, *uuid;
    char *backup, *checkpoint; /* documents; of checkpoint-delete: a name */
    char *disk;
    bool brief;                             /* domains */
    bool secure, inactive;                  /* domain-xml */
    bool reuse;                             /* backup-begin */
    bool completed, keep;                   /* job */
    bool size;                              /* checkpoints */
    bool redefine, validate;                /* checkpoint-create */
    bool metadata, children, children_only; /* checkpoint-delete */
    uint64_t bytes;                         /* threshold, speed */
    int limit;                              /* freeze: seconds */
};

struct libvirt_host_answer {
    char *hostname, *uri, *kind, *version, *library;
    bool secure;
};

struct libvirt_entry {
    char *name, *uuid;
    bool persistent, active;
    char *state; /* this and the rest: unless it was to be brief */
    bool checkpoints, job;
};

struct libvirt_entries {
    VEC(struct libvirt_entry) domains;
};

struct libvirt_block {
    char *name, *path; /* of its top image */
    uint64_t capacity, allocation, physical;
    char *job; /* a block job of it that runs: pull, copy, commit, ... */
};

struct libvirt_domain_answer {
    char *name, *uuid, *state, *reason;
    char *live, *inactive; /* XML */
    char *job, *operation;
    /* What libvirt waits for (job, occupied: by QEMU, error), for how long; NULL: nothing. */
    char *control;
    uint64_t control_ms;
    char *no_secrets; /* why they are not in the documents; NULL: they are */
    bool persistent, autostart, saved;
    bool held; /* another call held it all the time: the sizes in blocks are not known */
    VEC(struct libvirt_block) blocks;
};

struct libvirt_text {
    char *xml;
};

struct libvirt_job_answer {
    char *state, *operation;
    bool success;
    char *text;   /* why it failed, or was canceled */
    bool stopped; /* the guest is, by an I/O error */
    uint64_t elapsed_ms, total, done, remaining, temp_used, temp_total;
};

struct libvirt_checkpoint {
    char *name, *parent, *xml;
    char *problem; /* why its size cannot be told: a bitmap of it is missing or broken */
};

struct libvirt_checkpoints {
    VEC(struct libvirt_checkpoint) checkpoints;
};

struct libvirt_count {
    int filesystems;
};

/* Requests by what is asked: struct libvirt_request each. */
extern const struct record libvirt_request_domain; /* and all that take nothing more */
extern const struct record libvirt_request_domains, libvirt_request_xml, libvirt_request_begin,
    libvirt_request_job, libvirt_request_disk, libvirt_request_checkpoints,
    libvirt_request_checkpoint_create, libvirt_request_checkpoint_delete, libvirt_request_freeze;

extern const struct record libvirt_answer_host, libvirt_answer_domains, libvirt_answer_domain,
    libvirt_answer_xml, libvirt_answer_job, libvirt_answer_checkpoints, libvirt_answer_count;

#endif
