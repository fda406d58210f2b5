/* SPDX-License-Identifier: MIT
 *
 * reason: why something is as it is said to be: a code for programs, a sentence for people, and
 * what to do about it.  The codes are part of what others rely on: vmkeep(1), under `status`, lists
 * them, and none is ever used for something else.
 */
#ifndef VMKEEP_REPORT_REASON_H
#define VMKEEP_REPORT_REASON_H

#include "base/alloc.h"

enum severity {
    SEVERITY_NOTE, /* nothing that must be acted on */
    SEVERITY_ACT,  /* every promise is kept, but somebody must act */
    SEVERITY_RISK, /* a promise is broken, or there is none */
};
/* note, act, risk */
const char *severity_name(enum severity s);

/* id, name, severity, meaning */
#define REASONS(X)                                                                                 \
    X(KEPT, "kept", NOTE, "the policy has a good point that is young enough")                      \
    X(PROVEN, "proven", NOTE, "all of a point of the policy was read again, and is whole")         \
    X(NO_POINT, "no-point", RISK, "the policy has no good point")                                  \
    X(TOO_OLD, "too-old", RISK, "its newest good point is older than its rpo")                     \
    X(LACKS_DISK, "lacks-disk", RISK, "its newest good point lacks a disk")                        \
    X(POINTS_AWAY, "points-away", NOTE,                                                            \
      "the repository of its points is not there: whether they are good is not known now")         \
    X(POLICY_RENAMED, "policy-renamed", NOTE,                                                      \
      "it has no point, and a policy that left the configuration has one")                         \
    X(JOB_FAILED, "job-failed", NOTE, "its last job failed")                                       \
    X(JOB_ABORTED, "job-aborted", NOTE, "its last job was aborted")                                \
    X(JOB_SKIPPED, "job-skipped", NOTE, "its last job was skipped")                                \
    X(SET_ASIDE, "set-aside", NOTE,                                                                \
      "its newest point proves nothing, for its date cannot be right")                             \
    X(BREAKS_SOON, "breaks-soon", ACT, "its promise breaks before the next run")                   \
    X(OVERDUE, "overdue", ACT, "a run is due, and the daemon, which runs, has not begun it")       \
    X(COPY_BEHIND, "copy-behind", ACT,                                                             \
      "points that are to be in a second repository are not there")                                \
    X(PRUNE_FAILED, "prune-failed", ACT,                                                           \
      "a prune of the policy's points failed, and none has succeeded since")                       \
    X(VERIFY_FAILED, "verify-failed", ACT,                                                         \
      "a verification of its points failed, and none has succeeded since")                         \
    X(COPY_FAILED, "copy-failed", ACT,                                                             \
      "a copy of its points failed, and none has succeeded since")                                 \
    X(NO_POLICY, "no-policy", RISK, "no policy selects the domain")                                \
    X(LEFT_OUT, "left-out", NOTE, "the domain is left out on purpose")                             \
    X(GONE, "gone", NOTE, "the domain has left the configuration")                                 \
    X(UNREACHABLE, "unreachable", ACT, "the domain's hypervisor did not answer")                   \
    X(SHUT_OFF, "shut-off", ACT,                                                                   \
      "the domain is shut off, and its images are not configured: it cannot be backed up so")      \
    X(DOMAIN_PROBLEM, "domain-problem", NOTE, "the domain cannot be backed up as it is now")       \
    X(FROZEN, "frozen", ACT, "the guest's file systems are perhaps frozen")                        \
    X(POINTS_BAD, "points-bad", ACT, "points are damaged or missing")                              \
    X(UNREAD, "points-unread", ACT,                                                                \
      "points were not read whole for longer than the policy's max_age")                           \
    X(POINTS_ASIDE, "points-set-aside", NOTE,                                                      \
      "points are set aside, for their dates cannot be right")                                     \
    X(UNCOVERED, "points-uncovered", NOTE,                                                         \
      "points are of a policy that does not select the domain any more: no rule judges them")      \
    X(UNSAFE, "unsafe", NOTE, "a guest-safe copy is not possible")                                 \
    X(DISK_LEFT_OUT, "disk-left-out", NOTE, "a disk is in no backup")                              \
    X(DISK_FORGOTTEN, "disk-forgotten", ACT,                                                       \
      "a disk is in no backup, and nobody said that it is to be")                                  \
    X(HOST, "host-unreachable", ACT,                                                               \
      "a host has not told its domains since vmkeepd was started, and none is known of it")        \
    X(REPOSITORY, "repository", ACT, "the repository cannot be used")                              \
    X(READ_ONLY, "repository-read-only", ACT, "the repository's file system is read-only")         \
    X(FULL, "repository-full", ACT, "the repository has no room for a backup")                     \
    X(TIGHT, "repository-tight", ACT, "the repository has less room than the next backup takes")   \
    X(FULL_SOON, "repository-full-soon", ACT,                                                      \
      "as the repository has grown lately, it is full within 14 days")                             \
    X(DIFFERENCE, "repository-differs", ACT, "catalog and repository do not agree")                \
    X(DAEMON_DOWN, "daemon-down", ACT, "vmkeepd does not run")                                     \
    X(DAEMON_SILENT, "daemon-silent", ACT, "vmkeepd does not answer")                              \
    X(DAEMON_DENIED, "daemon-denied", ACT, "whoever asks may not ask vmkeepd")                     \
    X(CATALOG, "catalog", ACT, "vmkeepd cannot write to its catalog")                              \
    X(CRASHED, "daemon-crashed", NOTE,                                                             \
      "vmkeepd had ended without being asked to, and was started again within the last hour")      \
    X(CONFIG_BROKEN, "configuration", ACT, "the configuration has errors")                         \
    X(CONFIG_UNREAD, "configuration-unread", ACT,                                                  \
      "the configuration has changed since vmkeepd read it")                                       \
    X(UNSENT, "notifications-unsent", ACT, "a target of notifications does not take them")         \
    X(NOT_CONFIGURED, "not-configured", NOTE,                                                      \
      "domains that have points are in the configuration no more")                                 \
    X(POLICY_IDLE, "policy-idle", ACT, "a policy matches no domain")                               \
    X(GLOB_IDLE, "glob-idle", ACT, "a pattern of disks matches none")                              \
    X(CLOCK, "clock", ACT, "the clock was set, or is in doubt")

#define REASON_ID(id, name, severity, meaning) REASON_##id,
enum reason_code { REASONS(REASON_ID) REASON_CODE_COUNT };

/* "kept (the policy has ...), ", and so on: all of them, for the manual. */
#define REASON_TEXT(id, name, severity, meaning) name " (" meaning "), "
#define REASON_CODES REASONS(REASON_TEXT)

/* "too-old" */
const char *reason_name(enum reason_code code);
enum severity reason_severity(enum reason_code code);

struct reason {
    enum reason_code code;
    enum severity severity; /* the code's, or less where it does not count */
    char *text;             /* a sentence without a full stop */
    char *advice;           /* what to do now; NULL: nothing */
};

struct reason_list {
    struct reason *items;
    size_t n, cap;
};

/* advice: copied, NULL: none. */
struct reason *reason_add(struct reason_list *l, enum reason_code code, const char *advice,
                          const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void reason_list_done(struct reason_list *l);

/* The texts, parted by "; ". Caller frees. */
char *reasons_text(const struct reason_list *l);
/* What is to be done, each once, parted by "; "; NULL: nothing. Caller frees. */
char *reasons_advice(const struct reason_list *l);
enum severity reasons_severity(const struct reason_list *l);

#endif
