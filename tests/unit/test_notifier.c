/* SPDX-License-Identifier: MIT
 *
 * Notifications: what a target is told of a condition, in pure code; and the whole notifier on a
 * real catalog with a clock, looks and receivers of its own, which fail, and are killed, as the
 * dice have it: whatever happens, each firing and each end of it arrives once, or twice where the
 * daemon was killed between sending and recording, and in its order.
 */
#include "tests/unit/catalog_support.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/timefmt.h"
#include "notify/notifier.h"
#include "notify/told.h"
#include "storage/catalog/catalog_notify.h"

#define DAY INT64_C(86400)
#define START INT64_C(1790000000)

/* ---- told_decide ---- */

static struct condition sample(const char *domain, enum condition_kind kind)
{
    return (struct condition){.kind = kind,
                              .what = xstrdup(condition_words[kind]),
                              .key = xasprintf("%s lab/%s", condition_words[kind], domain),
                              .about = xasprintf("lab/%s", domain),
                              .host = xstrdup("lab"),
                              .domain = xstrdup(domain),
                              .severity = SEVERITY_RISK,
                              .text = xstrdup("no good point yet")};
}

/* What the target knows after it was told. */
static void take_over(struct told_list *was, struct telling *t)
{
    for (size_t i = 0; i < was->n;) {
        bool gone = strlist_has(&t->gone, was->items[i].condition);

        for (size_t k = 0; k < t->put.n; k++)
            gone = gone || strcmp(t->put.items[k].condition, was->items[i].condition) == 0;
        if (!gone) {
            i++;
            continue;
        }
        free(was->items[i].condition);
        free(was->items[i].facts);
        was->items[i] = was->items[--was->n];
    }
    for (size_t k = 0; k < t->put.n; k++)
        *VEC_ADD(was) = t->put.items[k];
    t->put.n = 0;
}

/* "firing", "again", "resolved" or "". */
static const char *told_now(struct told_list *was, const struct condition_list *l, unsigned kinds,
                            int64_t now)
{
    static const char *const words[] = {
        [NOTICE_FIRING] = "firing", [NOTICE_AGAIN] = "again", [NOTICE_RESOLVED] = "resolved"};
    struct telling t;
    const char *ret;

    told_decide(was, l, kinds, now, &t);
    assert_true(t.events.n <= 1);
    ret = t.events.n ? words[t.events.items[0].what] : "";
    take_over(was, &t);
    telling_done(&t);
    return ret;
}

static void once_again_and_over(void **state)
{
    struct told_list was = {0};
    struct condition_list fires = {0}, none = {0};
    const unsigned all = (1U << CONDITION_COUNT) - 1, risk = 1U << CONDITION_AT_RISK;
    const int64_t again[] = {1, 3, 7, 15, 31, 47}; /* days after the first */
    int64_t t = START;

    (void)state;
    *VEC_ADD(&fires) = sample("vm1", CONDITION_AT_RISK);
    assert_string_equal(told_now(&was, &none, all, t), "");
    assert_string_equal(told_now(&was, &fires, all & ~risk, t), "");
    assert_string_equal(told_now(&was, &fires, all, t), "firing");
    assert_string_equal(told_now(&was, &fires, all, t), "");
    for (size_t i = 0; i < ARRAY_LEN(again); i++) {
        assert_string_equal(told_now(&was, &fires, all, t + again[i] * DAY - 1), "");
        assert_string_equal(told_now(&was, &fires, all, t + again[i] * DAY), "again");
    }
    t += 48 * DAY;
    assert_string_equal(told_now(&was, &none, all, t), "resolved");
    assert_string_equal(told_now(&was, &none, all, t), "");
    assert_string_equal(told_now(&was, &fires, all, t + 1), "firing");
    assert_string_equal(told_now(&was, &fires, all, t + DAY), ""); /* the pauses are short again */
    assert_string_equal(told_now(&was, &fires, all, t + DAY + 1), "again");
    /* A clock that is set back by years silences nothing. */
    assert_string_equal(told_now(&was, &fires, all, t - 900 * DAY), "again");
    /* Who does not want to hear of it any more hears nothing, not even that it is over. */
    assert_string_equal(told_now(&was, &fires, all & ~risk, t), "");
    assert_int_equal(was.n, 0);
    condition_list_done(&fires);
    told_list_done(&was);
}

/* ---- conditions_of ---- */

static void reasons_become_conditions(void **state)
{
    struct status s = {.now = START};
    struct status_domain *d = VEC_ADD(&s.domains);
    struct status_policy *p;
    struct condition_list l;

    (void)state;
    d->host = xstrdup("lab");
    d->domain = xstrdup("web");
    p = VEC_ADD(&d->policies);
    reason_add(&p->reasons, REASON_TOO_OLD, "run it", "no good point for 3d");
    reason_add(&p->reasons, REASON_JOB_FAILED, NULL, "last job 7 failed: no space");
    p = VEC_ADD(&d->policies);
    reason_add(&p->reasons, REASON_NO_POINT, "run it", "no good point yet");
    reason_add(&p->reasons, REASON_COPY_BEHIND, NULL, "2 points are not there");
    reason_add(&d->reasons, REASON_LEFT_OUT, NULL, "a note");
    reason_add(&VEC_ADD(&s.repositories)->reasons, REASON_REPOSITORY, "mount it", "not mounted");
    s.repositories.items[0].name = xstrdup("main");
    reason_add(&s.warnings, REASON_CLOCK, NULL, "the clock was set");
    reason_add(&s.warnings, REASON_CRASHED, NULL, "it crashed");
    conditions_of(&s, &l);
    assert_int_equal(l.n, 5);
    assert_string_equal(l.items[0].key, "at-risk lab/web");
    assert_string_equal(l.items[0].text,
                        "no good point for 3d; last job 7 failed: no space; no good point yet");
    assert_string_equal(l.items[0].advice, "run it");
    assert_int_equal(l.items[0].severity, SEVERITY_RISK);
    assert_string_equal(l.items[1].key, "clock clock");
    assert_string_equal(l.items[2].key, "copy lab/web");
    assert_string_equal(l.items[3].key, "daemon daemon-crashed");
    assert_string_equal(l.items[4].key, "repository repository main");
    condition_list_done(&l);
    status_done(&s);
}

/* What no kind is for is told of under its own name, and each for itself: a guest that is frozen
 * is news although a disk of the domain has had no backups for weeks. */
static void what_is_of_no_kind_has_its_own_name(void **state)
{
    struct status s = {.now = START};
    struct status_domain *d = VEC_ADD(&s.domains);
    const unsigned other = 1U << CONDITION_OTHER;
    struct told_list was = {0};
    struct condition_list l;
    struct telling t;
    json_t *notice;

    (void)state;
    d->host = xstrdup("lab");
    d->domain = xstrdup("web");
    reason_add(&d->reasons, REASON_DISK_FORGOTTEN, "name it", "disk vdb is in no backup");
    conditions_of(&s, &l);
    assert_int_equal(l.n, 1);
    assert_string_equal(l.items[0].key, "disk-forgotten lab/web");
    assert_string_equal(told_now(&was, &l, other, START), "firing");
    condition_list_done(&l);
    reason_add(&d->reasons, REASON_FROZEN, "thaw it", "perhaps frozen");
    conditions_of(&s, &l);
    assert_int_equal(l.n, 2);
    told_decide(&was, &l, other, START + 60, &t);
    assert_int_equal(t.events.n, 1);
    notice = notice_conditions(&t.events, "hv", START + 60);
    assert_string_equal(json_string_value(json_object_get(notice, "subject")),
                        "vmkeep on hv: frozen lab/web");
    assert_non_null(strstr(json_string_value(json_object_get(notice, "text")),
                           "  lab/web: frozen\n    perhaps frozen\n"));
    json_decref(notice);
    take_over(&was, &t);
    telling_done(&t);
    condition_list_done(&l);
    /* It is over. */
    assert_string_equal(told_now(&was, &(struct condition_list){0}, 0, START + 70), "");
    assert_int_equal(was.n, 0);
    told_list_done(&was);
    status_done(&s);
}

/* Of thousands at once a message has hundreds, and how many more there are. */
static void a_message_has_an_end(void **state)
{
    struct notice_event_list l = {0};
    CLEANUP_FREE char *body = NULL;
    json_t *notice;

    (void)state;
    for (int i = 0; i < 10000; i++) {
        CLEANUP_FREE char *name = xasprintf("vm%d", i);
        struct notice_event e = {.what = NOTICE_FIRING,
                                 .condition = sample(name, CONDITION_AT_RISK)};

        *VEC_ADD(&l) = e;
    }
    notice = notice_conditions(&l, "hv", START);
    body = json_dumps(notice, JSON_COMPACT);
    assert_true(strlen(body) < 1 << 20);
    assert_int_equal(json_array_size(json_object_get(notice, "events")), 500);
    assert_int_equal(json_integer_value(json_object_get(notice, "more")), 9500);
    assert_non_null(strstr(body, "hv: 10000 new: "));
    assert_non_null(strstr(body, "And 9500 more."));
    json_decref(notice);
    notice_event_list_done(&l);
}

/* ---- the notifier ---- */

#define VMS 3
#define TARGETS 2

struct pending_op {
    struct op op;
    op_done done;
    void *ctx;
    char **ret;    /* of a look */
    char *message; /* of a send */
    char *policy;  /* of a report of its run */
    int64_t since; /* of a report; 0: it is none */
    int target;
};

struct world {
    struct clock clock;
    int64_t now;
    struct alarm *alarms[8];
    int64_t at[8];
    struct catalog *catalog;
    struct notifier *notifier;
    VEC(struct pending_op *) ops;
    unsigned dice;
    bool fires[VMS];
    int last[TARGETS][VMS]; /* what arrived last: 1 firing, 0 over */
    int arrived[TARGETS][VMS];
    int changes[VMS];
    bool unsure[TARGETS]; /* the daemon was killed between sending and recording */
    bool down[TARGETS];
    size_t kills, repeats, failures;
    bool blind;           /* looks fail */
    size_t told_blind[2]; /* that it was so: over, firing */
    size_t pings;
    size_t reports[TARGETS];
    int64_t told_until; /* what the first target's reports have told of */
    int64_t run_since;  /* of the last report of a run */
};

static unsigned roll(struct world *w, unsigned sides)
{
    w->dice = w->dice * 1103515245u + 12345u;
    return (w->dice >> 16) % sides;
}

static struct world *world_of(struct clock *c)
{
    return (struct world *)c;
}

static int64_t clock_now(struct clock *c)
{
    return world_of(c)->now;
}

static void clock_stop(struct clock *c, struct alarm *a)
{
    for (size_t i = 0; i < ARRAY_LEN(world_of(c)->alarms); i++)
        if (world_of(c)->alarms[i] == a)
            world_of(c)->alarms[i] = NULL;
    a->armed = false;
}

static void clock_after(struct clock *c, struct alarm *a, double seconds)
{
    size_t i = 0;

    clock_stop(c, a);
    while (world_of(c)->alarms[i])
        i++;
    world_of(c)->alarms[i] = a;
    world_of(c)->at[i] = world_of(c)->now + (int64_t)seconds;
    a->armed = true;
}

static const struct clock_ops clock_ops = {
    .now = clock_now, .elapsed = clock_now, .after = clock_after, .stop = clock_stop};

static void ignore_cancel(struct op *op)
{
    (void)op;
}

static struct op *start_op(struct world *w, struct pending_op op)
{
    struct pending_op *o = xcalloc(1, sizeof(*o));

    *o = op;
    o->op.cancel = ignore_cancel;
    *VEC_ADD(&w->ops) = o;
    return &o->op;
}

static struct op *look(void *ctx, char **ret, op_done done, void *done_ctx, struct err *err)
{
    (void)err;
    return start_op(ctx, (struct pending_op){.done = done, .ctx = done_ctx, .ret = ret});
}

static struct op *send_it(void *ctx, const struct config_target *t, const char *message,
                          op_done done, void *done_ctx, struct err *err)
{
    (void)err;
    return start_op(ctx, (struct pending_op){.done = done,
                                             .ctx = done_ctx,
                                             .message = xstrdup(message),
                                             .target = t->name[1] - '1'});
}

static struct op *make_report(void *ctx, int64_t since, const char *policy, char **ret,
                              op_done done, void *done_ctx, struct err *err)
{
    (void)err;
    return start_op(
        ctx,
        (struct pending_op){
            .done = done, .ctx = done_ctx, .ret = ret, .policy = xstrdup(policy), .since = since});
}

static char *what_came(const struct world *w, const struct pending_op *o)
{
    char at[TIMEFMT_MAX];
    json_t *notice =
        json_pack("{s:s, s:s, s:s, s:I, s:s*}", "kind", "report", "subject", "so it was", "at",
                  time_utc(w->now, at), "since", (json_int_t)o->since, "policy", o->policy);
    char *ret = json_dumps(notice, 0);

    json_decref(notice);
    return ret;
}

/* By the calendar one follows the other without a gap; a run is told of once. */
static void report_arrives(struct world *w, int target, const json_t *notice)
{
    int64_t since = json_integer_value(json_object_get(notice, "since")), at;
    struct err err = ERR_INIT;

    w->reports[target]++;
    if (json_object_get(notice, "policy")) {
        w->run_since = since;
        return;
    }
    assert_int_equal(target, 0);
    assert_int_equal(time_parse(json_string_value(json_object_get(notice, "at")), &at, &err), 0);
    if (w->told_until && since != w->told_until + 1) {
        if (!w->unsure[target])
            fail_msg("a report of what came since %lld follows one of until %lld", (long long)since,
                     (long long)w->told_until);
        w->repeats++;
    }
    w->told_until = at;
}

static char *what_fires(const struct world *w)
{
    json_t *list = json_array(), *all;
    char *ret;

    for (int i = 0; i < VMS; i++) {
        CLEANUP_FREE char *name = xasprintf("vm%d", i);
        struct condition c = sample(name, CONDITION_AT_RISK);

        if (w->fires[i])
            json_array_append_new(list, condition_json(&c));
        condition_done(&c);
    }
    all = json_pack("{s:s, s:o}", "summary", "so it stands", "conditions", list);
    ret = json_dumps(all, 0);
    json_decref(all);
    return ret;
}

/* The receiver takes it: in its order, and each change once. */
static void arrive(struct world *w, int target, const char *message)
{
    json_t *json = json_loads(message, 0, NULL), *event;
    size_t i;

    if (strcmp(json_string_value(json_object_get(json, "kind")), "report") == 0)
        report_arrives(w, target, json);
    json_array_foreach(json_object_get(json, "events"), i, event) {
        const char *domain = json_string_value(json_object_get(event, "domain"));
        int vm = domain ? domain[2] - '0' : 0;
        int firing = strcmp(json_string_value(json_object_get(event, "status")), "firing") == 0;

        if (!domain) {
            w->told_blind[firing]++;
            continue;
        }
        if (json_is_true(json_object_get(event, "again")))
            continue;
        if (w->last[target][vm] == firing) {
            if (!w->unsure[target])
                fail_msg("target %d was told twice that vm%d %s", target, vm,
                         firing ? "fires" : "is over");
            w->repeats++;
            continue;
        }
        w->last[target][vm] = firing;
        w->arrived[target][vm]++;
    }
    w->unsure[target] = false;
    json_decref(json);
}

static void op_free(struct pending_op *o)
{
    free(o->message);
    free(o->policy);
    free(o);
}

static void end_op(struct world *w, size_t i)
{
    struct pending_op *o = w->ops.items[i];
    struct err err = ERR_INIT;
    bool fails = o->message ? w->down[o->target] : w->blind || roll(w, 20) == 0;

    w->ops.items[i] = w->ops.items[--w->ops.n];
    if (fails) {
        w->failures++;
        err_set(&err, ERR_REMOTE, "not now");
    } else if (o->message && strstr(o->message, "\"signal\"")) {
        w->pings++;
    } else if (o->message) {
        arrive(w, o->target, o->message);
    } else {
        *o->ret = o->since ? what_came(w, o) : what_fires(w);
    }
    o->done(o->ctx, fails ? &err : NULL);
    op_free(o);
}

static const char config_text[] = "catalog: /unused\n"
                                  "notify:\n"
                                  "  - { name: t1, command: /bin/true }\n"
                                  "  - { name: t2, command: /bin/true }\n";

static const char reports_text[] =
    "catalog: /unused\n"
    "hosts: [ { name: h, driver: libvirt, uri: \"qemu:///system\" } ]\n"
    "repositories: [ { name: main, path: /unused/main } ]\n"
    "policies: [ { name: n, domains: \"*\", repository: main, schedule: { full: daily } } ]\n"
    "notify:\n"
    "  - { name: t1, command: /bin/true, report: [\"*:0/30\"], conditions: none }\n"
    "  - { name: t2, command: /bin/true, report: runs }\n";

static struct config *parse(const char *text)
{
    struct config *ret = NULL;
    struct diagnostics diags = {0};

    assert_int_equal(config_parse(text, strlen(text), "test", &ret, &diags), 0);
    diagnostics_done(&diags);
    return ret;
}

static void start_life(struct world *w, const struct scratch *s, const struct config *config)
{
    const struct notifier_env env = {.clock = &w->clock,
                                     .catalog = w->catalog = open_writer(s),
                                     .machine = "test",
                                     .look = look,
                                     .report = make_report,
                                     .send = send_it,
                                     .ctx = w};
    w->notifier = notifier_new(&env, config);
}

/* kill -9: some of what was being sent has arrived all the same. */
static void end_life(struct world *w)
{
    for (size_t i = 0; i < w->ops.n; i++) {
        struct pending_op *o = w->ops.items[i];

        if (o->message && !w->down[o->target] && roll(w, 2)) {
            arrive(w, o->target, o->message);
            w->unsure[o->target] = true;
        }
        op_free(o);
    }
    w->ops.n = 0;
    memset(w->alarms, 0, sizeof(w->alarms));
    notifier_free(w->notifier);
    catalog_close(w->catalog);
    w->kills++;
}

static void run_alarms(struct world *w)
{
    for (size_t i = 0; i < ARRAY_LEN(w->alarms); i++) {
        struct alarm *a = w->alarms[i];

        if (!a || w->at[i] > w->now)
            continue;
        w->alarms[i] = NULL;
        a->armed = false;
        a->fire(a->ctx);
    }
}

static void pass_time(struct world *w, int64_t seconds, bool to_the_end)
{
    for (int64_t end = w->now + seconds; w->now < end; w->now += 5) {
        run_alarms(w);
        while (w->ops.n > 0 && (to_the_end || roll(w, 3)))
            end_op(w, roll(w, (unsigned)w->ops.n));
    }
}

/* Some weather: a change, a receiver that goes or comes back, a kill. */
static void one_turn(struct world *w, const struct scratch *s, const struct config *config)
{
    unsigned vm = roll(w, VMS), target = roll(w, TARGETS);

    if (roll(w, 3) == 0)
        w->fires[vm] = !w->fires[vm];
    if (roll(w, 4) == 0)
        w->down[target] = !w->down[target];
    if (roll(w, 4) == 0) {
        end_life(w);
        start_life(w, s, config);
    }
    pass_time(w, 5 + roll(w, 300), false);
}

static void each_is_told_once(void **state)
{
    const struct scratch *s = *state;
    struct config *config = parse(config_text);

    for (unsigned seed = 1; seed <= 5; seed++) {
        struct world w = {.clock = {&clock_ops}, .now = START, .dice = seed * 77};

        start_life(&w, s, config);
        for (int turn = 0; turn < 60; turn++)
            one_turn(&w, s, config);
        /* All is well in the end: both know how it stands. */
        memset(w.down, 0, sizeof(w.down));
        memset(w.fires, 0, sizeof(w.fires));
        pass_time(&w, 3 * 3600, true);
        for (int t = 0; t < TARGETS; t++)
            for (int i = 0; i < VMS; i++) {
                assert_int_equal(w.last[t][i], 0);
                assert_int_equal(w.arrived[t][i] % 2, 0);
            }
        assert_true(w.kills > 0 && w.failures > 0);
        end_life(&w);
        free(w.ops.items);
    }
    config_free(config);
}

/* Through failures and kills; the periods follow one another. */
static void reports_come_by_the_calendar(void **state)
{
    const struct scratch *s = *state;
    struct config *config = parse(reports_text);
    struct world w = {.clock = {&clock_ops}, .now = START, .dice = 5};

    start_life(&w, s, config);
    for (int turn = 0; turn < 150; turn++)
        one_turn(&w, s, config);
    w.down[0] = w.down[1] = false;
    pass_time(&w, 3 * 3600, true);
    assert_in_range(w.reports[0], 8, (uint64_t)(w.now - START) / 1800 + w.repeats + 1);
    assert_int_equal(w.reports[1], 0);
    assert_true(w.told_until > w.now - 1805);
    assert_true(w.kills > 0 && w.failures > 0);
    /* The clock goes back by a year: the next comes in half an hour all the same. */
    w.now -= 365 * DAY;
    for (size_t i = 0; i < ARRAY_LEN(w.at); i++)
        w.at[i] -= 365 * DAY;
    w.told_until = 0;
    w.reports[0] = 0;
    pass_time(&w, 3600, true);
    assert_in_range(w.reports[0], 1, 2);
    end_life(&w);
    free(w.ops.items);
    config_free(config);
}

static void job_moves(struct world *w, int64_t job, bool end)
{
    if (end)
        OK(catalog_job_end(w->catalog, job, w->now, OUTCOME_FAILED, ERR_REMOTE, "no", &err));
    notifier_job(w->notifier, "n", !end);
    pass_time(w, 60, true);
}

static void a_report_comes_after_each_run(void **state)
{
    const struct scratch *s = *state;
    struct config *config = parse(reports_text);
    struct world w = {.clock = {&clock_ops}, .now = START, .dice = 3};
    int64_t jobs[3];

    start_life(&w, s, config);
    jobs[0] = add_job(w.catalog, "d", "n", START); /* before anybody listened, and not over */
    pass_time(&w, 60, true);
    assert_int_equal(w.reports[1], 0);
    jobs[1] = add_job(w.catalog, "e", "n", START);
    job_moves(&w, jobs[1], false);
    job_moves(&w, jobs[0], true);
    assert_int_equal(w.reports[1], 0); /* one is still open */
    job_moves(&w, jobs[1], true);
    assert_int_equal(w.reports[1], 1);
    job_moves(&w, jobs[1], false);
    end_life(&w);
    start_life(&w, s, config);
    pass_time(&w, 600, true);
    assert_int_equal(w.reports[1], 1);
    /* The daemon dies before anybody is told. */
    jobs[2] = add_job(w.catalog, "d", "n", START + DAY);
    OK(catalog_job_end(w.catalog, jobs[2], w.now, OUTCOME_FAILED, ERR_REMOTE, "no", &err));
    end_life(&w);
    start_life(&w, s, config);
    pass_time(&w, 60, true);
    assert_int_equal(w.reports[1], 2);
    assert_int_equal(w.reports[0], 0);
    end_life(&w);
    free(w.ops.items);
    config_free(config);
}

/* A message over which the daemon dies twice waits, as one that failed: who knows if it is out. */
static void a_message_is_repeated_at_once_but_once(void **state)
{
    struct catalog *c = open_writer(*state);
    const struct message m = {.kind = (char *)"test",
                              .subject = (char *)"s",
                              .body = (char *)"{}",
                              .created = START,
                              .expires = START + DAY,
                              .next = START};
    const struct target_news news = {.target = "t", .message = &m, .at = START};
    struct message found = {0};
    bool is_there, go;

    OK(catalog_tell(c, &news, &err));
    OK(catalog_message_first(c, "t", &found, &is_there, &err));
    assert_true(is_there);
    OK(catalog_message_begin(c, found.id, START, &go, &err));
    assert_true(go);
    OK(catalog_message_begin(c, found.id, START + 1, &go, &err)); /* after a kill */
    assert_true(go);
    /* What was refused since then has not arrived. */
    OK(catalog_message_failed(c, found.id, START + 2, START + 32, "refused", &err));
    OK(catalog_message_begin(c, found.id, START + 32, &go, &err));
    assert_true(go);
    OK(catalog_message_begin(c, found.id, START + 33, &go, &err)); /* after a kill */
    assert_true(go);
    OK(catalog_message_begin(c, found.id, START + 34, &go, &err)); /* after another */
    assert_false(go);
    message_done(&found);
    OK(catalog_message_first(c, "t", &found, &is_there, &err));
    assert_true(is_there);
    OK(catalog_message_failed(c, found.id, START + 35, START + 65, "the daemon ended", &err));
    OK(catalog_message_begin(c, found.id, START + 65, &go, &err));
    assert_true(go);
    message_done(&found);
    catalog_close(c);
}

/* Of a target that takes nothing the newest messages wait, and the rest is counted. */
static void the_queue_has_an_end(void **state)
{
    struct catalog *c = open_writer(*state);
    struct message m = {.kind = (char *)"test",
                        .subject = (char *)"s",
                        .body = (char *)"{}",
                        .created = START,
                        .expires = START + DAY,
                        .next = START};
    const struct target_news news = {.target = "t", .message = &m, .at = START};
    struct target_state_list l = {0};
    struct message first = {0};
    bool is_there, go;

    OK(catalog_tell(c, &news, &err));
    OK(catalog_message_first(c, "t", &first, &is_there, &err));
    OK(catalog_message_begin(c, first.id, START, &go, &err));
    for (int i = 0; i < 300; i++)
        OK(catalog_tell(c, &news, &err));
    OK(catalog_tell(c, &(struct target_news){.target = "u", .message = &m, .at = START}, &err));
    OK(catalog_targets(c, &l, &err));
    assert_int_equal(l.items[0].waiting, 201); /* and the one that is being sent */
    assert_int_equal(l.items[0].n_lost, 100);
    assert_int_equal(l.items[1].waiting, 1);
    target_state_list_done(&l);
    message_done(&first);
    OK(catalog_message_first(c, "t", &first, &is_there, &err));
    assert_int_equal(first.id, 1);
    message_done(&first);
    catalog_close(c);
}

/* That nobody can see is told as a condition of its own, and what was told before stands. */
static void a_blind_notifier_says_so(void **state)
{
    struct config *config = parse(config_text);
    struct world w = {.clock = {&clock_ops}, .now = START, .dice = 5, .fires = {true}};

    start_life(&w, *state, config);
    pass_time(&w, 900, true);
    w.blind = true;
    pass_time(&w, 500, true);
    assert_int_equal(w.told_blind[1], 0);
    pass_time(&w, 900, true);
    assert_int_equal(w.told_blind[1], TARGETS);
    end_life(&w);
    start_life(&w, *state, config);
    pass_time(&w, 1800, true);
    assert_int_equal(w.told_blind[1], TARGETS);
    w.blind = false;
    pass_time(&w, 600, true);
    assert_int_equal(w.told_blind[0], TARGETS);
    assert_int_equal(w.told_blind[1], TARGETS);
    for (int t = 0; t < TARGETS; t++)
        assert_int_equal(w.arrived[t][0], 1);
    end_life(&w);
    free(w.ops.items);
    config_free(config);
}

/* Looks that take long are not taken often, and are not put off by jobs that end all the time. */
static void looks_have_their_time(void **state)
{
    struct config *config = parse(config_text);
    struct world w = {.clock = {&clock_ops}, .now = START, .dice = 5};
    size_t looks = 0;

    start_life(&w, *state, config);
    for (int64_t end = w.now + 3600, began = 0; w.now < end; w.now++) {
        notifier_poke(w.notifier);
        run_alarms(&w);
        if (w.ops.n == 0)
            began = w.now;
        if (w.ops.n > 0 && w.now - began >= 30) {
            end_op(&w, 0);
            looks++;
        }
    }
    if (looks < 9 || looks > 12)
        fail_msg("%zu looks of half a minute in an hour", looks);
    end_life(&w);
    free(w.ops.items);
    config_free(config);
}

static struct config *parse_check(void)
{
    static const char text[] = "catalog: /unused\n"
                               "notify:\n"
                               "  - { name: t1, healthchecks: { url: 'http://localhost/x', every: "
                               "1h } }\n";
    struct config *ret = NULL;
    struct diagnostics diags = {0};

    assert_int_equal(config_parse(text, strlen(text), "test", &ret, &diags), 0);
    diagnostics_done(&diags);
    return ret;
}

/* A check knows nothing of retries: one ping that is lost must not raise its alarm. */
static void a_lost_ping_is_made_up_for(void **state)
{
    struct config *config = parse_check();
    struct world w = {.clock = {&clock_ops}, .now = START, .dice = 5, .down = {true}};

    start_life(&w, *state, config);
    pass_time(&w, 300, true);
    assert_int_equal(w.pings, 0);
    w.down[0] = false;
    pass_time(&w, 200, true);
    assert_int_equal(w.pings, 1);
    pass_time(&w, 1800, true);
    assert_int_equal(w.pings, 1);
    end_life(&w);
    free(w.ops.items);
    config_free(config);
}

/* A clock that leaps by years, as one does that begins at 1970, makes no message too old. */
static void a_leap_of_the_clock_loses_nothing(void **state)
{
    struct config *config = parse(config_text);
    struct world w = {.clock = {&clock_ops}, .now = 1000, .dice = 5, .fires = {true}};

    w.down[0] = w.down[1] = true;
    start_life(&w, *state, config);
    pass_time(&w, 400, true);
    w.now = START;
    pass_time(&w, 1200, true);
    assert_int_equal(w.arrived[0][0], 0);
    w.down[0] = w.down[1] = false;
    pass_time(&w, 7200, true);
    for (int t = 0; t < TARGETS; t++)
        assert_int_equal(w.arrived[t][0], 1);
    end_life(&w);
    free(w.ops.items);
    config_free(config);
}

/* What was sent while the catalog could not be written is known all the same. */
static void a_full_catalog_repeats_nothing(void **state)
{
    struct config *config = parse(config_text);
    struct world w = {.clock = {&clock_ops}, .now = START, .dice = 5, .fires = {true}};
    const struct scratch *s = *state;

    start_life(&w, s, config);
    for (; w.ops.n == 0 || !w.ops.items[0]->message; w.now += 5) {
        if (w.ops.n > 0)
            end_op(&w, 0); /* a look */
        run_alarms(&w);
    }
    sql(w.catalog->db.h, "CREATE TEMP TRIGGER t1 BEFORE DELETE ON message"
                         " BEGIN SELECT RAISE (ABORT, 'full'); END");
    sql(w.catalog->db.h, "CREATE TEMP TRIGGER t2 BEFORE UPDATE ON message"
                         " BEGIN SELECT RAISE (ABORT, 'full'); END");
    while (w.ops.n > 0)
        end_op(&w, 0);
    pass_time(&w, 60, true);
    sql(w.catalog->db.h, "DROP TRIGGER t1");
    sql(w.catalog->db.h, "DROP TRIGGER t2");
    pass_time(&w, 600, true);
    for (int t = 0; t < TARGETS; t++)
        assert_int_equal(w.arrived[t][0], 1);
    assert_int_equal(w.repeats, 0);
    end_life(&w);
    free(w.ops.items);
    config_free(config);
}

/* Given up when it is too old; shown until something is taken. */
static void what_is_not_taken_is_shown(void **state)
{
    struct catalog *c = open_writer(*state);
    const struct message m = {.kind = (char *)"test",
                              .subject = (char *)"s",
                              .body = (char *)"{}",
                              .created = START,
                              .expires = START + DAY,
                              .next = START};
    const struct target_news news = {.target = "t", .message = &m, .at = START};
    struct message found = {0};
    struct target_state_list l = {0};
    bool is_there;

    OK(catalog_tell(c, &news, &err));
    OK(catalog_message_first(c, "t", &found, &is_there, &err));
    OK(catalog_message_failed(c, found.id, START + 9, START + 39, "status 500", &err));
    OK(catalog_targets(c, &l, &err));
    assert_int_equal(l.n, 1);
    assert_string_equal(l.items[0].problem, "status 500");
    assert_int_equal(l.items[0].waiting, 1);
    target_state_list_done(&l);
    OK(catalog_message_failed(c, found.id, START + 39, 0, "status 500", &err));
    OK(catalog_targets(c, &l, &err));
    assert_int_equal(l.items[0].n_lost, 1);
    assert_int_equal(l.items[0].n_failed, 2);
    assert_int_equal(l.items[0].waiting, 0);
    target_state_list_done(&l);
    OK(catalog_target_tried(c, "t", true, NULL, START + 50, &err));
    OK(catalog_targets(c, &l, &err));
    assert_null(l.items[0].problem);
    assert_int_equal(l.items[0].tested, START + 50);
    target_state_list_done(&l);
    OK(catalog_targets_keep(c, &(struct strlist){0}, &err));
    OK(catalog_targets(c, &l, &err));
    assert_int_equal(l.n, 0);
    target_state_list_done(&l);
    message_done(&found);
    catalog_close(c);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, scratch_make, scratch_remove)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(once_again_and_over),
        cmocka_unit_test(reasons_become_conditions),
        cmocka_unit_test(what_is_of_no_kind_has_its_own_name),
        cmocka_unit_test(a_message_has_an_end),
        TEST(each_is_told_once),
        TEST(reports_come_by_the_calendar),
        TEST(a_report_comes_after_each_run),
        TEST(a_message_is_repeated_at_once_but_once),
        TEST(the_queue_has_an_end),
        TEST(a_blind_notifier_says_so),
        TEST(looks_have_their_time),
        TEST(a_lost_ping_is_made_up_for),
        TEST(a_leap_of_the_clock_loses_nothing),
        TEST(a_full_catalog_repeats_nothing),
        TEST(what_is_not_taken_is_shown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
