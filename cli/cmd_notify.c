/* SPDX-License-Identifier: MIT
 *
 * vmkeep notify: who is told when something is wrong, of what, and whether that arrives.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/sending.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/command.h"
#include "cli/notify_watch.h"
#include "cli/sources.h"
#include "report/condition.h"
#include "report/json.h"
#include "report/wrap.h"
#include "storage/catalog/catalog_notify.h"

struct arguments {
    bool json;
    int64_t daemon_since;
    const char *what, *target;
};

/* ---- list ---- */

static void print_target(const struct config_target *t, const struct target_state *s,
                         size_t n_firing)
{
    CLEANUP_FREE char *title = xasprintf("%s: ", t->name);
    char sent[TIMEFMT_MAX], tested[TIMEFMT_MAX];

    print_paragraphf(stdout, 2, title,
                     "%s, last taken %s, tested %s, %zu condition%s told, %lld "
                     "message%s waiting",
                     config_target_kind(t), s && s->sent ? time_local(s->sent, sent) : "never",
                     s && s->tested ? time_local(s->tested, tested) : "never", n_firing,
                     plural_s(n_firing), s ? (long long)s->waiting : 0,
                     plural_s(s ? (uint64_t)s->waiting : 0));
    if (s && s->problem)
        print_paragraph(stdout, 4, "  ", s->problem);
    if (s && s->n_lost)
        print_paragraphf(stdout, 4, "  ", "%lld message%s given up", (long long)s->n_lost,
                         s->n_lost == 1 ? " was" : "s were");
}

static json_t *told_json(const struct told_list *told)
{
    json_t *ret = json_array();

    for (size_t i = 0; i < told->n; i++)
        json_array_append_new(ret, json_pack("{s:o, s:o, s:I, s:o}", "condition",
                                             report_json_text(told->items[i].condition), "since",
                                             report_json_time(told->items[i].since), "times",
                                             (json_int_t)told->items[i].times, "again",
                                             report_json_time(told->items[i].again)));
    return ret;
}

static json_t *target_json(const struct config_target *t, const struct target_state *s,
                           const struct told_list *told)
{
    static const struct target_state none;

    s = s ? s : &none;
    return json_pack("{s:o, s:s, s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:o}", "name",
                     report_json_text(t->name), "kind", config_target_kind(t), "sent",
                     report_json_time(s->sent), "tested", report_json_time(s->tested), "failed",
                     report_json_time(s->failed), "problem", report_json_text(s->problem),
                     "waiting", (json_int_t)s->waiting, "n_sent", (json_int_t)s->n_sent, "n_failed",
                     (json_int_t)s->n_failed, "n_lost", (json_int_t)s->n_lost, "told",
                     told_json(told));
}

static json_t *message_json(const struct message *m)
{
    return json_pack("{s:I, s:o, s:o, s:o, s:o, s:o, s:I, s:o}", "id", (json_int_t)m->id, "target",
                     report_json_text(m->target), "subject", report_json_text(m->subject),
                     "created", report_json_time(m->created), "expires",
                     report_json_time(m->expires), "next", report_json_time(m->next), "tries",
                     (json_int_t)m->tries, "problem", report_json_text(m->problem));
}

static int list_targets(const struct config *config, struct catalog *catalog, json_t *ret,
                        struct err *err)
{
    CLEANUP(target_state_list_done) struct target_state_list states = {0};

    if (catalog_targets(catalog, &states, err) < 0)
        return -1;
    for (size_t i = 0; i < config->notify.n; i++) {
        const struct config_target *t = &config->notify.items[i];
        const struct target_state *s = target_state_find(&states, t->name);
        CLEANUP(told_list_done) struct told_list told = {0};

        if (catalog_told(catalog, t->name, &told, err) < 0)
            return -1;
        if (ret)
            json_array_append_new(ret, target_json(t, s, &told));
        else
            print_target(t, s, told.n);
    }
    return 0;
}

static int list_messages(struct catalog *catalog, json_t *ret, struct err *err)
{
    CLEANUP(message_list_done) struct message_list l = {0};
    char next[TIMEFMT_MAX];

    if (catalog_messages(catalog, &l, err) < 0)
        return -1;
    for (size_t i = 0; i < l.n; i++) {
        const struct message *m = &l.items[i];
        CLEANUP_FREE char *title = xasprintf("to %s: ", m->target);

        if (ret)
            json_array_append_new(ret, message_json(m));
        else
            print_paragraphf(stdout, 2, title, "%s (tried %lld time%s, next at %s)", m->subject,
                             (long long)m->tries, plural_s((uint64_t)m->tries),
                             time_local(m->next, next));
    }
    return 0;
}

static int list(void *arg, const struct config *config, struct catalog *catalog)
{
    const struct arguments *a = arg;
    json_t *targets = a->json ? json_array() : NULL, *messages = a->json ? json_array() : NULL;
    struct err err = ERR_INIT;

    if (list_targets(config, catalog, targets, &err) < 0 ||
        list_messages(catalog, messages, &err) < 0) {
        json_decref(targets);
        json_decref(messages);
        return cli_fail(NULL, &err);
    }
    if (a->json)
        report_json_print(json_pack("{s:o, s:o}", "targets", targets, "messages", messages),
                          stdout);
    else if (config->notify.n == 0)
        puts("Nobody is told when something is wrong: the configuration has no `notify`.");
    return EXIT_DONE;
}

/* ---- conditions, watch ---- */

static void print_conditions(const struct condition_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        print_paragraphf(stdout, 2, "", "%s: %s", l->items[i].key, l->items[i].text);
    if (l->n == 0)
        puts("Nothing that anybody would be told of.");
}

/* What is not there is null, as in all JSON that users read. */
static json_t *whole_condition_json(const struct condition *c)
{
    json_t *ret = condition_json(c),
           *nothing = json_pack("{s:n, s:n, s:n, s:n}", "host", "domain", "repository", "advice");

    json_object_update_missing(ret, nothing);
    json_decref(nothing);
    return ret;
}

static void print_conditions_json(const struct status *s, const struct condition_list *l)
{
    CLEANUP_FREE char *summary = status_summary(s);
    json_t *list = json_array();

    for (size_t i = 0; i < l->n; i++)
        json_array_append_new(list, whole_condition_json(&l->items[i]));
    report_json_print(
        json_pack("{s:o, s:o}", "summary", report_json_text(summary), "conditions", list), stdout);
}

static int show_conditions(const struct arguments *a, const struct status *s)
{
    CLEANUP(condition_list_done) struct condition_list l = {0};

    conditions_of(s, &l);
    if (a->json)
        print_conditions_json(s, &l);
    else
        print_conditions(&l);
    return EXIT_DONE;
}

static int gather(const struct config *config, struct catalog *catalog, struct status *ret,
                  struct err *err)
{
    struct status_sources sources = {0};
    int rc = sources_open(config, catalog, &sources, err);

    rc = rc < 0 ? rc : sources_gather(&sources, NULL, ret, err);
    sources_done(&sources);
    return rc;
}

static int conditions(void *arg, const struct config *config, struct catalog *catalog)
{
    const struct arguments *a = arg;
    struct status status = {.daemon = {.running = a->daemon_since > 0, .started = a->daemon_since}};
    struct err err = ERR_INIT;
    int code = gather(config, catalog, &status, &err) < 0 ? cli_fail(NULL, &err)
                                                          : show_conditions(a, &status);

    status_done(&status);
    return code;
}

/* Where the catalog cannot be read, which may be why the daemon is down, that is told all the
 * same. */
static int watch(void)
{
    struct config *config = NULL;
    struct catalog *catalog = NULL;
    struct status status = {0};
    struct err err = ERR_INIT;
    int code = cli_load_config(&config);

    if (code == EXIT_DONE && (catalog_open(config->catalog, CATALOG_READ, &catalog, &err) < 0 ||
                              gather(config, catalog, &status, &err) < 0)) {
        cli_fail(NULL, &err);
        status_done(&status);
        status = (struct status){.now = time(NULL)};
        sources_ask_daemon(config, &status.daemon);
        status_judge(&status);
    }
    if (code == EXIT_DONE)
        code = notify_watch(config, &status);
    status_done(&status);
    catalog_close(catalog);
    config_free(config);
    return code;
}

/* ---- test ---- */

static int test_one(const struct config *config, const char *name)
{
    const struct client_request request = {.cmd = "notify-test",
                                           .args = json_pack("{s:s}", "target", name)};
    struct err err = ERR_INIT;
    json_t *answer = NULL;
    bool reached;

    if (client_ask(config, &request, (int)SENDING_LIMIT_S + 10, &answer, &reached, &err) == 0) {
        printf("%s: it has taken the test\n", name);
        json_decref(answer);
        return EXIT_DONE;
    }
    return reached ? cli_fail(name, &err) : client_failed(&err, false);
}

static int test_targets(const struct config *config, const char *target)
{
    int code = EXIT_DONE;

    if (target && !config_target_find(config, target)) {
        struct err err = ERR_INIT;

        err_set(&err, ERR_NOTFOUND, "no target of notifications is called '%s'", CLIP(target));
        return cli_fail(NULL, &err);
    }
    if (config->notify.n == 0)
        puts("The configuration has no `notify`: there is nothing to test.");
    for (size_t i = 0; i < config->notify.n && code != EXIT_NO_DAEMON; i++) {
        const char *name = config->notify.items[i].name;
        int one;

        if (target && strcmp(name, target) != 0)
            continue;
        one = test_one(config, name);
        code = one == EXIT_DONE ? code : one;
    }
    return code;
}

/* vmkeepd sends, by what it has read: that says nothing of what was written since. */
static bool goes_by_another(const struct config *config)
{
    struct status s = {0};
    bool ret;

    if (!cli_config_unread())
        return false;
    sources_ask_daemon(config, &s.daemon);
    ret = s.daemon.running;
    if (ret)
        fprintf(stderr, "vmkeep: notify: %s: `vmkeep reload` first\n", cli_config_unread());
    status_done(&s);
    return ret;
}

static int test(const char *target)
{
    struct config *config = NULL;
    int code = cli_load_config(&config);

    if (code == EXIT_DONE)
        code = goes_by_another(config) ? EXIT_USAGE : test_targets(config, target);
    config_free(config);
    return code;
}

/* ---- */

static const char *const words[] = {"list", "test", "conditions", "watch", NULL};

static int run(void *arguments)
{
    const struct arguments *a = arguments;
    bool is_test = strcmp(a->what, "test") == 0;

    if (a->target && !is_test)
        return cli_usage("notify", "%s (see 'vmkeep notify --help')", cmd_notify.wants);
    if (a->json && (is_test || strcmp(a->what, "watch") == 0))
        return cli_usage("notify", "--json goes with list and conditions only");
    if (a->daemon_since && strcmp(a->what, "conditions") != 0)
        return cli_usage("notify", "--daemon-since goes with conditions only");
    if (is_test)
        return test(a->target);
    if (strcmp(a->what, "list") == 0)
        return cli_with_catalog(list, arguments);
    if (strcmp(a->what, "conditions") == 0)
        return cli_with_catalog(conditions, arguments);
    if (strcmp(a->what, "watch") == 0)
        return watch();
    return cli_usage("notify", "%s (see 'vmkeep notify --help')", cmd_notify.wants);
}

const struct command cmd_notify = {
    .name = "notify",
    .summary = "who is told when something is wrong; a test of it",
    .synopses =
        (const char *const[]){"list [--json]", "test [TARGET]",
                              "conditions [--json] [--daemon-since SECONDS]", "watch", NULL},
    .about =
        (const char *const[]){
            "list tells of each target of the configuration's notify when it last took a message, "
            "when it was tested, what it does not take and why, and then what waits to be sent.",
            "test has the daemon send a test to TARGET, or to all of them, and waits for the "
            "outcome: sent by the same program, with the same files and the same limits as what "
            "matters. After an edit of the configuration vmkeep reload comes first, for the daemon "
            "goes by what it has read.",
            "conditions prints what is firing now, as the targets are told of it. Each is of one "
            "kind and one thing: " CONDITION_WORDS
            "and each is told once, again after 1, 2, 4, 8 and then 16 days, and at once when it "
            "is over, or back.",
            "watch tells the targets when the daemon is down, does not answer, or cannot write to "
            "its catalog: vmkeep-watch.timer runs it. What they were told stands in a file beside "
            "the catalog (CATALOG.watch). Of two at one time the second does nothing.",
            NULL},
    .operands = (const struct command_operand[]){{OPERAND("list|test|conditions|watch", what),
                                                  .choices = words},
                                                 {OPERAND("TARGET", target), .optional = true},
                                                 {0}},
    .options =
        (const struct command_option[]){
            {FLAG("json", json,
                  "list: print {targets: [{name, kind, sent, tested, failed, problem, waiting, "
                  "n_sent, n_failed, n_lost, told: [{condition, since, times, again}]}], messages: "
                  "[{id, target, subject, created, expires, next, tries, problem}]}; conditions: "
                  "{summary, conditions: [{key, kind, about, host, domain, repository, severity, "
                  "text, advice}]}")},
            {NUMBER("daemon-since", "SECONDS", daemon_since, 1, INT64_MAX,
                    "conditions: vmkeepd runs, and was started then; what vmkeepd itself asks")},
            {0}},
    .wants = "say list, test [TARGET], conditions or watch",
    .exits = (const struct command_exit[]){{EXIT_DONE, "done; test: all have taken it"},
                                           {EXIT_FAILED, "failed, or a target did not take it"},
                                           {EXIT_USAGE, "bad usage or configuration; test: it has "
                                                        "changed since the daemon read it"},
                                           {EXIT_BUSY, "watch: another one is at it"},
                                           {EXIT_NOT_FOUND, "no such target, or no catalog yet"},
                                           {EXIT_NO_DAEMON, "test: the daemon cannot be reached"},
                                           {EXIT_DAMAGED, "the catalog is damaged"},
                                           {0}},
    .examples = (const char *const[]){"vmkeep notify test", "vmkeep notify list", NULL},
    ARGUMENTS,
    .run = run,
};
