/* SPDX-License-Identifier: MIT
 *
 * A libvirt host: its list of domains, a look at one, and what is believed of a job's end; on
 * libvirt's own test driver (test:///default has one domain, "test", that runs), and on a program
 * that answers as it is told.
 */
#include "tests/support/test.h"

#include <ev.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/text.h"
#include "engine/libvirt/driver.h"
#include "tests/support/domain_facts.h"

struct lab {
    struct ev_loop *loop;
    struct hypervisor *hv;
    int lists, looks, ends; /* events */
    bool done, inside;
    struct err err;
    struct domain_facts *facts;
    struct hv_job_stats stats;
};

#define PATIENCE_S 120.0

/* A case that fails leaves its host behind, whose program would keep the loop of the next one from
 * ending; and a wait that never ends is a failure, too. */
static struct lab *open_lab;
static ev_timer patience;
static bool lost_patience;

static void on_patience(struct ev_loop *loop, ev_timer *w, int revents)
{
    (void)w;
    (void)revents;
    lost_patience = true;
    ev_break(loop, EVBREAK_ALL);
}

/* A turn of the loop, or, while it is let go, all. */
static void run(struct lab *lab, const char *for_what)
{
    lost_patience = false;
    ev_timer_init(&patience, on_patience, PATIENCE_S, 0.0);
    ev_timer_start(lab->loop, &patience);
    ev_unref(lab->loop);
    ev_run(lab->loop, 0);
    ev_ref(lab->loop);
    ev_timer_stop(lab->loop, &patience);
    if (lost_patience)
        fail_msg("waited %.0f s in vain for %s", PATIENCE_S, for_what);
}

static void on_event(void *ctx, const struct hv_event *event)
{
    struct lab *lab = ctx;

    assert_false(lab->inside);
    assert_true((event->domain == NULL) == (event->type == HV_EVENT_DOMAINS));
    lab->lists += event->type == HV_EVENT_DOMAINS;
    lab->looks += event->type == HV_EVENT_DOMAIN;
    lab->ends += event->type == HV_EVENT_JOB;
    ev_break(lab->loop, EVBREAK_ALL);
}

static void lab_start(struct lab *lab, const char *uri, const char *program)
{
    *lab = (struct lab){.loop = EV_DEFAULT};
    lab->hv =
        libvirt_hypervisor_new(lab->loop, &(struct libvirt_config){.uri = uri, .program = program});
    lab->hv->ops->listen(lab->hv, on_event, lab);
    open_lab = lab;
}

static void lab_end(struct lab *lab)
{
    lab->hv->ops->free(lab->hv);
    lab->hv = NULL;
    run(lab, "the end of its program");
    domain_facts_free(TAKE_PTR(lab->facts));
    open_lab = NULL;
}

/* After a case that has failed. */
static int let_go(void **state)
{
    struct lab *lab = TAKE_PTR(open_lab);

    (void)state;
    if (!lab || !lab->hv)
        return 0;
    lab->inside = lab->done = false;
    lab->hv->ops->free(TAKE_PTR(lab->hv));
    run(lab, "the end of its program");
    domain_facts_free(TAKE_PTR(lab->facts));
    return 0;
}

static void on_done(void *ctx, const struct err *err)
{
    struct lab *lab = ctx;

    assert_false(lab->done || lab->inside);
    lab->done = true;
    lab->err = err ? *err : ERR_INIT;
    ev_break(lab->loop, EVBREAK_ALL);
}

static struct op *inspect(struct lab *lab, const char *domain)
{
    struct op *op;

    domain_facts_free(TAKE_PTR(lab->facts));
    lab->done = false;
    lab->err = ERR_INIT;
    lab->inside = true;
    op = lab->hv->ops->inspect(lab->hv, domain, &lab->facts, on_done, lab, &lab->err);
    lab->inside = false;
    return op;
}

static void wait_done(struct lab *lab)
{
    while (!lab->done)
        run(lab, "an answer");
}

static void wait_lists(struct lab *lab, int n)
{
    while (lab->lists < n)
        run(lab, "a list of domains");
}

/* "a b", of what the host has told. */
static char *names(struct lab *lab)
{
    CLEANUP(strlist_done) struct strlist l = {0};
    char *ret = xstrdup("");

    if (!lab->hv->ops->domains(lab->hv, &l, NULL)) {
        free(ret);
        return xstrdup("not known");
    }
    for (size_t i = 0; i < l.n; i++) {
        char *more = xasprintf("%s%s%s", ret, *ret ? " " : "", l.items[i]);

        free(ret);
        ret = more;
    }
    return ret;
}

static void assert_names(struct lab *lab, const char *wanted)
{
    CLEANUP_FREE char *is = names(lab);

    struct err why = ERR_INIT;
    lab->hv->ops->domains(lab->hv, NULL, &why);
    if (strcmp(is, wanted) != 0)
        fail_msg("%s, not %s: %s", is, wanted, why.msg);
}

/* ---- the program that answers as it is told ---- */

/* Answers the Nth question for the domains with $N; `before` runs before the first answer. */
#define SCRIPT                                                                                     \
    "#!/bin/bash\n"                                                                                \
    "echo '{\"event\":{\"what\":\"connected\"}}'\n"                                                \
    "n=0\n"                                                                                        \
    "event() { echo '{\"event\":{\"what\":\"domain\",\"domain\":\"'$1'\",\"uuid\":\"u\","          \
    "\"change\":\"'$2'\"}}'; }\n"                                                                  \
    "entry() { for d in $1; do echo -n $c'{\"name\":\"'$d'\",\"uuid\":\"u-'$d'\",\"persistent\":"  \
    "true}'; c=,; done; c=; }\n"                                                                   \
    "while read -r line; do\n"                                                                     \
    "  [[ $line =~ \\\"id\\\":([0-9]+) ]]; id=${BASH_REMATCH[1]}\n"                                \
    "  case $line in\n"                                                                            \
    "  *'\"do\":\"domains\"'*)\n"                                                                  \
    "    n=$((n + 1)); at=list_$n; [[ -v $at ]] || at=last\n"                                      \
    "    [[ $n != 1 ]] || before\n"                                                                \
    "    echo '{\"id\":'$id',\"done\":{\"domains\":['$(entry \"${!at}\")']}}';;\n"                 \
    "  *) other;;\n"                                                                               \
    "  esac\n"                                                                                     \
    "done\n"

/* Caller frees. */
static char *program(const char *first)
{
    char *path = xasprintf("%s/host.sh", getenv("TMPDIR"));
    const char *at = strchr(SCRIPT, '\n');
    CLEANUP_FREE char *text = xasprintf("%.*s\nbefore() { :; }; other() { :; }\n%s%s",
                                        (int)strcspn(SCRIPT, "\n"), SCRIPT, first, at);
    struct err err = ERR_INIT;

    assert_int_equal(write_file_durably(path, text, strlen(text), 0700, &err), 0);
    return path;
}

/* ---- the real program ---- */

static void a_host_tells_its_domains_and_one_is_looked_at(void **state)
{
    static struct lab lab; /* outlives a failure */
    struct err why = ERR_INIT;

    (void)state;
    lab_start(&lab, "test:///default", NULL);
    assert_int_equal(lab.hv->can, HV_COMPARES | HV_OFFLINE);
    assert_false(lab.hv->ops->domains(lab.hv, NULL, &why));
    assert_string_equal(why.msg, "not connected yet");
    assert_null(inspect(&lab, "test"));
    assert_int_equal(lab.err.code, ERR_REMOTE);
    wait_lists(&lab, 1);
    assert_names(&lab, "test");
    assert_null(inspect(&lab, "nope"));
    assert_int_equal(lab.err.code, ERR_NOTFOUND);
    assert_non_null(inspect(&lab, "test"));
    wait_done(&lab);
    assert_int_equal(lab.err.code, ERR_NONE);
    assert_int_equal(lab.facts->state, DOMAIN_RUNNING);
    assert_string_equal(lab.facts->uuid, "6695eb01-f6a4-8304-79aa-97f2502e193f");
    assert_int_not_equal(lab.facts->definitions.n, 0);
    assert_non_null(strstr(lab.facts->definitions.items[0].text, "<name>test</name>"));
    lab_end(&lab);
}

static void a_host_that_is_not_there_tells_why(void **state)
{
    static struct lab lab; /* outlives a failure */
    struct err why = ERR_INIT;

    (void)state;
    lab_start(&lab, "qemu+unix:///system?socket=/nothing/here", NULL);
    wait_lists(&lab, 1);
    assert_false(lab.hv->ops->domains(lab.hv, NULL, &why));
    assert_non_null(strstr(why.msg, "/nothing/here"));
    lab_end(&lab);
}

static void who_waits_when_it_is_let_go_is_told(void **state)
{
    static struct lab lab; /* outlives a failure */

    (void)state;
    lab_start(&lab, "test:///default", NULL);
    wait_lists(&lab, 1);
    assert_non_null(inspect(&lab, "test"));
    lab_end(&lab);
    assert_true(lab.done);
    assert_int_equal(lab.err.code, ERR_CANCELED);
}

static void a_look_can_be_canceled(void **state)
{
    static struct lab lab; /* outlives a failure */

    (void)state;
    lab_start(&lab, "test:///default", NULL);
    wait_lists(&lab, 1);
    op_cancel(inspect(&lab, "test"));
    wait_done(&lab);
    assert_int_equal(lab.err.code, ERR_CANCELED);
    assert_null(lab.facts);
    lab_end(&lab);
}

/* ---- the list ---- */

/* What was gathered before may lack it: a domain would seem gone. */
static void what_comes_while_the_list_is_asked_for_has_it_asked_again(void **state)
{
    CLEANUP_FREE char *path = program("list_1='a'; last='a b'\n"
                                      "before() { event b defined; }\n");
    static struct lab lab; /* outlives a failure */

    (void)state;
    lab_start(&lab, "any", path);
    wait_lists(&lab, 1);
    assert_names(&lab, "a b");
    assert_int_equal(lab.lists, 1);
    lab_end(&lab);
    unlink(path);
}

static void domains_come_and_go(void **state)
{
    CLEANUP_FREE char *path = program("list_1='a b'; list_2='a c'; last='a c'\n"
                                      "other() { event b undefined; event c defined; }\n");
    static struct lab lab; /* outlives a failure */

    (void)state;
    lab_start(&lab, "any", path);
    wait_lists(&lab, 1);
    assert_names(&lab, "a b");
    assert_non_null(inspect(&lab, "a")); /* is never answered; the events come */
    wait_lists(&lab, 2);
    assert_names(&lab, "a c");
    assert_null(inspect(&lab, "b"));
    assert_int_equal(lab.err.code, ERR_NOTFOUND);
    lab_end(&lab);
    unlink(path);
}

static void a_lost_connection_leaves_the_list(void **state)
{
    CLEANUP_FREE char *path = program(
        "last='a b'\n"
        "other() { echo '{\"event\":{\"what\":\"closed\",\"why\":\"it is gone\"}}'; exit 1; }\n");
    static struct lab lab; /* outlives a failure */

    (void)state;
    lab_start(&lab, "any", path);
    wait_lists(&lab, 1);
    lab.looks = 0;
    if (!inspect(&lab, "a"))
        fail_msg("%s", lab.err.msg);
    wait_done(&lab);
    assert_int_equal(lab.err.code, ERR_NONE);
    assert_int_equal(lab.facts->state, DOMAIN_UNREACHABLE);
    assert_string_equal(lab.facts->problem, "it is gone");
    while (lab.looks < 2) /* both are to be looked at */
        run(&lab, "events of both");
    assert_names(&lab, "a b");
    assert_int_equal(lab.lists, 1);
    /* Nothing has to be asked to know that. */
    assert_non_null(inspect(&lab, "b"));
    wait_done(&lab);
    assert_int_equal(lab.facts->state, DOMAIN_UNREACHABLE);
    assert_true(starts_with(lab.facts->problem, "host unreachable since 2"));
    assert_non_null(strstr(lab.facts->problem, "Z: it is gone"));
    assert_null(inspect(&lab, "c"));
    assert_int_equal(lab.err.code, ERR_NOTFOUND);
    lab_end(&lab);
    unlink(path);
}

/* ---- the end of a job ---- */

/* It has a backup that writes to $place until there is $TMPDIR/over, and tells NEWS of a, once,
 * when it was asked where that backup writes. */
#define A_JOB_AND(news)                                                                            \
    "last='a'; place=/target/a\n"                                                                  \
    "job_event() { echo '{\"event\":{\"what\":\"job\",\"domain\":\"a\",\"uuid\":\"u-a\",'"         \
    "'\"operation\":\"backup\",'$1'}}'; }\n"                                                       \
    "xml() { echo '<domainbackup><disks><disk name=\\\"vda\\\" type=\\\"file\\\">'"                \
    "'<target file=\\\"'$place'\\\"/></disk></disks></domainbackup>'; }\n"                         \
    "other() {\n"                                                                                  \
    "  runs=backup; [[ ! -e $TMPDIR/over ]] || runs=\n"                                            \
    "  case $line in\n"                                                                            \
    "  *'\"completed\":true'*) done='{\"state\":\"none\"}';;\n"                                    \
    "  *'\"do\":\"job\"'*)\n"                                                                      \
    "    done='{\"state\":\"bounded\",\"operation\":\"'$runs'\"}';;\n"                             \
    "  *'\"do\":\"backup-xml\"'*) done='{\"xml\":\"'$(xml)'\"}';;\n"                               \
    "  *) done='{}';;\n"                                                                           \
    "  esac\n"                                                                                     \
    "  echo '{\"id\":'$id',\"done\":'$done'}'\n"                                                   \
    "  [[ $line != *backup-xml* || $told ]] || { told=1; " news "; }\n"                            \
    "}\n"

static const struct hv_job the_job = {"a", "vmkeep-1", "/target/a"};

/* It runs no more, or runs. */
static void over(bool yes)
{
    CLEANUP_FREE char *path = xasprintf("%s/over", getenv("TMPDIR"));
    struct err err = ERR_INIT;

    unlink(path);
    if (yes)
        assert_int_equal(write_file_durably(path, "", 0, 0600, &err), 0);
}

static void ask_job(struct lab *lab)
{
    lab->done = false;
    lab->err = ERR_INIT;
    lab->inside = true;
    if (!lab->hv->ops->job_stats(lab->hv, &the_job, &lab->stats, on_done, lab, &lab->err))
        fail_msg("%s", lab->err.msg);
    lab->inside = false;
    wait_done(lab);
    if (lab->err.code != ERR_NONE)
        fail_msg("%s", lab->err.msg);
}

/* A job that was found running, of whose end there was news. */
static void start_job(struct lab *lab, const char *path)
{
    over(false);
    lab_start(lab, "any", path);
    wait_lists(lab, 1);
    ask_job(lab);
    assert_int_equal(lab->stats.state, HVJOB_RUNNING);
    while (lab->ends == 0)
        run(lab, "the news");
}

/* The news of what was there before may come when the next one runs. */
static void late_news_ends_no_job(void **state)
{
    static const char *const news[] = {
        A_JOB_AND("event a stopped"), A_JOB_AND("event a crashed"),
        A_JOB_AND("job_event '\"success\":false,\"text\":\"the one before\"'"),
        A_JOB_AND("job_event '\"success\":true,\"total\":7'")};
    static struct lab lab; /* outlives a failure */

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(news); i++) {
        CLEANUP_FREE char *path = program(news[i]);

        start_job(&lab, path);
        ask_job(&lab);
        assert_int_equal(lab.stats.state, HVJOB_RUNNING);
        lab_end(&lab);
        unlink(path);
    }
}

static void news_that_a_look_confirms_is_the_end(void **state)
{
    static const struct {
        const char *news;
        enum hv_job_state state;
        const char *why;
    } cases[] = {
        {A_JOB_AND("event a stopped"), HVJOB_FAILED, "the domain has stopped during the backup"},
        {A_JOB_AND("job_event '\"success\":false,\"text\":\"no space\"'"), HVJOB_FAILED,
         "no space"},
        {A_JOB_AND("job_event '\"success\":false'; event a stopped"), HVJOB_FAILED,
         "the domain has stopped during the backup"},
        {A_JOB_AND("job_event '\"success\":true,\"total\":7'"), HVJOB_COMPLETED, ""},
    };
    static struct lab lab; /* outlives a failure */

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP_FREE char *path = program(cases[i].news);

        start_job(&lab, path);
        over(true);
        ask_job(&lab);
        assert_int_equal(lab.stats.state, cases[i].state);
        assert_string_equal(lab.stats.err.msg, cases[i].why);
        lab_end(&lab);
        unlink(path);
    }
}

/* What runs now is not ours. */
static void news_is_the_end_when_another_runs_now(void **state)
{
    CLEANUP_FREE char *path = program(A_JOB_AND("place=/another; event a stopped"));
    static struct lab lab; /* outlives a failure */

    (void)state;
    start_job(&lab, path);
    ask_job(&lab);
    assert_int_equal(lab.stats.state, HVJOB_FAILED);
    assert_string_equal(lab.stats.err.msg, "the domain has stopped during the backup");
    lab_end(&lab);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_host_tells_its_domains_and_one_is_looked_at, let_go),
        cmocka_unit_test_teardown(a_host_that_is_not_there_tells_why, let_go),
        cmocka_unit_test_teardown(who_waits_when_it_is_let_go_is_told, let_go),
        cmocka_unit_test_teardown(a_look_can_be_canceled, let_go),
        cmocka_unit_test_teardown(what_comes_while_the_list_is_asked_for_has_it_asked_again,
                                  let_go),
        cmocka_unit_test_teardown(domains_come_and_go, let_go),
        cmocka_unit_test_teardown(a_lost_connection_leaves_the_list, let_go),
        cmocka_unit_test_teardown(late_news_ends_no_job, let_go),
        cmocka_unit_test_teardown(news_that_a_look_confirms_is_the_end, let_go),
        cmocka_unit_test_teardown(news_is_the_end_when_another_runs_now, let_go),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
