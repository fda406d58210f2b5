/* SPDX-License-Identifier: MIT
 *
 * vmkeep doctor: is everything there that backups need?  The daemon takes a fresh look at domains
 * and repositories; programs are looked for here.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/proc.h"
#include "base/sending.h"
#include "base/text.h"
#include "cli/client.h"
#include "cli/doctor.h"
#include "cli/store_ask.h"
#include "policies/selection.h"
#include "report/json.h"
#include "report/table.h"
#include "report/wrap.h"
#include "storage/store/store_records.h"

#define ANSWER_S 30 /* it answers after 10, whoever else does not (DOCTOR_LIMIT_S) */
#define SCRATCH_S 10
#define GREEN_OK "\033[32mok\033[0m   "
#define RED_NOT "\033[31mNOT\033[0m  "

struct arguments {
    const char *about;
    bool json, unit;
};

/* ---- programs ---- */

static void check_program(struct findings *l, const char *name, const char *path,
                          const char *advice)
{
    const char *const argv[] = {path, "--version", NULL};
    CLEANUP_FREE char *out = NULL;
    struct err err = ERR_INIT;

    if (proc_run(argv, &out, &err) < 0) {
        doctor_add(l, name, "program", false, advice, "%s", err.msg);
        return;
    }
    out[strcspn(out, "\n")] = '\0';
    doctor_add(l, name, "program", true, NULL, "%s", *out ? out : "found");
}

static void check_programs(struct findings *l)
{
    CLEANUP_FREE char *mover = proc_program_path("vmkeep-mover");
    CLEANUP_FREE char *allocation = proc_program_path("vmkeep-allocation");
    CLEANUP_FREE char *content = proc_program_path("vmkeep-content");
    CLEANUP_FREE char *store = proc_program_path("vmkeep-store");
    CLEANUP_FREE char *libvirt = proc_program_path("vmkeep-libvirt");
    CLEANUP_FREE char *notify = proc_program_path(SENDING_PROGRAM);

    check_program(l, "qemu-img", "qemu-img", "install qemu-utils: nothing works without it");
    check_program(l, "qemu-nbd", "qemu-nbd", "install qemu-utils");
    check_program(l, "qemu-storage-daemon", "qemu-storage-daemon",
                  "install qemu-system-common: domains that are shut off need it");
    check_program(
        l, "b3sum", "b3sum",
        "install b3sum: points of older versions cannot be restored with a check without it");
    check_program(l, "vmkeep-store", store, "install vmkeep whole: nothing works without it");
    check_program(l, "vmkeep-mover", mover, "install vmkeep whole: pull backups need it");
    check_program(l, "vmkeep-content", content, "install vmkeep whole: nothing is kept without it");
    check_program(l, "vmkeep-allocation", allocation,
                  "install vmkeep whole: every backup is a full without it");
    check_program(l, "vmkeep-libvirt", libvirt, "install vmkeep whole: libvirt hosts need it");
    check_program(l, SENDING_PROGRAM, notify, "install vmkeep whole: nobody is told without it");
}

/* ---- scratch space ---- */

static void check_scratch(struct findings *l, const char *path)
{
    const struct store_request q = {.scratch_dir = path};
    CLEANUP(scratch_look_done) struct scratch_look look = {0};
    const struct ask ask = {"scratch-look", &store_request_scratch, &store_answer_scratch, &q,
                            &look,          .timeout_s = 0};
    CLEANUP_FREE char *about = xasprintf("scratch %s", path);
    char text[SIZE_TEXT_MAX];
    struct err err = ERR_INIT;

    if (store_ask(&ask, path, SCRATCH_S, &err) < 0 || look.problem) {
        doctor_add(l, about, "writable", false, "correct its path or its permissions", "%s%s%s",
                   look.problem ? look.there : "", look.problem ? ": " : "",
                   look.problem ? look.problem : err.msg);
        return;
    }
    doctor_add(l, about, "writable", true, NULL, "%s",
               strcmp(look.there, path) == 0 ? "a directory could be made there, and removed"
                                             : "it will be made at need");
    doctor_add(l, about, "space", !look.unfit && look.free > 0,
               "choose a directory on a local disk (scratch in the policy)", "%s free on %s",
               size_text(look.free, text), look.unfit ? look.unfit : "a local file system");
}

static bool selects_one(const struct config_policy *p, const json_t *domains)
{
    const json_t *d;
    size_t i;

    json_array_foreach(domains, i, d) {
        const char *name = json_string_value(json_object_get(d, "domain"));

        if (name && selection_matches_domain(&p->domains,
                                             json_string_value(json_object_get(d, "host")), name))
            return true;
    }
    return false;
}

/* domains: of whose policies; NULL: of all. */
static void check_scratches(struct findings *l, const struct config *config, const json_t *domains)
{
    struct strlist seen = {0};

    for (size_t i = 0; i < config->policies.n; i++) {
        const char *path = config->policies.items[i].scratch;

        if (!path || strlist_has(&seen, path) ||
            (domains && !selects_one(&config->policies.items[i], domains)))
            continue;
        strlist_add(&seen, path);
        check_scratch(l, path);
    }
    strlist_done(&seen);
}

/* ---- the answer ---- */

static void check_files(struct findings *l, const struct config *config, const json_t *answer)
{
    const char *problem =
        json_string_value(json_object_get(json_object_get(answer, "catalog"), "problem"));

    if (cli_config_problem())
        doctor_add(l, "configuration", "valid", false, cli_config_advice(),
                   "the file is broken, and vmkeepd would not start by it: %s",
                   cli_config_problem());
    if (cli_config_unread())
        doctor_add(l, "configuration", "read", false, "`vmkeep reload`", "%s", cli_config_unread());
    doctor_add(l, "catalog", "writable", !problem, "make room, or correct the permissions", "%s",
               problem ? problem : config->catalog);
}

static int judge(struct findings *l, const struct config *config, const json_t *answer)
{
    const json_t *asked = json_object_get(answer, "about");
    const struct doctor_about about = {json_string_value(json_object_get(asked, "host")),
                                       json_string_value(json_object_get(asked, "domain"))};

    doctor_daemon(l, config, answer);
    check_scratches(l, config, about.host ? json_object_get(answer, "domains") : NULL);
    if (!about.host)
        check_files(l, config, answer);
    check_programs(l);
    return doctor_catalog(l, config, &about);
}

/* What is not fine comes first; else they stay in their order. */
static void worst_first(struct findings *l)
{
    struct finding *sorted = xcalloc(l->n + 1, sizeof(*sorted));
    size_t n = 0;

    for (int fine = 0; fine < 2; fine++)
        for (size_t i = 0; i < l->n; i++)
            if (l->items[i].fine == (fine == 1))
                sorted[n++] = l->items[i];
    free(l->items);
    l->items = sorted;
    l->cap = l->n + 1;
}

static void print_json(const struct findings *l)
{
    json_t *list = json_array();

    for (size_t i = 0; i < l->n; i++) {
        const struct finding *f = &l->items[i];

        json_array_append_new(list, json_pack("{s:o, s:s, s:b, s:o, s:o}", "about",
                                              report_json_text(f->about), "check", f->check, "fine",
                                              f->fine, "text", report_json_text(f->text), "advice",
                                              report_json_text(f->advice)));
    }
    report_json_print(list, stdout);
}

/* What is wrong has a line of its own on what to do. */
static void print_text(const struct findings *l)
{
    bool colour = table_may_colour(stdout);
    size_t bad = 0;

    for (size_t i = 0; i < l->n; i++) {
        const struct finding *f = &l->items[i];

        bad += !f->fine;
        print_paragraphf(stdout, 5,
                         f->fine  ? colour ? GREEN_OK : "ok   "
                         : colour ? RED_NOT
                                  : "NOT  ",
                         "%s: %s", f->about, f->text);
        if (f->advice)
            print_paragraph(stdout, 8, "     -> ", f->advice);
    }
    if (bad)
        printf("\n%zu of %zu need something done: see what stands behind ->\n", bad, l->n);
    else
        printf("\nall is fine\n");
}

/* Why the daemon may be down. */
static int examine_catalog(const struct config *config, const struct err *why)
{
    struct err err = ERR_INIT;

    if (catalog_check(config->catalog, &err) == 0 || err.code != ERR_CORRUPT)
        return client_failed(why, false);
    cli_fail(NULL, why);
    err_wrap(&err,
             "vmkeepd does not start with a damaged catalog, `vmkeep rebuild-catalog` makes it "
             "anew");
    return cli_fail(NULL, &err);
}

static int examine(const struct config *config, const char *about, bool json)
{
    const struct client_request request = {
        .cmd = "doctor", .args = about ? json_pack("{s:s}", "about", about) : NULL};
    struct findings l = {0};
    struct err err = ERR_INIT;
    json_t *answer = NULL;
    bool reached, fine = true;
    int code;

    if (client_ask(config, &request, ANSWER_S, &answer, &reached, &err) < 0) {
        return reached ? cli_fail(NULL, &err) : examine_catalog(config, &err);
    }
    code = judge(&l, config, answer);
    if (code != EXIT_DONE) {
        findings_done(&l);
        json_decref(answer);
        return code;
    }
    worst_first(&l);
    for (size_t i = 0; i < l.n; i++)
        fine = fine && l.items[i].fine;
    if (json)
        print_json(&l);
    else
        print_text(&l);
    findings_done(&l);
    json_decref(answer);
    return fine ? EXIT_DONE : EXIT_PARTLY;
}

static int run(void *arguments)
{
    const struct arguments *a = arguments;
    struct config *config = NULL;
    int code = EXIT_DONE;

    if (a->unit && (a->about || a->json))
        return cli_usage("doctor", "--unit prints a drop-in, and takes nothing else");
    code = cli_load_config(&config);
    if (code == EXIT_DONE && a->unit)
        doctor_unit(config);
    else if (code == EXIT_DONE)
        code = examine(config, a->about, a->json);
    config_free(config);
    return code;
}

const struct command cmd_doctor = {
    .name = "doctor",
    .summary = "is everything there that backups need?",
    .about =
        (const char *const[]){
            "Takes a fresh look at every host and domain, at the repositories, scratch "
            "directories, the catalog and the programs that vmkeep needs, and tells what is fine "
            "and what to do about the rest. All are asked at once; who has not answered within "
            "10 seconds is named.",
            "With HOST it looks at that one and its domains, with DOMAIN (or HOST/DOMAIN, where "
            "several hosts have one of that name) at that domain, and at the repositories and "
            "scratch directories of the policies that select them. Where a host and a domain have "
            "one name, 'HOST/' is the host.",
            "It tries what can be tried: the daemon makes a file in each repository and removes "
            "it; where QEMU writes a push itself, QEMU is given such a file to open (one that is "
            "shut off is written for by the daemon); the guest's agent is asked, without freezing "
            "anything. Nothing of it stays.",
            "Read-only disks and CD-ROMs are listed here too: they are in no scheduled backup. So "
            "are disks that the newest point lacks, those that are in no backup, points that are "
            "damaged or missing, and directories of a repository that belong to another catalog. "
            "A domain that no policy selects gets no backups, and that is said, too; where the "
            "configuration's unprotected names it, nothing that is wrong with it is a fault. "
            "What is not fine comes first.",
            "In --json, check says what was looked at, for programs to compare. Of a host: "
            "reachable. Of a domain: policy (one selects it), answers (in time), reachable, free "
            "(of others' jobs), agent, "
            "target (QEMU can write into the repository), thawed, secrets, disks, points, "
            "seen (in 30 days); of a "
            "disk: trackable, "
            "guest-safe, write-errors (libvirt's error policy), "
            "encrypted, free, backed-up; of a repository: answers, there, writable, "
            "space, known (to the catalog), owner; of scratch space: writable, space; of a "
            "target of notifications, and of a policy with a promise: notify (it was tested, takes "
            "them; somebody is told); and valid "
            "(the configuration), warning, writable (the catalog), program.",
            NULL},
    .operands = (const struct command_operand[]){{OPERAND("HOST|DOMAIN", about), .optional = true,
                                                  .words = WORD_HOST | WORD_DOMAIN},
                                                 {0}},
    .options =
        (const struct command_option[]){
            {FLAG("json", json,
                  "print an array of {about, check, fine, text, advice}; advice is null where it "
                  "is fine")},
            {FLAG("unit", unit,
                  "print a drop-in for vmkeepd.service by which the daemon can write where the "
                  "configuration needs it, and nowhere else; nothing is examined")},
            {0}},
    .wants = "one host or domain at most",
    .exits =
        (const struct command_exit[]){{EXIT_DONE, "all is fine"},
                                      {EXIT_PARTLY, "something is not, or does not answer"},
                                      {EXIT_FAILED, "failed"},
                                      {EXIT_USAGE, "bad usage or configuration"},
                                      {EXIT_NOT_FOUND, "no such host or domain"},
                                      {EXIT_NO_DAEMON, "the daemon cannot be reached"},
                                      {EXIT_DAMAGED, "nor could it be: the catalog is damaged"},
                                      {0}},
    .examples = (const char *const[]){"vmkeep doctor web01", "vmkeep doctor hv1",
                                      "vmkeep doctor --unit > "
                                      "/etc/systemd/system/vmkeepd.service.d/places.conf",
                                      NULL},
    ARGUMENTS,
    .run = run,
};
