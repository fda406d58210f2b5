/* SPDX-License-Identifier: MIT
 *
 * vmkeep domjobinfo: the figures of a domain's backup, of the one that runs or the last that did.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "report/gather/domains.h"
#include "report/json.h"
#include "report/table.h"

struct arguments {
    const char *domain;
    bool completed, keep, any, raw, json;
};

/* As the commands' users know them; type NULL: there is no job. */
struct figures {
    const char *type, *kind, *mode;
    char *policy, *error;
    int64_t job, elapsed_ms;
    int64_t total, done, temp_used, temp_total;
};

static void figures_done(struct figures *f)
{
    free(f->policy);
    free(f->error);
}

static const char *type_of(enum job_outcome o)
{
    switch (o) {
    case OUTCOME_SUCCESS:
        return "Completed";
    case OUTCOME_ABORTED:
        return "Cancelled";
    default:
        return "Failed";
    }
}

static void print_size(const char *label, int64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    double v = (double)bytes;
    size_t u = 0;

    for (; v >= 1024 && u + 1 < ARRAY_LEN(units); u++)
        v /= 1024;
    printf("%-17s %-.3f %s\n", label, v, units[u]);
}

static int64_t left_of(const struct figures *f)
{
    return f->total > f->done ? f->total - f->done : 0;
}

static void print_text(const struct figures *f)
{
    printf("%-17s %s\n", "Job type:", f->type ? f->type : "None");
    if (!f->type)
        return;
    printf("%-17s %s\n", "Operation:", "Backup");
    printf("%-17s %-12lld ms\n", "Time elapsed:", (long long)f->elapsed_ms);
    if (f->total || f->done) { /* a pull copies nothing itself */
        print_size("File processed:", f->done);
        print_size("File remaining:", left_of(f));
        print_size("File total:", f->total);
    }
    if (f->temp_total || f->temp_used) {
        print_size("Temporary disk space use:", f->temp_used);
        print_size("Temporary disk space total:", f->temp_total);
    }
    if (f->error) {
        printf("%-17s ", "Error message:");
        print_plain(f->error, stdout);
        putchar('\n');
    }
}

/* libvirt's fields of a backup's statistics; 9: VIR_DOMAIN_JOB_OPERATION_BACKUP. */
static void print_raw(const struct figures *f)
{
    const struct {
        const char *field;
        int64_t value;
    } numbers[] = {{"operation", 9},
                   {"time_elapsed", f->elapsed_ms},
                   {"disk_total", f->total},
                   {"disk_processed", f->done},
                   {"disk_remaining", left_of(f)},
                   {"disk_temp_used", f->temp_used},
                   {"disk_temp_total", f->temp_total}};

    printf("%-17s %s\n", "Job type:", f->type ? f->type : "None");
    if (!f->type)
        return;
    putchar('\n');
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        printf("%s: %lld\n", numbers[i].field, (long long)numbers[i].value);
    if (strcmp(f->type, "Unbounded") != 0)
        printf("success: %s\n", strcmp(f->type, "Completed") == 0 ? "yes" : "no");
    if (f->error) {
        fputs("errmsg: ", stdout);
        print_plain(f->error, stdout);
        putchar('\n');
    }
}

static void print_json(const struct figures *f)
{
    json_t *o = json_pack("{s:s}", "type", f->type ? f->type : "None");

    if (f->type) {
        json_t *more = json_pack(
            "{s:s, s:s, s:I, s:s, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "operation", "Backup",
            "mode", f->mode, "job", (json_int_t)f->job, "kind", f->kind, "policy",
            report_json_text(f->policy), "time_elapsed", (json_int_t)f->elapsed_ms,
            "disk_processed", (json_int_t)f->done, "disk_remaining", (json_int_t)left_of(f),
            "disk_total", (json_int_t)f->total, "temp_used", (json_int_t)f->temp_used, "temp_total",
            (json_int_t)f->temp_total, "errmsg", report_json_text(f->error));

        json_object_update(o, more);
        json_decref(more);
    }
    report_json_print(o, stdout);
}

static void print(const struct arguments *a, const struct figures *f)
{
    if (a->json)
        print_json(f);
    else if (a->raw)
        print_raw(f);
    else
        print_text(f);
}

static int show_completed(void *arg, const struct config *config, struct catalog *catalog)
{
    const struct arguments *a = arg;
    struct domain_name d = {0};
    struct figures f = {0};
    struct job j = {0};
    struct err err = ERR_INIT;
    bool found = false;

    if (domain_find(config, catalog, a->domain, &d, &err) < 0 ||
        catalog_last_ended(catalog, d.host, d.domain, &j, &found, &err) < 0) {
        domain_name_done(&d);
        return cli_fail(NULL, &err);
    }
    if (found)
        f = (struct figures){
            .type = type_of(j.outcome),
            .kind = j.kind,
            .mode = mode_name(j.plan.mode),
            .policy = *j.policy ? xstrdup(j.policy) : NULL,
            .error = j.outcome == OUTCOME_SUCCESS ? NULL : xstrdup(j.reason),
            .job = j.id,
            .elapsed_ms = j.elapsed_ms ? j.elapsed_ms : (j.ended - j.started) * 1000,
            .total = (int64_t)j.bytes_total,
            .done = (int64_t)j.bytes_done,
            .temp_used = (int64_t)j.temp_used,
            .temp_total = (int64_t)j.temp_total,
        };
    print(a, &f);
    figures_done(&f);
    job_done(&j);
    domain_name_done(&d);
    return EXIT_DONE;
}

static int show_running(const struct arguments *a)
{
    const struct client_request request = {.cmd = "job-info",
                                           .args = json_pack("{s:s}", "domain", a->domain)};
    struct config *config = NULL;
    struct figures f = {0};
    json_t *r = NULL;
    int code = cli_load_config(&config);

    if (code == EXIT_DONE)
        code = cli_ask(config, &request, &r);
    else
        json_decref(request.args);
    if (code == EXIT_DONE && json_is_integer(json_object_get(r, "job"))) {
        const char *policy = json_string_value(json_object_get(r, "policy"));

        f.kind = json_string_value(json_object_get(r, "kind"));
        f.mode = json_string_value(json_object_get(r, "mode"));
        f.type = "Unbounded";
        f.kind = f.kind ? f.kind : "";
        f.mode = f.mode ? f.mode : "";
        f.policy = xstrdup(policy);
        f.job = json_integer_value(json_object_get(r, "job"));
        f.elapsed_ms = json_integer_value(json_object_get(r, "time_elapsed"));
        f.total = json_integer_value(json_object_get(r, "disk_total"));
        f.done = json_integer_value(json_object_get(r, "disk_processed"));
        f.temp_used = json_integer_value(json_object_get(r, "temp_used"));
        f.temp_total = json_integer_value(json_object_get(r, "temp_total"));
    }
    if (code == EXIT_DONE)
        print(a, &f);
    figures_done(&f);
    json_decref(r);
    config_free(config);
    return code;
}

static int run(void *arguments)
{
    const struct arguments *a = arguments;

    return a->completed ? cli_with_catalog(show_completed, arguments) : show_running(a);
}

enum { RIVALS_OUTPUT = 1 };

const struct command cmd_domjobinfo = {
    .name = "domjobinfo",
    .summary = "how far a domain's backup is, or how the last one ended",
    .about =
        (const char *const[]){
            "Shows how far the domain's backup is, scheduled or begun by hand; or how the last one "
            "ended, which is known after a restart too.",
            NULL},
    .operands = (const struct command_operand[]){DOMAIN_OPERAND, {0}},
    .options =
        (const struct command_option[]){
            {FLAG("completed", completed,
                  "the last backup that ended; works while the daemon is down")},
            {FLAG("keep-completed", keep,
                  "taken for virsh's sake: reading the figures never destroys them"),
             .with = "completed"},
            {FLAG("anystats", any,
                  "taken for virsh's sake: the figures of failed jobs are always shown")},
            {FLAG("rawstats", raw, "as the API's own fields, one a line"), .rivals = RIVALS_OUTPUT},
            {FLAG("json", json,
                  "print {type, operation, mode, job, kind, policy, time_elapsed, disk_processed, "
                  "disk_remaining, disk_total, temp_used, temp_total, errmsg}; milliseconds and "
                  "bytes"),
             .rivals = RIVALS_OUTPUT},
            {0}},
    .wants = "name one domain",
    .exits =
        (const struct command_exit[]){{EXIT_DONE, "done (also when there is no job: its type is "
                                                  "None)"},
                                      {EXIT_FAILED, "failed"},
                                      {EXIT_USAGE, "bad usage or configuration"},
                                      {EXIT_NOT_FOUND, "no such domain"},
                                      {EXIT_NO_DAEMON, "the daemon cannot be reached"},
                                      {EXIT_DAMAGED, "the catalog is damaged"},
                                      {0}},
    .examples = (const char *const[]){"vmkeep domjobinfo web01 --completed", NULL},
    ARGUMENTS,
    .run = run,
};
