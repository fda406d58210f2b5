/* SPDX-License-Identifier: MIT
 *
 * What libvirt tells of a domain while our jobs run there, and what is made of it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "engine/libvirt/jobs.h"

static enum err_code read_code(const char *word)
{
    for (int i = 0; word && i < ERR_CODE_COUNT; i++)
        if (str_eq(err_code_names[i], word))
            return (enum err_code)i;
    return ERR_REMOTE;
}

/* How a job ended, as the event says. */
static enum hv_job_state read_end(const struct libvirt_job *j, const json_t *event, struct err *why)
{
    const char *text = json_string_value(json_object_get(event, "text"));
    const char *code = json_string_value(json_object_get(event, "code"));
    bool success = json_is_true(json_object_get(event, "success"));

    *why = ERR_INIT;
    if (success && j->mode == MODE_PUSH)
        return HVJOB_COMPLETED;
    if (success) {
        err_set(why, ERR_CANCELED, "somebody else has ended it");
        return HVJOB_CANCELED;
    }
    err_set(why, read_code(code), "%s",
            text ? text : "libvirt does not say why; QEMU has ended, perhaps");
    return why->code == ERR_CANCELED ? HVJOB_CANCELED : HVJOB_FAILED;
}

static void job_has_ended(struct libvirt_host *h, const char *domain, const json_t *event)
{
    struct libvirt_job *j = libvirt_job_open(h, domain);
    json_int_t total = json_integer_value(json_object_get(event, "total"));
    enum hv_job_state how;
    struct err why;

    if (!j)
        return;
    how = read_end(j, event, &why);
    if (total > 0)
        j->total = (uint64_t)total;
    j->unexplained =
        how == HVJOB_FAILED && !json_object_get(event, "text") && j->given_up.code == ERR_NONE;
    j->told = j->phase == LIBVIRT_JOB_RUNS;
    j->ends_seen += j->phase == LIBVIRT_JOB_BEGINS;
    j->end = how;
    j->why = why;
}

/* Of one with whose end QEMU's came, libvirt tells first, and does not say why. */
static void explain_ended(struct libvirt_host *h, const char *domain, const struct err *why)
{
    for (struct libvirt_job *j = h->jobs ? h->jobs->first : NULL; j; j = j->next)
        if (strcmp(j->domain, domain) == 0 && (j->told || j->phase == LIBVIRT_JOB_ENDED) &&
            j->unexplained) {
            j->why = *why;
            j->unexplained = false;
        }
}

/* Its QEMU is no more, and with it whatever ran there; unless that is old news. */
static void domain_has_stopped(struct libvirt_host *h, const char *domain)
{
    struct libvirt_job *j = libvirt_job_open(h, domain);
    struct err why = ERR_INIT;

    libvirt_note_frozen(h, domain, 0.0);
    err_set(&why, ERR_REMOTE, "the domain has stopped during the backup");
    explain_ended(h, domain, &why);
    if (!j || j->phase != LIBVIRT_JOB_RUNS || j->told)
        return;
    j->told = true;
    j->end = HVJOB_FAILED;
    j->why = why;
    libvirt_host_tell(h, HV_EVENT_JOB, domain);
}

static void domain_event(struct libvirt_host *h, const char *domain, const json_t *event)
{
    const char *change = json_string_value(json_object_get(event, "change"));
    const char *how = json_string_value(json_object_get(event, "how"));

    if (str_eq(change, "stopped") || str_eq(change, "crashed"))
        domain_has_stopped(h, domain);
    else if (str_eq(change, "suspended") && str_eq(how, "io-error"))
        libvirt_guard_stopped(h, domain, NULL);
}

static void on_event(struct libvirt_host *h, const char *domain, const json_t *event)
{
    const char *what = json_string_value(json_object_get(event, "what"));
    const char *operation = json_string_value(json_object_get(event, "operation"));
    const char *text = json_string_value(json_object_get(event, "text"));

    if (str_eq(what, "job") && str_eq(operation, "backup")) {
        job_has_ended(h, domain, event);
        libvirt_host_tell(h, HV_EVENT_JOB, domain);
    } else if (str_eq(what, "domain")) {
        domain_event(h, domain, event);
    } else if (str_eq(what, "io-error") &&
               str_eq(json_string_value(json_object_get(event, "action")), "pause")) {
        libvirt_guard_stopped(h, domain, json_string_value(json_object_get(event, "reason")));
    } else if (str_eq(what, "threshold")) {
        log_debug("libvirt: %s: a mark is passed in %s", domain,
                  json_string_value(json_object_get(event, "path")));
        libvirt_guard_weigh(h, domain);
    } else if (str_eq(what, "thawed-late")) {
        libvirt_note_frozen(h, domain, 0.0);
        libvirt_host_tell(h, HV_EVENT_DOMAIN, domain);
    } else if (str_eq(what, "thaw-failed")) {
        libvirt_note_thaw_failed(h, domain, text);
        libvirt_host_tell(h, HV_EVENT_DOMAIN, domain);
    }
}

/* What began, or ran, may have ended meanwhile.  What was told before stands. */
static void on_up(struct libvirt_host *h)
{
    struct libvirt_job *j = h->jobs ? h->jobs->first : NULL;

    while (j) {
        struct libvirt_job *next = j->next;

        if (j->phase == LIBVIRT_JOB_RUNS) {
            libvirt_host_tell(h, HV_EVENT_JOB, j->domain);
            if (!j->told)
                libvirt_job_drop(h, j);
        }
        j = next;
    }
    libvirt_thaw_owed(h);
}

const struct libvirt_hearers libvirt_jobs_hear = {on_up, on_event};
