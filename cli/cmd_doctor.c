/* SPDX-License-Identifier: MIT
 *
 * vmkeep doctor: is everything there that backups need?  The daemon takes a fresh look at domains
 * and repositories; programs are looked for here.
 */
#include <stdio.h>
#include <stdlib.h>
#include <errno.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/proc.h"
#include "base/text.h"
#include "cli/client.h"
#include "cli/doctor.h"
#include "report/json.h"
#include "report/model.h"
#include "report/table.h"
#include "storage/store.h"

#define ANSWER_S 120

struct arguments {
    const char *domain;
    bool json;
};

void doctor_add(struct findings *l, const char *about, const char *check, bool fine,
                const char *advice, const char *fmt, ...)
{
    struct finding *f = VEC_ADD(l);
    va_list ap;

    va_start(ap, fmt);
    f->text = xvasprintf(fmt, ap);
    va_end(ap);
    f->about = xstrdup(about);
    f->check = check;
    f->fine = fine;
    f->advice = fine ? NULL : advice;
}

static void findings_done(struct findings *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free(l->items[i].about);
        free(l->items[i].text);
    }
    free(l->items);
}

static const char *text_of(const json_t *o, const char *key)
{
    return json_string_value(json_object_get(o, key));
}

/* ---- domains ---- */

static void check_disk(struct findings *l, const char *domain, const json_t *k)
{
    const char *name = text_of(k, "name"), *format = text_of(k, "format");
    const char *unsafe = text_of(k, "unsafe");
    CLEANUP_FREE char *about = xasprintf("%s disk %s", domain, name ? name : "");

    if (json_is_true(json_object_get(k, "trackable")))
        doctor_add(l, about, "trackable", true, NULL, "changes can be tracked");
    else
        doctor_add(l, about, "trackable", false,
                   "it is backed up in full each time; convert the image to qcow2 for incrementals",
                   "changes cannot be tracked in format %s", format ? format : "unknown");
    if (unsafe)
        doctor_add(l, about, "guest-safe", false, "see 'scratch' of its policy in vmkeep-config(5)",
                   "guest-safe copy not possible: %s", unsafe);
    else
        doctor_add(l, about, "guest-safe", true, NULL, "a copy cannot harm the guest");
    if (json_is_true(json_object_get(k, "encrypted")))
        doctor_add(l, about, "encrypted", false,
                   "put the repository on a file system that is encrypted",
                   "the disk is encrypted, and its copies in a repository are in clear text");
    if (json_is_true(json_object_get(k, "busy")))
        doctor_add(l, about, "free", false, "wait for it, or end it", "another block job uses it");
}

/* What is in no scheduled backup, by its nature. */
static void tell_aside(struct findings *l, const char *domain, const json_t *k)
{
    const char *name = text_of(k, "name"), *what = text_of(k, "what"), *image = text_of(k, "image");
    CLEANUP_FREE char *about = xasprintf("%s disk %s", domain, name ? name : "");

    doctor_add(l, about, "backed up", true, NULL, "%s%s%s: only by hand, by its name",
               what ? what : "", image ? " of " : "", image ? image : "");
}

static const struct config_domain *config_of(const struct config *config, const char *host,
                                             const char *domain)
{
    const struct config_host *h = host ? config_host_find(config, host) : NULL;

    for (size_t i = 0; h && domain && i < h->domains.n; i++)
        if (strcmp(h->domains.items[i].name, domain) == 0)
            return &h->domains.items[i];
    return NULL;
}

static void check_agent(struct findings *l, const struct config *config, const char *host,
                        const char *domain, const char *about)
{
    const struct config_domain *d = config_of(config, host, domain);

    /* No fault of its own: only a policy that wants to quiesce needs one. */
    if (d)
        doctor_add(l, about, "agent", true, NULL,
                   d->agent ? "guest agent at %s"
                            : "no guest agent is configured: it is not quiesced%s",
                   d->agent ? d->agent : "");
}

static void check_domain(struct findings *l, const struct config *config, const json_t *d)
{
    const char *host = text_of(d, "host"), *domain = text_of(d, "domain");
    const char *problem = text_of(d, "problem"), *state = text_of(d, "state");
    const char *foreign = text_of(d, "foreign_job");
    CLEANUP_FREE char *about = domain ? xasprintf("%s/%s", host ? host : "", domain)
                                      : xasprintf("host %s", host ? host : "");
    size_t i;
    json_t *k;

    if (problem)
        doctor_add(l, about, "reachable", false,
                   "see that it runs and that vmkeepd may open its socket", "%s: %s",
                   state ? state : "unknown", problem);
    else
        doctor_add(l, about, "reachable", true, NULL, "%s", state ? state : "unknown");
    if (foreign)
        doctor_add(l, about, "free", false, "wait for it, or end it", "%s is at work on it",
                   foreign);
    check_agent(l, config, host, domain, about);
    if (text_of(d, "frozen_since"))
        doctor_add(l, about, "thawed", false, STATUS_THAW_ADVICE,
                   "the guest's file systems are perhaps frozen since %s",
                   text_of(d, "frozen_since"));
    if (json_integer_value(json_object_get(d, "secrets")) > 0)
        doctor_add(l, about, "secrets", true, NULL,
                   "%lld of QEMU's command line left out of points: keep them elsewhere",
                   (long long)json_integer_value(json_object_get(d, "secrets")));
    json_array_foreach(json_object_get(d, "disks"), i, k)
        check_disk(l, about, k);
    json_array_foreach(json_object_get(d, "asides"), i, k)
        tell_aside(l, about, k);
}

/* ---- repositories, catalog, programs ---- */

static void check_repository(struct findings *l, const json_t *r)
{
    const char *name = text_of(r, "name"), *path = text_of(r, "path");
    const char *problem = text_of(r, "problem"), *difference = text_of(r, "difference");
    int64_t avail = json_integer_value(json_object_get(r, "free"));
    int64_t reserve = json_integer_value(json_object_get(r, "reserve"));
    CLEANUP_FREE char *about = xasprintf("repository %s", name ? name : "");
    char text[SIZE_TEXT_MAX], all[SIZE_TEXT_MAX];

    if (problem) {
        doctor_add(
            l, about, "writable", false,
            "mount it, or correct its path or its permissions; `vmkeep repository adopt`, if "
            "another disk takes its place",
            "%s", problem);
        return;
    }
    doctor_add(l, about, "writable", true, NULL, "%s is there and can be written",
               path ? path : "");
    doctor_add(l, about, "space", avail > reserve, "make room: let go of points, or enlarge it",
               "%s free%s%s", size_text((uint64_t)avail, text), reserve ? ", to stay free: " : "",
               reserve ? size_text((uint64_t)reserve, all) : "");
    doctor_add(l, about, "known", !difference,
               "`vmkeep rebuild-catalog` takes in what is there, and forgets what is not; see "
               "lost-catalog.md",
               "%s", difference ? difference : "the catalog knows all points there");
}

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
    CLEANUP_FREE char *store = proc_program_path("vmkeep-store");

    check_program(l, "qemu-img", "qemu-img", "install qemu-utils: nothing works without it");
    check_program(l, "qemu-nbd", "qemu-nbd", "install qemu-utils");
    check_program(l, "qemu-storage-daemon", "qemu-storage-daemon",
                  "install qemu-system-common: domains that are shut off need it");
    check_program(l, "b3sum", "b3sum", "install b3sum: images are kept without digests until then");
    check_program(l, "vmkeep-store", store, "install vmkeep whole: nothing works without it");
    check_program(l, "vmkeep-mover", mover, "install vmkeep whole: pull backups need it");
    check_program(l, "vmkeep-allocation", allocation,
                  "install vmkeep whole: every backup is a full without it");
}

/* ---- scratch space ---- */

/* The nearest directory above that is there: the rest is made when it is needed. */
static char *nearest_existing(const char *path)
{
    char *ret = xstrdup(path);

    while (!path_exists(ret) && strcmp(ret, "/") != 0 && strcmp(ret, ".") != 0) {
        char *up = path_dirname(ret);

        free(ret);
        ret = up;
    }
    return ret;
}

/* Scratch space is for what the guest overwrites: memory runs out, networks hang. */
static const char *unfit_file_system(uint32_t type)
{
    static const struct {
        uint32_t type;
        const char *name;
    } unfit[] = {{0x01021994, "tmpfs"}, {0x6969, "NFS"}, {0xff534d42, "CIFS"}, {0xfe534d42, "SMB"}};

    for (size_t i = 0; i < ARRAY_LEN(unfit); i++)
        if (unfit[i].type == type)
            return unfit[i].name;
    return NULL;
}

static void check_scratch(struct findings *l, const char *path)
{
    CLEANUP_FREE char *about = xasprintf("scratch %s", path);
    CLEANUP_FREE char *there = nearest_existing(path);
    const char *unfit;
    char text[SIZE_TEXT_MAX];
    struct statfs fs;

    if (access(there, W_OK | X_OK) < 0 || statfs(there, &fs) < 0) {
        doctor_add(l, about, "writable", false, "correct its path or its permissions", "%s: %s",
                   there, strerror(errno));
        return;
    }
    doctor_add(l, about, "writable", true, NULL, "%s",
               strcmp(there, path) == 0 ? "it is there and can be written"
                                        : "it will be made at need");
    unfit = unfit_file_system((uint32_t)fs.f_type);
    doctor_add(l, about, "space", !unfit && fs.f_bavail > 0,
               "choose a directory on a local disk (scratch in the policy)", "%s free on %s",
               size_text((uint64_t)fs.f_bavail * (uint64_t)fs.f_bsize, text),
               unfit ? unfit : "a local file system");
}

static void check_scratches(struct findings *l, const struct config *config)
{
    struct strlist seen = {0};

    for (size_t i = 0; i < config->policies.n; i++) {
        const char *path = config->policies.items[i].scratch;

        if (!path || strlist_has(&seen, path))
            continue;
        strlist_add(&seen, path);
        check_scratch(l, path);
    }
    strlist_done(&seen);
}

/* ---- the answer ---- */

static void judge(struct findings *l, const struct config *config, const json_t *answer,
                  const char *domain)
{
    const char *problem = text_of(json_object_get(answer, "catalog"), "problem");
    size_t i;
    json_t *o;

    json_array_foreach(json_object_get(answer, "domains"), i, o)
        check_domain(l, config, o);
    if (domain)
        return;
    json_array_foreach(json_object_get(answer, "repositories"), i, o)
        check_repository(l, o);
    check_scratches(l, config);
    if (cli_config_problem())
        doctor_add(l, "configuration", "valid", false,
                   "mend what `vmkeep check` shows, then `vmkeep reload`",
                   "the file is broken, and vmkeepd would not start by it: %s",
                   cli_config_problem());
    doctor_add(l, "catalog", "writable", !problem, "make room, or correct the permissions", "%s",
               problem ? problem : config->catalog);
    check_programs(l);
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

static void print_text(const struct findings *l)
{
    static const char *const titles[] = {"", "ABOUT", "FOUND", "WHAT TO DO"};
    CLEANUP(table_freep) struct table *t = table_new(titles, ARRAY_LEN(titles));

    for (size_t i = 0; i < l->n; i++) {
        const struct finding *f = &l->items[i];

        table_cell_coloured(t, f->fine ? COLOUR_GREEN : COLOUR_RED, f->fine ? "ok" : "NOT");
        table_cell(t, f->about);
        table_cell(t, f->text);
        table_cell(t, f->advice ? f->advice : "");
    }
    table_print(t, stdout);
}

/* Why the daemon may be down. */
static int examine_catalog(const struct config *config)
{
    struct err err = ERR_INIT;

    if (catalog_check(config->catalog, &err) == 0 || err.code != ERR_CORRUPT)
        return EXIT_NO_DAEMON;
    err_wrap(&err,
             "vmkeepd does not start with a damaged catalog, `vmkeep rebuild-catalog` makes it "
             "anew");
    return cli_fail(NULL, &err);
}

static int examine(const struct config *config, const char *domain, bool json)
{
    const struct client_request request = {
        .cmd = "doctor", .args = domain ? json_pack("{s:s}", "domain", domain) : NULL};
    struct findings l = {0};
    struct err err = ERR_INIT;
    json_t *answer = NULL;
    bool reached, fine = true;
    int code;

    if (client_ask(config, &request, ANSWER_S, &answer, &reached, &err) < 0) {
        code = cli_fail(NULL, &err);
        return reached ? code : examine_catalog(config);
    }
    judge(&l, config, answer, domain);
    code = doctor_catalog(&l, config, domain);
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
    int code = cli_load_config(&config);

    if (code == EXIT_DONE)
        code = examine(config, a->domain, a->json);
    config_free(config);
    return code;
}

const struct command cmd_doctor = {
    .name = "doctor",
    .summary = "is everything there that backups need?",
    .about =
        (const char *const[]){
            "Takes a fresh look at every domain, or at DOMAIN, at the repositories, scratch "
            "directories, the catalog and the programs that vmkeep needs, and tells what is fine "
            "and what to do about the rest.",
            "Read-only disks and CD-ROMs are listed here too: they are in no scheduled backup. So "
            "are disks that the newest point lacks, those that are in no backup, points that are "
            "damaged or missing, and directories of a repository that belong to another catalog. "
            "What is not fine comes first.",
            NULL},
    .operands =
        (const struct command_operand[]){
            {OPERAND("DOMAIN", domain), .optional = true, .words = WORD_DOMAIN}, {0}},
    .options =
        (const struct command_option[]){
            {FLAG("json", json, "print an array of {about, check, fine, text, advice}")}, {0}},
    .wants = "one domain at most",
    .exits =
        (const struct command_exit[]){{EXIT_DONE, "all is fine"},
                                      {EXIT_PARTLY, "something is not"},
                                      {EXIT_FAILED, "failed"},
                                      {EXIT_USAGE, "bad usage or configuration"},
                                      {EXIT_NOT_FOUND, "no such domain"},
                                      {EXIT_NO_DAEMON, "the daemon cannot be reached"},
                                      {EXIT_DAMAGED, "nor could it be: the catalog is damaged"},
                                      {0}},
    .examples = (const char *const[]){"vmkeep doctor web01", NULL},
    ARGUMENTS,
    .run = run,
};
