/* SPDX-License-Identifier: MIT
 *
 * backup: what is asked of a hypervisor, as plain structs.  Their written form is libvirt's XML
 * (engine/xml/backup_xml.h, engine/xml/checkpoint_xml.h).  All strings are borrowed.
 *
 * A request is complete when backup_begin gets it: every disk that takes part is listed, with its
 * mode, its place and its names.  backup_document_complete fills in what an author may leave out.
 */
#ifndef VMKEEP_ENGINE_BACKUP_H
#define VMKEEP_ENGINE_BACKUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/model.h"

#define HV_TAG_MAX 24
/* Windows gives up what it has frozen after 10 seconds (VSS). */
#define FREEZE_S 10

/* Where something listens, or is to listen. */
enum transport { TRANSPORT_TCP, TRANSPORT_UNIX };
struct backup_address {
    enum transport transport;
    const char *host;   /* TCP: name or address; NULL: localhost */
    uint16_t port;      /* TCP; 0: a free one is picked (server), 10809 (target) */
    const char *socket; /* UNIX: absolute path */
    bool tls;
};

/* LUKS: the passphrase is a secret of the daemon's, named by usage or uuid. */
struct backup_encryption {
    const char *secret; /* NULL: not encrypted */
    bool by_uuid;
    const char
        *secret_file; /* the file that holds the passphrase; filled in by who knows secrets */
};

/* A disk's target (push) or scratch space (pull). */
enum place_type { PLACE_NONE, PLACE_FILE, PLACE_BLOCK, PLACE_NETWORK };
struct backup_place {
    enum place_type type;
    const char *path;           /* FILE, BLOCK: absolute */
    bool made;                  /* FILE: it is there, empty, made for this backup by the caller,
                                   who removes it again should the backup fail */
    struct backup_address peer; /* NETWORK: an NBD server, */
    const char *export_name;    /* and its export; NULL: the default one, "" */
    struct backup_encryption encryption;
};

struct backup_disk {
    const char *name;   /* target: vda */
    const char *base;   /* incremental: the checkpoint to start from; NULL: full */
    const char *format; /* of the place's image: "qcow2", "raw" */
    struct backup_place place;
    bool track;                /* the new checkpoint takes in this disk */
    const char *export_name;   /* pull: NULL: the disk's name */
    const char *export_bitmap; /* pull of an increment; NULL: "backup-" and the disk's name */
    int index;                 /* on output; 0: none */
};

struct backup_request {
    const char *domain;
    const char *tag;        /* see engine/hypervisor.h */
    const char *checkpoint; /* the new one's name, or NULL for none */
    enum backup_mode mode;
    struct backup_address server; /* pull */
    const struct backup_disk *disks;
    size_t n_disks;
    enum quiesce quiesce;
    int freeze_s; /* a guest is frozen for so long at most; 0: FREEZE_S */
    /* The places' images exist, made by the caller, and are empty (that is looked at, unless
     * made_empty: the caller has made them just now).  Else no file of that name may exist, and
     * block devices are made into empty images. */
    bool reuse_external, made_empty;
    uint64_t bandwidth; /* push: bytes per second and disk; 0: unlimited */
    /* Push: directory on the hypervisor's own disks for what the guest overwrites before it is
     * copied; the caller's, absolute.  NULL: the copy goes without the guest's protection. */
    const char *scratch;

    /* For the written form alone. */
    const char *incremental;      /* <incremental>; NULL: the one base of all increments */
    const struct strlist *listed; /* the disks in their order, those that take no part too; NULL:
                                     those that take part */
};

#endif
