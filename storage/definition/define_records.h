/* SPDX-License-Identifier: MIT
 *
 * define_records: what vmkeep-libvirt is asked when a restored domain comes to a host, and what it
 * answers.  vmkeep-libvirt(1) says what they mean.
 */
#ifndef VMKEEP_STORAGE_DEFINITION_DEFINE_RECORDS_H
#define VMKEEP_STORAGE_DEFINITION_DEFINE_RECORDS_H

#include <stdbool.h>

#include "base/alloc.h"
#include "base/record.h"

struct define_request {
    char *xml;           /* fits, define */
    char *pool;          /* pool, pool-refresh */
    char *domain, *uuid; /* offline, ghosts; start */
};

struct define_lacks {
    struct strlist lacks; /* a line each */
};

struct define_answer {
    char *name, *uuid;
};

struct define_pool {
    char *path, *type;
    bool active;
};

/* A domain whose images are to be replaced. */
struct define_offline {
    char *uuid;
    char *xml;    /* the inactive definition */
    char *state;  /* as vmkeep-libvirt(1) has it */
    bool shutoff; /* it is shut off, */
    bool saved;   /* with its memory saved, */
    bool away;    /* or because it was migrated to another host */
    struct strlist checkpoints;
};

extern const struct record define_request_xml, define_request_pool, define_request_domain;
extern const struct record define_answer_lacks, define_answer_defined, define_answer_pool,
    define_answer_offline;

#endif
