/* SPDX-License-Identifier: MIT */
#include "cli/held_point.h"

#include <stdio.h>
#include <unistd.h>

#include "cli/client.h"
#include "cli/interrupted.h"
#include "report/json.h"

#define ANSWER_S 3
#define LIMIT_S 60
#define TRIES_PER_S 20

/* A merge that begins anew before we have it is asked again. */
static bool ask_to_yield(const struct held_point *h)
{
    const struct point *p = h->point;
    const struct client_request r = {
        .cmd = "yield",
        .args = json_pack("{s:o, s:o, s:o}", "host", report_json_text(p->host), "domain",
                          report_json_text(p->domain), "policy", report_json_text(p->policy)),
    };
    json_t *answer = NULL;
    struct err ignored = ERR_INIT;
    bool reached;
    int rc = client_ask(h->config, &r, ANSWER_S, &answer, &reached, &ignored);

    json_decref(answer);
    return rc == 0;
}

static void say_waiting(const struct held_point *h)
{
    fprintf(stderr,
            "vmkeep: %s: %s: it, or one that it stands on, is being merged, or removed: that gives "
            "way, which is waited for\n",
            h->command, h->point->id);
}

int held_point_take(const struct held_point *h, struct repository_hold *ret, struct err *err)
{
    for (int i = 0; i < LIMIT_S * TRIES_PER_S && !interrupted; i++) {
        *err = ERR_INIT;
        if (repository_hold(h->path, h->point->id, ret, err) == 0)
            return 0;
        if (err->code != ERR_BUSY || !h->config)
            return -1;
        if (i % TRIES_PER_S == 0 && !ask_to_yield(h))
            return -1;
        if (i == 0)
            say_waiting(h);
        usleep(1000000 / TRIES_PER_S);
    }
    return interrupted ? err_set(err, ERR_CANCELED, "interrupted") : -1;
}
