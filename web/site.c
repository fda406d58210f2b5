/* SPDX-License-Identifier: MIT */
#include "web/site.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "base/uptime.h"

#define REST_MS 5000    /* at least so long between two; */
#define OLD_MS 20000    /* one that is older is not shown; */
#define ASKED_MS 600000 /* after so long without a request none is made in advance */
#define COST 10         /* and none of it more often than takes a tenth of a processor; */
#define OLD_COST 15     /* who asks while the next is made gets the one before */

struct site {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct snapshot *now; /* NULL: none yet */
    struct err err;       /* why there is none */
    int64_t asked_ms;
    bool stopped;
    VEC(struct MHD_Connection *) waiting;
};

struct site *site_new(void)
{
    struct site *s = xcalloc(1, sizeof(*s));

    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->wake, NULL);
    s->asked_ms = -ASKED_MS;
    return s;
}

void site_free(struct site *s)
{
    snapshot_drop(s->now);
    free(s->waiting.items);
    pthread_cond_destroy(&s->wake);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static int64_t longest(int64_t least, int64_t times, const struct snapshot *s)
{
    return s->cost_ms * times > least ? s->cost_ms * times : least;
}

static bool is_fresh(const struct site *s)
{
    return s->now && uptime_ms() - s->now->at_ms <= longest(OLD_MS, OLD_COST, s->now);
}

struct snapshot *site_take(struct site *s, struct MHD_Connection *connection, bool any,
                           struct err *err)
{
    struct snapshot *ret = NULL;

    pthread_mutex_lock(&s->lock);
    s->asked_ms = uptime_ms();
    if (s->now && (any || s->stopped || is_fresh(s))) {
        ret = s->now;
        snapshot_hold(ret);
    } else if (any || s->stopped) {
        *err = s->err;
    } else {
        MHD_suspend_connection(connection);
        *VEC_ADD(&s->waiting) = connection;
        pthread_cond_signal(&s->wake);
    }
    pthread_mutex_unlock(&s->lock);
    return ret;
}

/* Is one due?  Waits for a second at most. */
static bool wait_due(struct site *s)
{
    struct timespec until;
    bool ret;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec++;
    pthread_mutex_lock(&s->lock);
    if (s->waiting.n == 0)
        pthread_cond_timedwait(&s->wake, &s->lock, &until);
    ret = s->waiting.n > 0 || (s->now && uptime_ms() - s->asked_ms < ASKED_MS &&
                               uptime_ms() - s->now->at_ms > longest(REST_MS, COST, s->now));
    pthread_mutex_unlock(&s->lock);
    return ret;
}

static void wake_all(struct site *s)
{
    for (size_t i = 0; i < s->waiting.n; i++)
        MHD_resume_connection(s->waiting.items[i]);
    s->waiting.n = 0;
}

static void publish(struct site *s, struct snapshot *made, const struct err *err)
{
    struct snapshot *before;

    pthread_mutex_lock(&s->lock);
    before = s->now;
    s->now = made;
    s->err = *err;
    wake_all(s);
    pthread_mutex_unlock(&s->lock);
    snapshot_drop(before);
}

void site_run(struct site *s, const struct status_sources *sources,
              const volatile sig_atomic_t *stop)
{
    while (!*stop) {
        struct snapshot *made = NULL;
        struct err err = ERR_INIT;

        if (!wait_due(s))
            continue;
        if (snapshot_make(sources, &made, &err) < 0)
            log_warning("the status cannot be told: %s", err.msg);
        publish(s, made, &err);
    }
    /* libmicrohttpd does not stop while a connection is suspended. */
    pthread_mutex_lock(&s->lock);
    s->stopped = true;
    if (s->err.code == ERR_NONE)
        err_set(&s->err, ERR_CANCELED, "it is being stopped");
    wake_all(s);
    pthread_mutex_unlock(&s->lock);
}
