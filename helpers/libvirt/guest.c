/* SPDX-License-Identifier: MIT
 *
 * The guest: freeze, thaw, go on.  A freeze has a limit from the moment that it is asked for: then
 * its domain is thawed, again and again until that succeeds, whatever else hangs meanwhile
 * (libvirt has a lock of its own for the agent).  The program does not end before that was tried.
 */
#include <libvirt/virterror.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "helpers/libvirt/libvirt.h"
#include "helpers/libvirt/thaw.h"

#define LIMIT_S 10 /* Windows' VSS thaws by itself after that */
#define LIMIT_MAX_S 600
#define RETRY_S 2
#define LAST_TRIES 5 /* at the end of the program */

/* ---- who is frozen ---- */

struct frozen {
    struct frozen *next;
    char *domain;
    struct timespec until;
    struct thaw_guard guard;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct frozen *all;
static bool watched;

static struct frozen **find(const char *domain)
{
    struct frozen **at = &all;

    while (*at && strcmp((*at)->domain, domain) != 0)
        at = &(*at)->next;
    return at;
}

static void forget(const char *domain)
{
    struct frozen **at, *f;

    pthread_mutex_lock(&lock);
    at = find(domain);
    f = *at;
    if (f)
        *at = f->next;
    pthread_mutex_unlock(&lock);
    if (!f)
        return;
    thaw_guard_end(&f->guard);
    free(f->domain);
    free(f);
}

static struct timespec in_seconds(int s)
{
    struct timespec ret;

    clock_gettime(CLOCK_REALTIME, &ret); /* pthread_cond_timedwait's */
    ret.tv_sec += s;
    return ret;
}

static bool is_before(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec != b->tv_sec ? a->tv_sec < b->tv_sec : a->tv_nsec < b->tv_nsec;
}

/* ---- thawing what is over its limit ---- */

/* *why: caller frees. */
int guest_thaw(const char *domain, char **why)
{
    virDomainPtr dom = virDomainLookupByName(connection(), domain);
    int rc;

    /* Gone: nothing of it is frozen. */
    if (!dom && virGetLastErrorCode() == VIR_ERR_NO_DOMAIN)
        return 0;
    rc = dom ? virDomainFSThaw(dom, NULL, 0, 0) : -1;
    if (rc < 0)
        *why = xstrdup(virGetLastErrorMessage());
    if (rc < 0 && dom && virDomainIsActive(dom) == 0)
        rc = 0;
    if (dom)
        virDomainFree(dom);
    return rc;
}

static void tell_late(const char *domain, bool thawed, const char *why)
{
    json_t *e = json_pack("{s:s,s:o}", "what", thawed ? "thawed-late" : "thaw-failed", "domain",
                          record_text(domain));

    if (!thawed)
        json_object_set_new(e, "text", record_text(why));
    say(json_pack("{s:o}", "event", e));
}

static struct frozen *first_due(void)
{
    struct frozen *ret = all;

    for (struct frozen *f = all; f; f = f->next)
        if (is_before(&f->until, &ret->until))
            ret = f;
    return ret;
}

static void *watch(void *arg)
{
    (void)arg;
    pthread_mutex_lock(&lock);
    for (;;) {
        struct timespec now = in_seconds(0);
        struct frozen *f = first_due();
        CLEANUP_FREE char *domain = NULL, *why = NULL;
        bool thawed;

        if (!f) {
            pthread_cond_wait(&changed, &lock);
            continue;
        }
        if (is_before(&now, &f->until)) {
            struct timespec until = f->until;

            pthread_cond_timedwait(&changed, &lock, &until);
            continue;
        }
        domain = xstrdup(f->domain);
        f->until = in_seconds(RETRY_S);
        pthread_mutex_unlock(&lock);
        thawed = guest_thaw(domain, &why) >= 0;
        tell_late(domain, thawed, why);
        if (thawed)
            forget(domain);
        pthread_mutex_lock(&lock);
    }
    return NULL;
}

static int note_frozen(const char *domain, int limit, struct thaw_guard *guard)
{
    struct frozen *f;
    pthread_t thread;

    pthread_mutex_lock(&lock);
    if (!watched && pthread_create(&thread, NULL, watch, NULL) == 0) {
        pthread_detach(thread);
        watched = true;
    }
    if (watched && !*find(domain)) {
        f = xcalloc(1, sizeof(*f));
        f->domain = xstrdup(domain);
        f->guard = *guard;
        f->next = all;
        all = f;
        guard->pid = 0; /* taken over */
    }
    if (watched)
        (*find(domain))->until = in_seconds(limit);
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&lock);
    return watched ? 0 : -1;
}

void guest_thaw_all(void)
{
    for (int tries = 0; all && tries < LAST_TRIES; tries++) {
        CLEANUP_FREE char *domain = xstrdup(all->domain), *why = NULL;

        if (guest_thaw(domain, &why) >= 0)
            forget(domain);
        else
            sleep(RETRY_S);
    }
}

/* ---- */

static int freeze_of(virDomainPtr dom, const struct libvirt_request *q, void *answer)
{
    struct libvirt_count *ret = answer;

    (void)q;
    ret->filesystems = virDomainFSFreeze(dom, NULL, 0, 0);
    return ret->filesystems;
}

/* A freeze that failed may have frozen something; it is thawed at its limit all the same, unless
 * the domain has no agent that could have. */
static int run_freeze(const void *request, void *answer, struct err *err)
{
    const struct libvirt_request *q = request;
    int limit = q->limit ? q->limit : LIMIT_S, rc;
    struct thaw_guard guard;

    if (limit < 0 || limit > LIMIT_MAX_S)
        return err_set(err, ERR_INVALID, "limit: is not 1 to %d seconds", LIMIT_MAX_S);
    if (thaw_guard_start(q->domain, limit, &guard, err) < 0)
        return -1;
    rc = note_frozen(q->domain, limit, &guard);
    thaw_guard_end(&guard); /* one was there already, else it is taken over */
    if (rc < 0)
        return err_set(err, ERR_INTERNAL, "no thread can be made to thaw it in time");
    rc = connection_on_domain(freeze_of, q, answer, err);
    if (rc < 0 && libvirt_agent_is_away(err->msg)) /* it was not asked */
        err->code = ERR_UNSUPPORTED;
    if (rc < 0 && (err->code == ERR_NOTFOUND || err->code == ERR_UNSUPPORTED))
        forget(q->domain);
    return rc;
}

static int thaw_of(virDomainPtr dom, const struct libvirt_request *q, void *answer)
{
    struct libvirt_count *ret = answer;

    ret->filesystems = virDomainFSThaw(dom, NULL, 0, 0);
    if (ret->filesystems >= 0)
        forget(q->domain);
    return ret->filesystems;
}
SERVICE_OF_DOMAIN(thaw)

/* Asks its agent, and changes nothing. */
static int agent_of(virDomainPtr dom, const struct libvirt_request *q, void *answer)
{
    struct libvirt_count *ret = answer;
    virDomainFSInfoPtr *info = NULL;

    (void)q;
    ret->filesystems = virDomainGetFSInfo(dom, &info, 0);
    for (int i = 0; i < ret->filesystems; i++)
        virDomainFSInfoFree(info[i]);
    free(info);
    return ret->filesystems;
}
SERVICE_OF_DOMAIN(agent)

static int resume_of(virDomainPtr dom, const struct libvirt_request *q, void *answer)
{
    (void)q;
    (void)answer;
    return virDomainResume(dom);
}
SERVICE_OF_DOMAIN(resume)

const struct service guest_services[] = {
    {"freeze", "freeze the guest's file systems, for so many seconds at most",
     &libvirt_request_freeze, &libvirt_answer_count, run_freeze},
    {"thaw", "thaw them", &libvirt_request_domain, &libvirt_answer_count, run_thaw},
    {"agent", "ask its agent which file systems it has", &libvirt_request_domain,
     &libvirt_answer_count, run_agent},
    {"resume", "let a paused guest go on", &libvirt_request_domain, NULL, run_resume},
};
const size_t n_guest_services = ARRAY_LEN(guest_services);
