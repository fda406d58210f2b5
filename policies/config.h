/* SPDX-License-Identifier: MIT
 *
 * config: what the administrator wants, from YAML (libyaml) through one schema table.
 *
 * Reading reports every error at once, each with file, line, column and the key's path; an unknown
 * key names the nearest known one.  A config that has errors is not returned at all, so a bad file
 * cannot half replace a good one.  Pure: the caller reads the file.
 */
#ifndef VMKEEP_POLICIES_CONFIG_H
#define VMKEEP_POLICIES_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/model.h"
#include "policies/calendar.h"
#include "policies/retention.h"

enum host_driver { DRIVER_QEMU, DRIVER_LIBVIRT };
enum image_format { IMAGE_QCOW2, IMAGE_RAW };

struct config_disk {
    char *name;               /* target */
    char *image;              /* file name */
    enum image_format format; /* default qcow2; read while the domain is shut off */
};

struct config_domain {
    char *name;
    char *qmp;   /* socket path */
    char *agent; /* socket path, or NULL */
    VEC(struct config_disk) disks;
};

struct config_host {
    char *name;
    enum host_driver driver;
    char *uri;                         /* DRIVER_LIBVIRT */
    char *address;                     /* another machine's: where it is read from, or NULL */
    char *scratch;                     /* another machine's: a directory there, or NULL */
    VEC(struct config_domain) domains; /* DRIVER_QEMU */
    char *tls_certificates;            /* a directory that QEMU reads; default /etc/pki/qemu */
    bool tls_verify;                   /* NBD clients must have a certificate; default yes */
};

struct config_repository {
    char *name;
    char *path;                      /* absolute */
    uint64_t reserve;                /* bytes that stay free */
    enum image_compression compress; /* of new images; default off */
    char *secret;                    /* that new images are encrypted with, or NULL */
};

struct calspec_list {
    struct calspec **items;
    size_t n, cap;
};

/* A full is made in place of an incremental. */
struct config_full_after {
    int incrementals; /* after so many; 0: however many there are */
    int64_t age;      /* so many seconds after the last one; 0: however old it is */
};

/* Points are read again, to see whether they are whole. */
struct config_verify {
    struct calspec_list schedule; /* none: never */
    int sample;                   /* percent of each point; default 100 */
    int64_t max_age;              /* seconds; 0: as the sample has it */
    uint64_t bandwidth;           /* bytes per second; 0: the policy's */
};

/* A second repository, which gets copies of the policy's points. */
struct config_copies {
    char *repository;
    struct retention keep;        /* of the copies */
    struct calspec_list schedule; /* none: after each backup */
};

enum webhook_format { WEBHOOK_JSON, WEBHOOK_NTFY, WEBHOOK_ALERTMANAGER, WEBHOOK_GOTIFY };

struct config_mail {
    struct strlist to; /* none: the target is none of these */
    char *from;        /* NULL: vmkeep@ this machine */
    char *via;         /* "sendmail" (default), or smtp:// or smtps:// with HOST[:PORT] */
    char *credentials; /* a file: user and password, a line each; NULL: none */
    char *ca;          /* a file of certificates that are trusted; NULL: the system's */
};

/* One of url and url_file is there. */
struct config_url {
    char *url;
    char *url_file; /* holds it, for one that is a secret */
    char *ca;       /* as in struct config_mail */
};

/* What whoever asks for the status page has to show, and what it is encrypted with: files. All of
 * them, or none. */
struct config_web_access {
    char *token, *certificate, *key;
};

struct config_webhook {
    struct config_url at;
    enum webhook_format format;
    char *headers_file; /* "Name: value", a line each; NULL: none */
};

/* A dead man's switch: pinged for as long as all is well. */
struct config_healthchecks {
    struct config_url at;
    int64_t every; /* seconds; default 5 minutes */
};

/* When a target gets a report. */
struct config_report {
    struct calspec_list calendar; /* then; none: never by the calendar */
    bool runs;                    /* after each run of a policy */
};

/* Who is told.  Exactly one of mail, webhook, healthchecks and command is there. */
struct config_target {
    char *name; /* default: what it is */
    struct config_mail mail;
    struct config_webhook webhook;
    struct config_healthchecks healthchecks;
    struct strlist command;
    unsigned conditions; /* bits, by enum condition_kind; default all */
    struct config_report report;
};

struct config_policy {
    char *name;
    struct strlist domains; /* globs in order; see policies/selection.h */
    struct strlist disks;   /* likewise; default "*" */
    char *repository;
    struct calspec_list incremental, full;
    enum backup_mode mode;  /* default push, */
    bool mode_given;        /* or it says so */
    enum quiesce quiesce;   /* default off */
    int64_t freeze_timeout; /* seconds; default 10 */
    uint64_t bandwidth;     /* bytes per second, of one job; 0: unlimited */
    char *scratch;          /* directory of scratch space; default: "scratch" beside the catalog */
    struct retention keep;
    struct config_full_after full_after;
    struct config_verify verify;
    VEC(struct config_copies) copy_to;
    int64_t rpo;                    /* seconds; 0: no promise */
    bool catch_up;                  /* default yes */
    struct config_url healthchecks; /* pinged when a run begins, and how it ended */
};

/* The key of a repository, or a LUKS passphrase for the backup API. */
struct config_secret {
    char *name; /* also a libvirt secret's usage or UUID */
    char *file; /* that holds it */
};

/* How long the path of scratch space may be where a pull's socket is made in it. */
#define CONFIG_SCRATCH_PULL_MAX 74

struct config_limits {
    int jobs;                /* at one time, in all; default 4 */
    int jobs_per_host;       /* default 2 */
    int jobs_per_repository; /* default 4 */
    int verify;              /* verifications; default 1 */
};

struct config {
    char *catalog; /* default CONFIG_CATALOG_DEFAULT */
    char *control; /* default /run/vmkeep/control.sock */
    char *web;     /* NULL: none */
    struct config_web_access web_access;
    struct config_limits limits;
    VEC(struct config_secret) secrets;
    VEC(struct config_host) hosts;
    VEC(struct config_repository) repositories;
    VEC(struct config_policy) policies;
    struct strlist unprotected; /* globs of domains that are to have no backups */
    VEC(struct config_target) notify;
    int64_t keep_history; /* seconds; of ended jobs; default 400 days */
};

struct diagnostic {
    char *file;
    int line, column; /* from 1; 0: the file as a whole */
    bool warning;
    char *text; /* "policies[0] 'nightly': keep.daily: 'seven' is not a number" */
};

struct diagnostics {
    struct diagnostic *items;
    size_t n, cap;
};

#define CONFIG_CATALOG_DEFAULT "/var/lib/vmkeep/catalog.db"
#define CONFIG_TEXT_MAX (1024 * 1024) /* a larger file is refused */

/* text: the file's content, len bytes.  file: its name, for diagnostics.
 * 0 and *ret when there are no errors (warnings may be in *diags all the same); -1 otherwise.
 * diags: sorted by place; the caller releases it with diagnostics_done in both cases. */
int config_parse(const char *text, size_t len, const char *file, struct config **ret,
                 struct diagnostics *diags);
void config_free(struct config *c);

const struct config_host *config_host_find(const struct config *c, const char *name);
const struct config_repository *config_repository_find(const struct config *c, const char *name);
const struct config_secret *config_secret_find(const struct config *c, const char *name);
/* The file of the key that the repository is encrypted with; NULL: it is not. */
const char *config_key_file(const struct config *c, const struct config_repository *r);
const struct config_policy *config_policy_find(const struct config *c, const char *name);
const struct config_target *config_target_find(const struct config *c, const char *name);
/* ADDRESS:PORT that only this machine reaches, or unix:PATH. */
bool config_web_is_local(const char *address);

/* "mail", "webhook", "healthchecks" or "command". */
const char *config_target_kind(const struct config_target *t);
/* A URL, or the file that holds it; false: there is none. */
bool config_url_given(const struct config_url *u);
/* NULL: the policy (may be NULL) has no copies there. */
const struct config_copies *config_copies_find(const struct config_policy *p,
                                               const char *repository);

/* Control characters and what is not UTF-8 in the text become "?". */
void diagnostics_add(struct diagnostics *d, const char *file, int line, int column, bool warning,
                     const char *fmt, ...) __attribute__((format(printf, 6, 7)));
void diagnostics_sort(struct diagnostics *d);

/* FILE:LINE:COL: WHERE: WHY ("warning: " before WHERE for warnings); caller frees. */
char *diagnostic_format(const struct diagnostic *d);
/* The same, one a line; at most 50. */
void diagnostics_print(const struct diagnostics *d, FILE *out);
size_t diagnostics_errors(const struct diagnostics *d);
void diagnostics_done(struct diagnostics *d);

#endif
