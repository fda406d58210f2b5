/* SPDX-License-Identifier: MIT
 *
 * vmkeep complete: what the shells ask when the tab key is pressed (packaging/completion).  Of the
 * words up to the one that is being typed it prints, in the first line, how the shell is to go on
 * (words, files, directories: with such names as well), then a line for each word that fits:
 * WORD<TAB>what it is.  Names come from the configuration and the catalog; where there are none,
 * or they cannot be read, none are offered.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "base/text.h"
#include "cli/complete.h"
#include "report/gather/domains.h"

struct arguments {
    struct strlist words;
};

/* ---- printing ---- */

static bool is_printable(const char *s)
{
    while (*s && !iscntrl((unsigned char)*s))
        s++;
    return !*s;
}

static void offer(const struct completion *c, const char *word, const char *what)
{
    if (starts_with(word, c->typed) && is_printable(word))
        printf("%.*s%s\t%s\n", (int)c->n_before, c->before, word, what ? what : "");
}

static void offer_options(const struct completion *c)
{
    for (size_t i = 0; i < c->n_options; i++) {
        CLEANUP_FREE char *word = xasprintf("--%s", c->options[i].name);

        offer(c, word, c->options[i].help);
    }
}

static void offer_commands(const struct completion *c)
{
    for (const struct command *const *k = commands; *k; k++)
        if (!(*k)->hidden)
            offer(c, (*k)->name, (*k)->summary);
    offer(c, "help", "what a command takes, with examples");
}

/* ---- names ---- */

/* DOMAIN where only one host has it, or HOST/DOMAIN. */
static void offer_domains(const struct completion *c, const struct domain_names *l)
{
    for (size_t i = 0; i < l->n; i++) {
        const struct domain_name *d = &l->items[i];
        CLEANUP_FREE char *full = xasprintf("%s/%s", d->host, d->domain);
        size_t same = 0;

        for (size_t k = 0; k < l->n; k++)
            same += strcmp(l->items[k].domain, d->domain) == 0;
        offer(c, same > 1 || strchr(c->typed, '/') ? full : d->domain, "domain");
    }
}

static void offer_points(const struct completion *c, struct catalog *catalog)
{
    const struct point_filter all = {.copies = true};
    CLEANUP(point_list_done) struct point_list points = {0};
    struct err ignored = ERR_INIT;

    if (catalog_points(catalog, &all, &points, &ignored) < 0)
        return;
    for (size_t i = 0; i < points.n; i++)
        offer(c, points.items[i].id, level_name(points.items[i].level));
}

static void offer_jobs(const struct completion *c, struct catalog *catalog)
{
    const struct job_filter active = {.active = true};
    CLEANUP(job_list_done) struct job_list jobs = {0};
    struct err ignored = ERR_INIT;

    if (catalog_jobs(catalog, &active, &jobs, &ignored) < 0)
        return;
    for (size_t i = 0; i < jobs.n; i++) {
        const struct job *j = &jobs.items[i];
        CLEANUP_FREE char *id = xasprintf("%lld", (long long)j->id);
        CLEANUP_FREE char *what = xasprintf("%s of %s/%s", j->kind, j->host, j->domain);

        offer(c, id, what);
    }
}

static void offer_checkpoints(const struct completion *c, const struct config *config,
                              struct catalog *catalog)
{
    CLEANUP(checkpoint_list_done) struct checkpoint_list list = {0};
    CLEANUP(domain_name_done) struct domain_name d = {0};
    struct err ignored = ERR_INIT;

    if (!c->domain || domain_find(config, catalog, c->domain, &d, &ignored) < 0 ||
        catalog_checkpoints(catalog, d.host, d.domain, &list, &ignored) < 0)
        return;
    for (size_t i = 0; i < list.n; i++)
        offer(c, list.items[i].name, "checkpoint");
}

static void offer_from_catalog(const struct completion *c, const struct config *config)
{
    CLEANUP(domain_names_done) struct domain_names domains = {0};
    struct catalog *catalog = NULL;
    struct err ignored = ERR_INIT;

    if (catalog_open(config->catalog, CATALOG_READ, &catalog, &ignored) < 0)
        return;
    if (c->words & WORD_DOMAIN && domains_known(config, catalog, &domains, &ignored) == 0)
        offer_domains(c, &domains);
    /* There are many, and they go on where a domain's name ends. */
    if (c->words & WORD_POINT && (*c->typed || !(c->words & WORD_DOMAIN)))
        offer_points(c, catalog);
    if (c->words & WORD_JOB)
        offer_jobs(c, catalog);
    if (c->words & WORD_CHECKPOINT)
        offer_checkpoints(c, config, catalog);
    catalog_close(catalog);
}

static void offer_names(const struct completion *c)
{
    struct config *config = NULL;

    if (!(c->words & ~(unsigned)(WORD_FILE | WORD_DIRECTORY)) ||
        cli_load_config(&config) != EXIT_DONE)
        return;
    for (size_t i = 0; c->words & WORD_HOST && i < config->hosts.n; i++)
        offer(c, config->hosts.items[i].name, "host");
    for (size_t i = 0; c->words & WORD_POLICY && i < config->policies.n; i++)
        offer(c, config->policies.items[i].name, "policy");
    for (size_t i = 0; c->words & WORD_REPOSITORY && i < config->repositories.n; i++)
        offer(c, config->repositories.items[i].name, config->repositories.items[i].path);
    offer_from_catalog(c, config);
    config_free(config);
}

static int run(void *arguments)
{
    const struct arguments *a = arguments;
    struct completion c;

    complete(&a->words, &c);
    if (c.config)
        cli_set_config_path(c.config);
    puts(c.words & WORD_FILE ? "files" : c.words & WORD_DIRECTORY ? "directories" : "words");
    if (c.command)
        offer_commands(&c);
    if (c.option)
        offer_options(&c);
    for (const char *const *k = c.choices; k && *k; k++)
        offer(&c, *k, NULL);
    offer_names(&c);
    return EXIT_DONE;
}

const struct command cmd_complete = {
    .name = "complete",
    .summary = "what may stand where a line ends; for shells",
    .about =
        (const char *const[]){
            "Prints how a shell is to complete the last WORD: words, files or directories, then "
            "what fits, one a line, and behind a tab what it is. The words are those "
            "behind vmkeep.",
            NULL},
    .operands = (const struct command_operand[]){{OPERANDS("WORD", words), .optional = true}, {0}},
    .exits = (const struct command_exit[]){{EXIT_DONE, "done"}, {0}},
    .examples = (const char *const[]){"vmkeep complete -- run --level ''", NULL},
    ARGUMENTS,
    .run = run,
    .hidden = true,
};
