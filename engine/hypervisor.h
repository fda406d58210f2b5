/* SPDX-License-Identifier: MIT
 *
 * hypervisor: the backup API of one host, with the semantics of libvirt's virDomainBackupBegin
 * family, whatever the driver behind it (engine/qmp; simulated hosts in the tests).
 *
 * Which domains a host has may be known only some time after its driver was made, and may change
 * while it lives; see `domains`.
 *
 * Everything runs on the loop's thread.  Operations keep the contract of base/op.h: each has one
 * completion, later, within a time limit of its own.  Requests and strings are borrowed until the
 * start returns; results are written before done runs.
 *
 * The life of a backup:
 *   backup_begin   all disks at one instant, in one transaction, with the new checkpoint's bitmaps.
 *   (copying)      HV_EVENT_JOB says "look": ask job_stats.  Events may be lost or doubled.
 *   job_stats      HVJOB_COMPLETED: every target file is complete and closed by the hypervisor.
 *                  The ended job is kept until job_forget, so that one that was not watching
 *                  finds out how it ended; not by every hypervisor, see HV_KEEPS_ENDED.
 *   abort_job      cancels a push: its images are invalid; ends as HVJOB_CANCELED.  Ends a pull,
 *                  which never ends by itself but by failing: after it the hypervisor knows nothing
 *                  of the job (HVJOB_NONE), and that is its good end.
 *   job_forget     lets go of an ended job.  Never of the checkpoint: that is checkpoint_delete.
 *
 * A job is known by its tag, which the caller chooses, unique among all jobs of all time: letters,
 * digits, "-", at most HV_TAG_MAX - 1 bytes.  Names at the hypervisor (jobs, nodes) derive from it
 * alone, so a restarted daemon finds them again.
 *
 * Guest safety (docs/design.md, "What must always hold", 9): a driver that sees the guest stopped
 * by an I/O error while one of our jobs runs cancels the job, frees the disk of it and continues
 * the guest at once, by itself; the job then ends as HVJOB_FAILED with that reason.
 */
#ifndef VMKEEP_ENGINE_HYPERVISOR_H
#define VMKEEP_ENGINE_HYPERVISOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/model.h"
#include "base/op.h"
#include "engine/allocation.h"
#include "engine/backup.h"

enum domain_state {
    DOMAIN_RUNNING,
    DOMAIN_PAUSED,
    DOMAIN_SHUTOFF,
    DOMAIN_UNREACHABLE, /* its state cannot be told; facts.problem says why */
};
const char *domain_state_name(enum domain_state s); /* running, paused, shut off, unreachable */

/* A persistent dirty bitmap of a disk: one disk's part of a checkpoint. */
struct bitmap_facts {
    char *name;
    bool recording, busy, inconsistent;
    uint64_t dirty; /* bytes that changed since it was made */
    bool at_most;   /* dirty is not told: no more than this */
};

/* What becomes of a guest's write that fails, as a disk's error policy has it. */
enum write_errors {
    WRITE_ERRORS_UNKNOWN,
    WRITE_ERRORS_ENOSPACE, /* one for want of space stops the guest; it sees the others */
    WRITE_ERRORS_STOP,     /* the guest is stopped, and sees nothing of it */
    WRITE_ERRORS_REPORT,   /* the guest sees it */
    WRITE_ERRORS_IGNORE,   /* the guest takes it for done */
};
const char *write_errors_name(enum write_errors e); /* libvirt's word for it; NULL: unknown */

struct disk_facts {
    char *name;  /* target */
    char *image; /* the open file; NULL when it is none (network, block device by URL) */
    /* What tells the image from every other, wherever it lies and whatever it is called; to be
     * compared, and shown.  NULL: nothing does. */
    char *identity;
    char *device; /* that it hangs on, as the hypervisor calls it; NULL: none, or not told */
    char *format; /* qcow2, raw ... */
    uint64_t capacity;
    uint64_t allocated; /* bytes that a full copy will write, about; capacity when not known */
    bool special;       /* the image is no regular file */
    bool trackable;     /* qcow2 v3: holds bitmaps */
    bool busy;          /* a block job that is not ours, or a migration, uses it */
    bool encrypted;     /* its copies are not: the hypervisor reads it in clear text */
    char *unsafe;       /* why a copy of it could harm the guest's writes; NULL: it could not */
    enum write_errors write_errors; /* where its own copies can make the guest's writes fail */
    char *cannot;   /* an aside: what it is that no backup takes ("a vhost-user disk, ...") */
    bool removable; /* an aside: its drive takes other media */
    bool empty;     /* ... and has none now */
    VEC(struct bitmap_facts) bitmaps;
};

struct domain_facts {
    enum domain_state state;
    char *problem; /* DOMAIN_UNREACHABLE: why, one line */
    char *uuid;    /* NULL: it has none; not known unless it runs, or is paused */
    bool lasting;  /* the UUID is kept for as long as the domain is defined */
    VEC(struct disk_facts) disks;
    /* Read-only disks, CD-ROMs, empty drives, and disks that no backup takes: in no scheduled
     * backup, and in one by hand only by name.  Of an empty one, the name alone is known. */
    VEC(struct disk_facts) asides;
    struct strlist files; /* all that the domain's block devices have open, whole backing chains,
                              but for our own jobs' */
    bool perhaps_frozen; /* we have frozen the guest's file systems, and no thaw is confirmed yet */
    int64_t frozen_for;  /* since so many seconds; -1: not known */
    char *job_tag;       /* the backup job of ours that the hypervisor holds, running or ended */
    char *job_place;     /* without HV_TAGS, of any backup job that runs: see struct hv_job */
    char *foreign_job;   /* what else excludes a backup ("block job 'mirror0'"), or NULL */
    struct definition_list definitions; /* of the domain; the first is what it starts with */
    unsigned secrets;                   /* so many stood in them, and are left out */
    char *confined; /* by what its QEMU is kept from files, besides their rights: "AppArmor",
                              "SELinux"; NULL: by nothing that is known */
    char *apart;    /* why we can share no directory with its QEMU; NULL: we can, or need not */
    uid_t uid;      /* who writes push targets: the hypervisor process's user and group */
    gid_t gid;
};

void domain_facts_free(struct domain_facts *f); /* NULL-safe */
void disk_facts_done(struct disk_facts *d);
const struct disk_facts *domain_facts_disk(const struct domain_facts *f, const char *name);
const struct disk_facts *domain_facts_any(const struct domain_facts *f,
                                          const char *name); /* or aside */
/* The names of all disks, then of all asides. */
void domain_facts_names(const struct domain_facts *f, struct strlist *ret);
/* What an aside is: "a read-only disk", "a CD-ROM or the like", "an empty drive". */
const char *disk_facts_aside(const struct disk_facts *d);
const struct bitmap_facts *disk_facts_bitmap(const struct disk_facts *d, const char *name);
/* The disk's bitmap of that checkpoint: by its own name (base/names.h), or, of checkpoints that
 * older versions made, by the checkpoint's. */
const struct bitmap_facts *disk_facts_checkpoint(const struct disk_facts *d,
                                                 const char *checkpoint);
/* What a checkpoint, or a point, that is made of the disk now records of it. checkpoint NULL:
 * none. */
struct disk_origin disk_facts_origin(const struct disk_facts *d, const char *checkpoint);

/* What backup_begin can tell beyond success. */
struct backup_begun {
    bool quiesced;
    int frozen_ms;          /* how long the guest's file systems were frozen */
    char note[ERR_MSG_MAX]; /* QUIESCE_TRY: why the guest was not quiesced; else empty */
    bool perhaps_frozen;    /* no thaw is confirmed: the driver goes on trying */
    bool guest_safe; /* the guest's writes wait for scratch space only, and never fail for it */
    char unsafe[ERR_MSG_MAX]; /* !guest_safe: why not; */
    bool unsafe_always;       /* and so it is of each copy there: no news */
    uint16_t port;            /* pull over TCP: where the server listens */
};

/* What was tried of what a backup needs. */
struct hv_trial {
    bool running;  /* else nothing could be tried */
    bool made;     /* the file could be made for it, */
    bool opened;   /* and it has opened it */
    char *problem; /* why not; NULL: it has, or was not asked to */
    char *untried; /* what of that could not be tried; NULL: all was */
    bool agent_asked;
    char *agent_problem; /* why the guest's file systems could not be frozen; NULL: they could */
};
void hv_trial_done(struct hv_trial *t);

/* Which job is meant.  All borrowed until the start returns. */
struct hv_job {
    const char *domain, *tag;
    /* The path of its first disk's place, as it was begun with; NULL: not known, or it has none.
     * Without HV_TAGS a job that runs is known by it: two jobs never have one in common. */
    const char *place;
};

enum hv_job_state { HVJOB_NONE, HVJOB_RUNNING, HVJOB_COMPLETED, HVJOB_FAILED, HVJOB_CANCELED };

struct hv_job_stats {
    enum hv_job_state state;
    char tag[HV_TAG_MAX]; /* empty for HVJOB_NONE */
    enum backup_mode mode;
    uint64_t bytes_done, bytes_total; /* push: what is copied */
    uint64_t temp_used, temp_total;   /* scratch space, of all disks; 0, 0: there is none */
    struct err err;                   /* HVJOB_FAILED, HVJOB_CANCELED: why */
    bool ends_with_us; /* its work is done by a process of ours, and not by the hypervisor */
    /* HVJOB_NONE, without HV_KEEPS_ENDED: how the domain's last backup job ended (HVJOB_NONE: not
     * known), and how long it ran.  Whose that was, nobody can say. */
    enum hv_job_state last;
    int64_t last_ms;
};

enum hv_event_type {
    HV_EVENT_JOB,     /* the domain's backup job has ended, probably: ask job_stats */
    HV_EVENT_DOMAIN,  /* the domain started, stopped or changed otherwise: look */
    HV_EVENT_DOMAINS, /* the host's domains are known now, or some came, went or were renamed (the
                         old name goes, the new one comes): ask `domains` */
};

struct hv_event {
    enum hv_event_type type;
    const char *domain; /* HV_EVENT_DOMAINS: NULL */
};

typedef void (*hv_event_fn)(void *ctx, const struct hv_event *event);

struct hypervisor;

/* A thaw that is owed: the driver tries it until the guest's agent confirms it. */
struct hv_thaw {
    int tries;       /* that were in vain; 0: none is owed, or the first one goes on */
    const char *why; /* how the last one ended; borrowed, for now */
    int64_t since_s; /* the guest is frozen for so long; -1: not known */
};

struct hypervisor_ops {
    /* Are the host's domains known?  Then true, and their names are appended to *ret (NULL: nobody
     * wants them; caller frees).  Does not wait.
     *
     * False: the host has not told yet; *why (may be NULL) says what is waited for, in one line
     * without the host's name.  Nothing is to be concluded about any domain then.  What was told
     * once stays known for this driver's life: of a host that does not answer any more the last
     * list stands, and its domains are unreachable.  HV_EVENT_DOMAINS follows each change of the
     * answer; that one is never lost. */
    bool (*domains)(struct hypervisor *hv, struct strlist *ret, struct err *why);

    /* Can the host itself be asked now?  *why: why not.  NULL: the driver knows no host but its
     * domains. */
    bool (*connected)(struct hypervisor *hv, struct err *why);

    /* The domain's state, disks, bitmaps and jobs, as they are now. Succeeds with
     * DOMAIN_UNREACHABLE or DOMAIN_SHUTOFF when it cannot be talked to; ERR_NOTFOUND for a domain
     * that the host does not have, which it must have told: as long as its domains are not known,
     * every operation waits for them, or fails with ERR_REMOTE. *ret: caller frees. */
    struct op *(*inspect)(struct hypervisor *hv, const char *domain, struct domain_facts **ret,
                          op_done done, void *ctx, struct err *err);

    /* Refusals: ERR_NOTFOUND (domain, disk, checkpoint), ERR_UNSUPPORTED (format cannot hold a
     * bitmap, mode), ERR_BUSY (another job), ERR_EXISTS (target), ERR_NOSPACE, ERR_CORRUPT (bitmap
     * inconsistent or not recording), ERR_REMOTE (hypervisor gone or refused), ERR_TIMEOUT.
     * When it fails nothing of the request remains at the hypervisor, except when the connection
     * was lost in between (ERR_REMOTE, ERR_TIMEOUT): then it may have begun, and job_stats tells.
     */
    struct op *(*backup_begin)(struct hypervisor *hv, const struct backup_request *request,
                               struct backup_begun *ret, op_done done, void *ctx, struct err *err);

    /* That job; works also after a restart of this program.  HVJOB_NONE when the hypervisor runs
     * but knows no such job; fails with ERR_REMOTE when it cannot be asked. */
    struct op *(*job_stats)(struct hypervisor *hv, const struct hv_job *job,
                            struct hv_job_stats *ret, op_done done, void *ctx, struct err *err);

    /* Done when the job has ended (or there is none any more).  Never ends another one. */
    struct op *(*abort_job)(struct hypervisor *hv, const struct hv_job *job, op_done done,
                            void *ctx, struct err *err);

    /* Idempotent. */
    struct op *(*job_forget)(struct hypervisor *hv, const struct hv_job *job, op_done done,
                             void *ctx, struct err *err);

    /* Answers each item (engine/allocation.h).  Fails only when the domain cannot be asked.  tag:
     * as a job's; nothing of it remains at the hypervisor, unless the connection is lost meanwhile:
     * then what a job_forget of that tag removes. */
    struct op *(*allocation)(struct hypervisor *hv, const char *domain, const char *tag,
                             struct allocation *items, size_t n, op_done done, void *ctx,
                             struct err *err);

    /* A checkpoint of its own, without a backup, on the named disks, atomically.  quiesce: with
     * the guest's file systems frozen, or it fails: ERR_UNSUPPORTED when they cannot be;
     * ERR_TIMEOUT when that is not sure, and then the checkpoint may be there. */
    struct op *(*checkpoint_create)(struct hypervisor *hv, const char *domain, const char *name,
                                    const struct strlist *disks, bool quiesce, op_done done,
                                    void *ctx, struct err *err);

    /* Removes the checkpoint's bitmap from every disk that has it, inconsistent ones too.
     * Idempotent: success when no disk has it. */
    struct op *(*checkpoint_delete)(struct hypervisor *hv, const char *domain, const char *name,
                                    op_done done, void *ctx, struct err *err);

    /* Tells the hypervisor again of a checkpoint that it has forgotten (libvirt does when a
     * transient domain stops), while the bitmaps are in the images.  ERR_CORRUPT: not all are,
     * sound and recording.  created: when it was made.  NULL: this driver's forget nothing. */
    struct op *(*checkpoint_redefine)(struct hypervisor *hv, const char *domain, const char *name,
                                      int64_t created, const struct strlist *disks, op_done done,
                                      void *ctx, struct err *err);

    /* Has the hypervisor open a new file of that name for writing, as it would a push's target
     * (NULL: not), and asks the guest's agent (where there is one; agent false: not).  Nothing of
     * it stays.  Fails only when it is cancelled.  ret: released with hv_trial_done.  NULL: this
     * driver cannot. */
    struct op *(*trial)(struct hypervisor *hv, const char *domain, const char *path, bool agent,
                        struct hv_trial *ret, op_done done, void *ctx, struct err *err);

    /* Whether a thaw of the guest's file systems is owed, as far as is known without asking.  NULL:
     * the driver freezes nothing. */
    void (*thaw)(struct hypervisor *hv, const char *domain, struct hv_thaw *ret);

    /* A former life of ours was freezing the guest, or has left it frozen (surely): it is thawed,
     * as soon as its agent can be asked.  NULL: the hypervisor itself tells what is owed. */
    void (*owe_thaw)(struct hypervisor *hv, const char *domain, bool surely);

    /* Who hears of events; one listener; NULL for none. Never called from inside another call. */
    void (*listen)(struct hypervisor *hv, hv_event_fn fn, void *ctx);

    /* Lets everything go; ops still under way complete first, with ERR_CANCELED, from inside. */
    void (*free)(struct hypervisor *hv);
};

/* What not every driver can.  Who makes the driver sets it, and it never changes. */
enum hv_can {
    HV_OFFLINE = 1 << 0,  /* backups and checkpoints of a domain that is shut off */
    HV_COMPARES = 1 << 1, /* `allocation`; without it that is NULL */
    HV_TAGS = 1 << 2,     /* jobs bear their tags at the hypervisor */
    /* An ended job stays until job_forget, whoever watched.  Without it the driver remembers, until
     * job_forget or its own end, the jobs that it has seen ending; of an end that it has not seen
     * only the figures of the domain's last job are left. */
    HV_KEEPS_ENDED = 1 << 3,
    /* It can put local scratch space between the guest's writes and a push's target. */
    HV_SHIELDS = 1 << 5,
    /* Its domains are those of the configuration: one that it has no more was taken out of it, and
     * cannot be reached. */
    HV_CONFIGURED = 1 << 4,
};

/* Of a host that is another machine: how what it exports is read. */
struct hv_elsewhere {
    const char *address;      /* its name or address */
    const char *certificates; /* of TLS, for NBD: a directory of this machine */
    const char *scratch;      /* a directory over there; NULL: beside each disk's image */
};

/* Embedded first in every driver's own struct. */
struct hypervisor {
    const struct hypervisor_ops *ops;
    unsigned can; /* of enum hv_can */
    /* An operation may take about so many seconds while all is well.  Whoever asks again and again
     * gives a host up only after several times that. */
    int patience;
    const struct hv_elsewhere *elsewhere; /* NULL: files and sockets are this machine's */
};

#endif
