/* SPDX-License-Identifier: MIT
 *
 * Workers: a call may block for 30 s, for another job holds the domain; others must not wait for
 * it.  Threads are made as they are needed, and stay.
 */
#include <pthread.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "helpers/libvirt/libvirt.h"

/* libvirtd serves 5 requests of one client at once (max_client_requests), and reads no more from it
 * until one of them is done, pings and their answers neither: five calls that wait half a minute
 * each would cost the connection. */
#define WORKERS_MAX 4

struct work {
    struct work *next;
    json_t *id;
    const struct service *service;
    void *request;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t added = PTHREAD_COND_INITIALIZER;
static struct work *first, **last = &first;
static size_t waiting, open_; /* in the queue; not answered yet */
static size_t workers, idle;
static int timer = -1; /* wakes the main thread */

static void answer(struct work *w)
{
    bool well;
    json_t *line = service_run(w->service, w->request, &well);

    if (w->id)
        json_object_set(line, "id", w->id);
    /* If the connection has ended that is what it failed by: "closed" is told, and answers all. */
    if (well || connection_answers())
        say(line);
    else
        json_decref(line);
    record_done(w->service->request, w->request);
    free(w->request);
    json_decref(w->id);
    free(w);
}

static struct work *take(void)
{
    struct work *w;

    idle++;
    while (!first)
        pthread_cond_wait(&added, &lock);
    idle--;
    w = first;
    first = w->next;
    if (!first)
        last = &first;
    waiting--;
    return w;
}

static void *work(void *arg)
{
    (void)arg;
    pthread_mutex_lock(&lock);
    for (;;) {
        struct work *w = take();

        pthread_mutex_unlock(&lock);
        answer(w);
        pthread_mutex_lock(&lock);
        if (--open_ == 0 && timer >= 0)
            virEventUpdateTimeout(timer, 0);
    }
    return NULL;
}

static void start_worker(void)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, work, NULL) == 0) {
        pthread_detach(thread);
        workers++;
    } else if (workers == 0) {
        _Exit(EXIT_FAILURE);
    }
}

void work_add(json_t *id, const struct service *s, void *request)
{
    struct work *w = xcalloc(1, sizeof(*w));

    w->id = json_incref(id);
    w->service = s;
    w->request = request;
    pthread_mutex_lock(&lock);
    *last = w;
    last = &w->next;
    open_++;
    if (++waiting > idle && workers < WORKERS_MAX)
        start_worker();
    pthread_cond_signal(&added);
    pthread_mutex_unlock(&lock);
}

bool work_is_done(void)
{
    bool ret;

    pthread_mutex_lock(&lock);
    ret = open_ == 0;
    pthread_mutex_unlock(&lock);
    return ret;
}

static void woken(int id, void *arg)
{
    (void)arg;
    virEventUpdateTimeout(id, -1);
}

void work_start(void)
{
    timer = virEventAddTimeout(-1, woken, NULL, NULL);
}
