/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/near.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "cli/known_keys.h"

static const char *config_path = CONFIG_DEFAULT;
static bool config_given;
static char config_problem[ERR_MSG_MAX]; /* "": none that is known */
static char config_advice[ERR_MSG_MAX];  /* what to do about it */
static char config_unread[ERR_MSG_MAX];  /* "": the daemon has read it */

const char *cli_config_path(void)
{
    return config_path;
}

void cli_set_config_path(const char *path)
{
    config_path = path;
    config_given = true;
}

int cli_usage(const char *where, const char *fmt, ...)
{
    va_list ap;

    fprintf(stderr, "vmkeep: %s: ", where);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    return EXIT_USAGE;
}

/* Perhaps it was there, and the daemon's copy of it is there still. */
static void tell_of_copy(const struct config_file *f)
{
    CLEANUP(config_copy_done) struct config_copy copy = {0};
    char when[TIMEFMT_MAX];

    if (config_copy_find(f, &copy))
        fprintf(stderr, "vmkeep: vmkeepd has kept a copy of it, of %s: `cp %s %s` brings it back\n",
                time_local(copy.kept, when), copy.path, f->path);
    else
        fprintf(stderr,
                "vmkeep: if it was there once: vmkeepd keeps a copy of the last good one beside "
                "its catalog, as CATALOG.config (%s.config where the configuration said nothing "
                "else); copy that back\n",
                CONFIG_CATALOG_DEFAULT);
}

static int refuse(const struct config_file *f)
{
    struct err err = ERR_INIT;

    if (f->text) { /* mere warnings are for check and for the daemon's log */
        diagnostics_print(&f->diags, stderr);
        return EXIT_USAGE;
    }
    if (f->missing && config_given)
        err_set(&err, ERR_INVALID,
                "--config %s: there is no such file; `vmkeep --config %s init` makes one",
                config_path, config_path);
    else if (f->missing)
        err_set(&err, ERR_INVALID,
                "%s: there is no such file; `vmkeep init` makes one, or name another with --config "
                "FILE",
                config_path);
    else
        err_set(&err, ERR_INVALID, "%s: %s", config_path, f->diags.items[0].text);
    cli_fail(NULL, &err);
    if (f->missing)
        tell_of_copy(f);
    return EXIT_USAGE;
}

int cli_load_config_strictly(struct config **ret)
{
    CLEANUP(config_file_done) struct config_file f = {0};

    if (!config_file_read(config_path, &f))
        return refuse(&f);
    *ret = TAKE_PTR(f.config);
    known_keys_take(*ret);
    return EXIT_DONE;
}

static void warn_of_copy(const struct config_file *f, const struct config_copy *copy)
{
    CLEANUP_FREE char *problem = config_file_problem(f);
    char when[TIMEFMT_MAX];

    if (f->missing)
        snprintf(config_advice, sizeof(config_advice), "`cp %s %s` brings the last good one back",
                 copy->path, f->path);
    else
        snprintf(config_advice, sizeof(config_advice),
                 "`vmkeep check` shows all errors: mend them");
    fprintf(stderr,
            "%s\nvmkeep: warning: the configuration is %s, so this goes by the last good one, "
            "of %s (%s); %s\n",
            problem, f->missing ? "gone" : "broken", time_local(copy->kept, when), copy->path,
            config_advice);
    snprintf(config_problem, sizeof(config_problem), "%s", problem);
}

static void note_unread(const struct config_file *f)
{
    char when[TIMEFMT_MAX];
    int64_t kept;

    if (config_copy_differs(f, &kept))
        snprintf(config_unread, sizeof(config_unread),
                 "%s has changed since vmkeepd read it last, at %s", config_path,
                 time_local(kept, when));
}

const char *cli_config_unread(void)
{
    return *config_unread ? config_unread : NULL;
}

const struct config_policy *cli_find_policy(const struct config *config, const char *name,
                                            struct err *err)
{
    const struct config_policy *ret = config_policy_find(config, name);
    struct near near = {.text = name};

    if (ret)
        return ret;
    for (size_t i = 0; i < config->policies.n; i++)
        near_word(&near, config->policies.items[i].name);
    err_set(err, ERR_NOTFOUND, "no policy of the configuration is called '%s'", CLIP(name));
    near_ask(&near, err);
    return NULL;
}

const char *cli_config_advice(void)
{
    return config_advice;
}

const char *cli_config_problem(void)
{
    return *config_problem ? config_problem : NULL;
}

int cli_load_config(struct config **ret)
{
    CLEANUP(config_file_done) struct config_file f = {0};
    CLEANUP(config_copy_done) struct config_copy copy = {0};

    if (config_file_read(config_path, &f)) {
        note_unread(&f);
        *ret = TAKE_PTR(f.config);
        known_keys_take(*ret);
        return EXIT_DONE;
    }
    /* A name that was mistyped is no broken file. */
    if ((f.missing && config_given) || !config_copy_find(&f, &copy))
        return refuse(&f);
    warn_of_copy(&f, &copy);
    *ret = TAKE_PTR(copy.config);
    known_keys_take(*ret);
    return EXIT_DONE;
}

int cli_open_catalog(const struct config *config, struct catalog **ret)
{
    struct err err = ERR_INIT;
    int code;

    if (catalog_open(config->catalog, CATALOG_READ, ret, &err) == 0)
        return EXIT_DONE;
    code = cli_fail(NULL, &err);
    if (err.code == ERR_DENIED)
        fputs("vmkeep: only root and the daemon's user may read it: ask as one of them\n", stderr);
    if (err.code == ERR_CORRUPT)
        fputs("vmkeep: 'vmkeep rebuild-catalog' makes the catalog anew from the repositories\n",
              stderr);
    return code;
}

int cli_with_catalog(int (*run)(void *arg, const struct config *config, struct catalog *catalog),
                     void *arg)
{
    struct config *config = NULL;
    struct catalog *catalog = NULL;
    int code = cli_load_config(&config);

    if (code == EXIT_DONE)
        code = cli_open_catalog(config, &catalog);
    if (code == EXIT_DONE && *config_unread)
        fprintf(stderr, "vmkeep: warning: %s: `vmkeep reload`\n", config_unread);
    if (code == EXIT_DONE)
        code = run(arg, config, catalog);
    catalog_close(catalog);
    config_free(config);
    return code;
}

static int exit_code(enum err_code code)
{
    switch (code) {
    case ERR_INVALID:
        return EXIT_USAGE;
    case ERR_NOTFOUND:
        return EXIT_NOT_FOUND;
    case ERR_BUSY:
        return EXIT_BUSY;
    case ERR_CORRUPT:
        return EXIT_DAMAGED;
    case ERR_CANCELED:
        return EXIT_INTERRUPTED;
    default:
        return EXIT_FAILED;
    }
}

int cli_fail(const char *where, const struct err *err)
{
    if (where)
        fprintf(stderr, "vmkeep: %s: %s\n", where, err->msg);
    else
        fprintf(stderr, "vmkeep: %s\n", err->msg);
    return exit_code(err->code);
}
