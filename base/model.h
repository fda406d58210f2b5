/* SPDX-License-Identifier: MIT
 *
 * model: the nouns that the layers share, as plain structs.
 */
#ifndef VMKEEP_BASE_MODEL_H
#define VMKEEP_BASE_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"

enum backup_level { LEVEL_FULL, LEVEL_INCREMENTAL };
enum backup_mode { MODE_PUSH, MODE_PULL };
enum image_compression { COMPRESS_OFF, COMPRESS_ZLIB, COMPRESS_ZSTD };
enum quiesce { QUIESCE_OFF, QUIESCE_TRY, QUIESCE_REQUIRE };

enum point_state {
    POINT_GOOD,
    POINT_DAMAGED,  /* found unreadable; nothing new is put on it */
    POINT_MISSING,  /* its files are not where they should be, in a repository that is there */
    POINT_DELETING, /* let go by retention; files may be half gone */
};

/* What a disk was when a point or a checkpoint was made of it.  A name is not an identity: two
 * disks can change names, and a file can be replaced.  Each NULL where it is not known. */
struct disk_origin {
    char *image;    /* the path of the image that was open, or its URL; for people */
    char *identity; /* what tells that image from every other; see engine/hypervisor.h */
    char *device;   /* what it hung on */
    char *bitmap;   /* of the checkpoint that was made with it; NULL: none was */
};

void disk_origin_done(struct disk_origin *o);
struct disk_origin disk_origin_copy(const struct disk_origin *o);

/* One disk of a restore point. */
struct point_disk {
    char *name;        /* the disk's target: vda */
    char *path;        /* file name in the point's directory: vda.qcow2 */
    char *format;      /* of the image: qcow2 */
    char *backing;     /* the point whose image this one stands on, by id; NULL: stands alone */
    uint64_t capacity; /* virtual size */
    uint64_t bytes;    /* allocated on disk when published */
    uint64_t length;   /* of the file when published; 0: not known */
    char *digest;  /* "blake3:HEX" of the image file, as older versions took it; NULL: not taken */
    char *content; /* "sha256-tree:HEX" of what a guest reads; NULL: not taken */
    enum image_compression compress; /* how it was compressed when published */
    uint64_t loose; /* clusters that were left uncompressed when a merge compressed it anew; 0: none
                     * has, or it is not known.  In the manifest alone */
    bool encrypted; /* with the repository's key (LUKS) */
    char *why_not;  /* of a point just published: why it was not, though it should be; else NULL */
    struct disk_origin origin;
};

/* A disk, CD-ROM or drive that was attached when a point was made, and is not in it. */
struct left_out {
    char *name;
    char *why; /* "a read-only disk, /images/ro.raw" */
};

struct left_out_list {
    struct left_out *items;
    size_t n, cap;
};

void left_out_add(struct left_out_list *l, const char *name, const char *why); /* both are copied */
void left_out_list_done(struct left_out_list *l);

/* What was read of a point, to see whether it is whole. */
struct point_read {
    int64_t proven;         /* when all of it was found whole last; 0: never, since it was made */
    int64_t at;             /* the last read; 0: none */
    uint32_t slice, slices; /* ... which was of that slice of so many; 1: of all of it */
    int64_t job;            /* by that job; 0: by none */
    char *result;           /* whole, unproven, unread, missing, damaged; NULL: none */
};

/* No rule lets go of it. */
struct point_pin {
    int64_t since; /* 0: it is not pinned */
    int64_t until; /* 0: for ever */
    char *note;    /* NULL: none */
};

/* A finished, published backup of one domain at one instant. Its id is its place in the
 * repository: HOST/DOMAIN/TIME.POLICY@CATALOG-JOB, names escaped as base/names.h says, so it
 * outlives the catalog; the last part, by who made it, keeps apart what two catalogs, or one
 * that was put back to an older state, make in the same second. */
struct point {
    char *id;
    char *host, *domain, *policy, *repository;
    char *repository_id; /* of the repository that holds it, whatever is under that name now; NULL:
                              * not known yet, or asked of a repository itself */
    enum backup_level level; /* full when no disk has a backing image */
    char *parent;            /* id; NULL for a full */
    int64_t created;         /* the instant, UTC seconds */
    char *checkpoint;        /* NULL: none was made */
    enum backup_mode mode;
    enum point_state state;
    char *problem; /* damaged, missing: why, one sentence; NULL: nothing to say */
    char *damage;  /* what a read of its images has found; it stays until one finds them whole */
    int64_t job;   /* the number of the job that made it: the order of making, whatever the clock
                    * said; 0: not known, it was made by a version that did not record it */
    char *catalog; /* the id of the catalog that it was made for; NULL: as with job */
    bool quiesced;
    bool set_aside; /* its date cannot be right (policies/dates.h): found when it is looked at,
                     * never stored */
    char *copy_of;  /* id: it is a copy of that point, in another repository; NULL: it is none */
    char *why;      /* why this level, one sentence */
    char *keep;     /* why retention keeps it, as of the last prune; NULL: not judged */
    struct point_read read;
    struct point_pin pin;
    VEC(struct point_disk) disks;
    struct strlist missing;        /* disks that an older point has, and this one lacks */
    struct left_out_list left_out; /* what else was attached, and why it is not in it */
};

struct point_list {
    struct point *items;
    size_t n, cap;
};

/* What a domain is started with, or a part of that, as a file of a point. */
struct definition_file {
    char *name;  /* "domain.xml", "qemu.args" ...; NULL: none is made, its digest is noted alone */
    char *text;  /* what is in it; or NULL, and it is a copy of */
    char *from;  /* this file, if that can be read */
    char *what;  /* of a copy: what it is to the domain (storage/images/beside.h); NULL: its text */
    char *lacks; /* why it cannot be had; NULL: it can, as far as is known */
};
struct definition_list {
    struct definition_file *items;
    size_t n, cap;
};
/* Takes over text and from; nothing is added when both are NULL. */
void definition_list_add(struct definition_list *l, const char *name, char *text, char *from);
/* Something that belongs to the domain beside its document.  Takes over from and lacks. */
void definition_list_beside(struct definition_list *l, const char *what, const char *name,
                            char *from, char *lacks);
void definition_list_done(struct definition_list *l);

void point_disk_done(struct point_disk *d);
void point_done(struct point *p);
void point_copy(struct point *dst, const struct point *src);
void point_list_done(struct point_list *l);
const struct point *point_list_find(const struct point_list *l, const char *id);
const struct point_disk *point_find_disk(const struct point *p, const char *name);
/* Was a made after b?  The numbers of one catalog's jobs tell, whatever the dates say; catalog is
 * ours, and its points come after all others.  Between those of others, and of older versions, the
 * dates must do. */
bool point_made_after(const struct point *a, const struct point *b, const char *catalog);

/* Kinds of jobs that others than jobs/ speak of; jobs/job_types.h has them all. */
#define JOB_BACKUP "backup"
#define JOB_BACKUP_BEGIN "backup-begin" /* a backup begun by hand, without a policy */
#define JOB_COPY "copy"                 /* of points, into a second repository */
#define JOB_DELETE "delete"             /* of points, by name */
#define JOB_PRUNE "prune"               /* of points that no rule keeps */
#define JOB_VERIFY "verify"             /* of points, by a policy's schedule or by name */
#define JOB_FORGET "repository-forget"  /* a repository's points left the catalog; a row only */
enum job_state { JOB_QUEUED, JOB_RUNNING, JOB_ENDED };
enum job_outcome {
    OUTCOME_NONE,
    OUTCOME_SUCCESS,
    OUTCOME_FAILED,
    OUTCOME_ABORTED,
    OUTCOME_SKIPPED
};

/* The words used in the catalog, in manifests, in JSON and on the command line. */
const char *level_name(enum backup_level v);            /* full, incremental */
const char *mode_name(enum backup_mode v);              /* push, pull */
const char *quiesce_name(enum quiesce v);               /* off, try, require */
const char *compression_name(enum image_compression v); /* off, zlib, zstd */
const char *point_state_name(enum point_state v);       /* good, damaged, missing, deleting */
const char *job_state_name(enum job_state v);           /* queued, running, ended */
const char *job_outcome_name(enum job_outcome v);       /* "", success, failed, aborted, skipped */

/* The reverse; -1 for a word they do not know. */
int level_from_name(const char *s, enum backup_level *ret);
int mode_from_name(const char *s, enum backup_mode *ret);
int quiesce_from_name(const char *s, enum quiesce *ret);
int compression_from_name(const char *s, enum image_compression *ret);
int point_state_from_name(const char *s, enum point_state *ret);
int job_state_from_name(const char *s, enum job_state *ret);
int job_outcome_from_name(const char *s, enum job_outcome *ret);

#endif
