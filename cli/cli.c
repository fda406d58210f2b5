/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/text.h"

#define CONFIG_MAX (1024 * 1024)
#define OPTIONS_MAX 64

static void bad_option(const char *command, const char *given, const struct option *options)
{
    const char *words[OPTIONS_MAX];
    CLEANUP_FREE char *name = strndup(given, strcspn(given, "="));
    const char *near;
    size_t n = 0;

    while (options[n].name && n < OPTIONS_MAX) {
        words[n] = options[n].name;
        n++;
    }
    near = starts_with(name, "--") ? nearest_word(name + 2, words, n) : NULL;
    fprintf(stderr, "vmkeep: %s: %s: unknown option", command, name);
    if (near)
        fprintf(stderr, "; did you mean --%s?", near);
    fprintf(stderr, " (see 'vmkeep %s --help')\n", command);
}

static const char *name_of(const struct option *options, int val)
{
    while (options->name && options->val != val)
        options++;
    return options->name ? options->name : "";
}

/* What --help is to the command: -h is the same. */
static int help_of(const struct option *options)
{
    for (const struct option *o = options; o->name; o++)
        if (strcmp(o->name, "help") == 0)
            return o->val;
    return '?';
}

int cli_option(int argc, char **argv, const struct option *options)
{
    int c;

    opterr = 0;
    optopt = 0;
    c = getopt_long(argc, argv, ":h", options, NULL);
    if (c == 'h')
        return help_of(options);
    if (c == ':')
        fprintf(stderr, "vmkeep: %s: --%s: needs a value\n", argv[0], name_of(options, optopt));
    else if (c == '?' && starts_with(argv[optind - 1], "--") && optopt)
        fprintf(stderr, "vmkeep: %s: --%s: takes no value\n", argv[0], name_of(options, optopt));
    else if (c == '?' && starts_with(argv[optind - 1], "--"))
        bad_option(argv[0], argv[optind - 1], options);
    else if (c == '?')
        bad_option(argv[0], (char[]){'-', (char)optopt, '\0'}, options);
    return c == ':' ? '?' : c;
}

const char *cli_operand(int argc, char **argv, const char *given)
{
    return given || optind == argc ? given : argv[optind++];
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

int cli_load_config(struct config **ret)
{
    const char *path = cli_config_path();
    struct diagnostics diags = {0};
    CLEANUP_FREE char *text = NULL;
    struct err err = ERR_INIT;
    size_t len;
    int rc;

    if (read_file(path, CONFIG_MAX, &text, &len, &err) < 0) {
        err.code = ERR_INVALID; /* whatever the reason: there is no configuration */
        return cli_fail(NULL, &err);
    }
    rc = config_parse(text, len, path, ret, &diags);
    if (rc < 0) /* mere warnings are for check and for the daemon's log */
        diagnostics_print(&diags, stderr);
    diagnostics_done(&diags);
    return rc < 0 ? EXIT_USAGE : EXIT_DONE;
}

int cli_open_catalog(const struct config *config, struct catalog **ret)
{
    struct err err = ERR_INIT;
    int code;

    if (catalog_open(config->catalog, CATALOG_READ, ret, &err) == 0)
        return EXIT_DONE;
    code = cli_fail(NULL, &err);
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
