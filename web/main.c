/* SPDX-License-Identifier: MIT
 *
 * vmkeep-web: serves the status page, the metrics and the JSON.  vmkeepd runs it where the
 * configuration has `web`, ends it, and starts it anew when it reads its configuration; it can be
 * run by hand, too.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/sources.h"
#include "web/docs.h"
#include "web/listen.h"
#include "web/server.h"

static const char usage[] =
    "Usage: vmkeep-web [--config FILE] [--listen ADDRESS:PORT|unix:PATH]\n"
    "                  [--docs DIRECTORY]\n"
    "\n"
    "Serves the status page, /metrics and /api/v1 of the catalog that FILE names\n"
    "(default " CONFIG_DEFAULT "); read-only.  vmkeepd runs it where that has `web`.\n"
    "\n"
    "  --config FILE     the configuration\n"
    "  --listen ADDRESS  where it is served, instead of `web`\n"
    "  --docs DIRECTORY  the documentation as pages, shown at /docs/\n"
    "                    (default " DOCS_DEFAULT ")\n"
    "  --version         print the version and exit\n"
    "  --help            print this text and exit\n"
    "\n"
    "Exit status: 0 stopped by a signal, 1 failed, 2 bad usage or configuration,\n"
    "4 no catalog yet, 7 the catalog is damaged.\n";

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
    (void)number;
    stop = 1;
}

/* mine, theirs: for the thread that gathers, and for the one that serves. */
static int serve(const char *address, const struct access *access, const struct docs *docs,
                 const struct status_sources *mine, const struct status_sources *theirs)
{
    struct site *site = site_new();
    struct server *server = NULL;
    struct err err = ERR_INIT;
    int fd = web_listen(address, &err);

    if (fd < 0 || server_start(fd, starts_with(address, "unix:"), access, site, docs, theirs,
                               &server, &err) < 0) {
        site_free(site);
        return cli_fail(NULL, &err);
    }
    printf("the status page is at %s%s\n",
           starts_with(address, "unix:") ? ""
           : access                      ? "https://"
                                         : "http://",
           address);
    fflush(stdout);
    site_run(site, mine, &stop);
    server_stop(server);
    site_free(site);
    return EXIT_DONE;
}

/* All of it before there is a second thread. */
static int open_sources(const struct config *config, struct catalog **ret_catalog,
                        struct status_sources *ret)
{
    struct err err = ERR_INIT;
    int code = cli_open_catalog(config, ret_catalog);

    if (code == EXIT_DONE && sources_open(config, *ret_catalog, ret, &err) < 0)
        code = cli_fail(NULL, &err);
    return code;
}

static int open_access(const struct config *config, const char *address, struct access *ret)
{
    struct err err = ERR_INIT;

    if (!starts_with(address, "unix:") && config->web_access.token)
        return access_read(&config->web_access, ret, &err) < 0 ? cli_fail(NULL, &err) : EXIT_DONE;
    if (config_web_is_local(address))
        return EXIT_DONE;
    return cli_usage("web",
                     "%s can be reached from other machines, and the configuration has no "
                     "`web_access`",
                     address);
}

static int run(const char *address, const char *docs_dir)
{
    struct access access = {0};
    struct status_sources mine = {0}, theirs = {0};
    struct config *config = NULL;
    struct catalog *catalog = NULL, *second = NULL;
    int code = cli_load_config(&config);

    if (code == EXIT_DONE && !address && !config->web)
        code = cli_usage("web", "the configuration has no `web`, and no --listen is given");
    if (code == EXIT_DONE && !address)
        address = config->web;
    code = code ? code : open_access(config, address, &access);
    code = code ? code : open_sources(config, &catalog, &mine);
    code = code ? code : open_sources(config, &second, &theirs);
    if (code == EXIT_DONE) {
        struct docs *docs = docs_read(docs_dir);

        code = serve(address, access.token ? &access : NULL, docs, &mine, &theirs);
        docs_free(docs);
    }
    access_done(&access);
    sources_done(&mine);
    sources_done(&theirs);
    catalog_close(catalog);
    catalog_close(second);
    config_free(config);
    return code;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"listen", required_argument, NULL, 'l'},
        {"docs", required_argument, NULL, 'd'},   {"version", no_argument, NULL, 'V'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0},
    };
    const struct sigaction action = {.sa_handler = on_signal};
    const char *address = NULL, *docs = DOCS_DEFAULT;
    int c;

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (c) {
        case 'c':
            cli_set_config_path(optarg);
            break;
        case 'l':
            address = optarg;
            break;
        case 'd':
            docs = optarg;
            break;
        case 'V':
            printf("vmkeep-web %s\n", VMKEEP_VERSION);
            return EXIT_DONE;
        case 'h':
            fputs(usage, stdout);
            return EXIT_DONE;
        default:
            return EXIT_USAGE;
        }
    }
    if (optind < argc)
        return cli_usage(argv[optind], "unexpected argument");
    signal(SIGPIPE, SIG_IGN);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    return run(address, docs);
}
