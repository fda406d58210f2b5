/* SPDX-License-Identifier: MIT
 *
 * The places of backups begun by hand, and scratch space: what storage/store/places_ask.c asks for.
 */
#include <sys/stat.h>

#include "base/cleanup.h"
#include "helpers/store/service.h"
#include "helpers/store/tell.h"
#include "storage/store/places_ask.h"
#include "storage/store/scratch.h"

static int check(const void *request, void *answer, struct err *err)
{
    const struct places_request *q = request;

    (void)answer;
    for (size_t i = 0; i < q->wishes->n; i++) {
        struct stat st;

        tell_at(q->wishes->items[i].path);
        stat(q->wishes->items[i].path, &st);
    }
    return places_check(q->owned, q->wishes->items, q->wishes->n, err);
}

static void tell_made(const struct places_request *q)
{
    for (size_t i = 0; i < q->made->n; i++)
        tell_at(q->made->items[i].path);
}

static int make(const void *request, void *answer, struct err *err)
{
    const struct places_request *q = request;
    struct places_made *ret = answer;

    tell_at(q->scratch);
    if (scratch_prepare(q->scratch, q->tag, q->uid, q->gid, err) < 0)
        return -1;
    tell_made(q);
    return made_create(q->made, q->tag, q->uid, q->gid, &ret->made, err);
}

static int name(const void *request, void *answer, struct err *err)
{
    const struct places_request *q = request;

    (void)answer;
    tell_made(q);
    return made_name(q->made, q->tag, err);
}

static int clear(const void *request, void *answer, struct err *err)
{
    const struct places_request *q = request;
    struct err scratch = ERR_INIT;
    int rc;

    (void)answer;
    tell_made(q);
    rc = made_clear(q->made, q->tag, q->targets, err);
    if (!q->scratch)
        return rc;
    tell_at(q->scratch);
    if (scratch_discard(q->scratch, q->tag, &scratch) < 0 && rc == 0) {
        *err = scratch;
        rc = -1;
    }
    return rc;
}

static int sweep(const void *request, void *answer, struct err *err)
{
    const struct places_request *q = request;

    (void)answer;
    tell_at(q->scratch);
    return scratch_sweep(q->scratch, q->prefix, q->next_job, q->keep, err);
}

const struct service places_services[] = {
    {"places-check", "whose are these files, before something is written to them",
     &places_request_check, NULL, check},
    {"places-make", "make files beside their places, and scratch space", &places_request_make,
     &places_answer_make, make},
    {"places-name", "give what was made its names", &places_request_name, NULL, name},
    {"places-clear", "remove what was made, and the scratch space", &places_request_clear, NULL,
     clear},
    {"scratch-sweep", "remove scratch space that jobs have left", &places_request_sweep, NULL,
     sweep},
};
const size_t n_places_services = ARRAY_LEN(places_services);
