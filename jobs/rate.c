/* SPDX-License-Identifier: MIT */
#include "jobs/rate.h"

#define SHORTEST_MS 200            /* less says nothing of a rate */
#define LEFT_MAX_S (366 * 86400.0) /* what takes longer stands still */

/* What the former rate still weighs after s seconds: a half after RATE_S, a quarter after twice
 * that (the exponential, by (1 + x/16)^-16: near enough, and no library of mathematics). */
static double weight_left(double s)
{
    double w = 1.0 / (1.0 + s * 0.693 / RATE_S / 16);

    for (int i = 0; i < 4; i++)
        w *= w;
    return w;
}

void rate_look(struct rate *r, uint64_t done, int64_t now_ms)
{
    double s = (double)(now_ms - r->at_ms) / 1000.0;
    double now;
    bool first = r->looked_ms == 0 || done < r->done;

    r->looked_ms = now_ms;
    if (first) {
        r->known = false;
        r->done = done;
        r->at_ms = now_ms;
        return;
    }
    if (now_ms - r->at_ms < SHORTEST_MS)
        return;
    now = (double)(done - r->done) / s;
    r->per_s = r->known ? now + (r->per_s - now) * weight_left(s) : now;
    r->known = true;
    r->done = done;
    r->at_ms = now_ms;
}

int64_t rate_left_s(const struct rate *r, uint64_t done, uint64_t total)
{
    double left;

    if (!r->known || r->per_s < 1.0 || done > total)
        return -1;
    left = (double)(total - done) / r->per_s;
    return left > LEFT_MAX_S ? -1 : (int64_t)(left + 0.5);
}
