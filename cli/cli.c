/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/fsutil.h"

#define CONFIG_MAX (1024 * 1024)

static const char *config_path = CONFIG_DEFAULT;

const char *cli_config_path(void)
{
    return config_path;
}

void cli_set_config_path(const char *path)
{
    config_path = path;
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
