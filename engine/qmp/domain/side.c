/* SPDX-License-Identifier: MIT
 *
 * A QEMU as a domain's side: all there is to it is what the driver does anyway.  And none. */
#include "engine/qmp/domain/side.h"

static struct domain *raises_for(struct domain *d, enum hv_event_type type)
{
    (void)type;
    return d;
}

static json_t *answer(const struct domain *d, enum view_query query)
{
    (void)d;
    (void)query;
    return NULL;
}

static void hide(const struct domain *d, json_t *nodes)
{
    (void)d;
    (void)nodes;
}

static void judge(struct domain *d, const struct file_list *files, bool running, struct err *err)
{
    (void)d;
    (void)files;
    (void)running;
    (void)err;
}

static void lost_nothing(struct domain *d)
{
    (void)d;
}

static bool ended(const struct domain *d, struct hv_job_stats *ret)
{
    (void)d;
    (void)ret;
    return false;
}

static bool let_go(struct task *t)
{
    (void)t;
    return false;
}

static void side_free(struct domain *d)
{
    (void)d;
}

#define NOTHING_MORE                                                                               \
    .raises_for = raises_for, .answer = answer, .hide = hide, .judge = judge, .ended = ended,      \
    .let_go = let_go, .free = side_free

const struct side side_qemu = {NOTHING_MORE, .reconnects = true, .lost = connection_retry};
const struct side side_images = {NOTHING_MORE, .lost = lost_nothing};
