/* SPDX-License-Identifier: MIT
 *
 * vmkeep points: restore points and the chains they stand in.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "cli/facts.h"
#include "cli/names.h"
#include "report/json.h"
#include "report/table.h"

static const char help[] =
    "Usage: vmkeep points [--json] [DOMAIN]\n"
    "\n"
    "Lists restore points, of every domain or of DOMAIN, oldest first; an incremental is indented\n"
    "below what it stands on. Works while the daemon is down.\n"
    "\n"
    "  --json   print an array of {id, domain, host, policy, kind, parent, created, checkpoint,\n"
    "           mode, state, disks: [{name, path, format, capacity, bytes, digest}], ...}; a disk's\n"
    "           path is its file's name in REPOSITORY/ID/\n"
    "  --help   print this text and exit\n"
    "\n"
    "Exit status: 0 done, 1 failed, 2 bad usage or configuration, 4 no such domain, or no catalog\n"
    "yet, 7 the catalog is damaged.\n"
    "\n"
    "Examples:\n"
    "  vmkeep points web01\n"
    "  vmkeep points --json | jq -r '.[-1].id'\n";

struct arguments {
    bool json;
    const char *domain;
};

static json_t *disk_json(const struct point_disk *d)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "name", report_json_text(d->name), "path",
                     report_json_text(d->path), "format", report_json_text(d->format), "capacity",
                     report_json_number((int64_t)d->capacity), "bytes",
                     report_json_number((int64_t)d->bytes), "digest", report_json_text(d->digest));
}

static json_t *point_json(const struct point *p)
{
    json_t *disks = json_array();
    json_t *ret =
        json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "id", report_json_text(p->id),
                  "domain", report_json_text(p->domain), "host", report_json_text(p->host),
                  "policy", report_json_text(p->policy), "repository",
                  report_json_text(p->repository), "kind", report_json_text(level_name(p->level)),
                  "parent", report_json_text(p->parent), "created", report_json_time(p->created));
    json_t *more = json_pack(
        "{s:o, s:o, s:o, s:b, s:o, s:o, s:o}", "checkpoint", report_json_text(p->checkpoint),
        "mode", report_json_text(mode_name(p->mode)), "state",
        report_json_text(facts_point_state(p, false)), "quiesced", p->quiesced, "why",
        report_json_text(p->why), "keep", report_json_text(p->keep), "disks", disks);

    for (size_t i = 0; i < p->disks.n; i++)
        json_array_append_new(disks, disk_json(&p->disks.items[i]));
    json_object_update(ret, more);
    json_decref(more);
    return ret;
}

static void print_json(const struct point_list *points)
{
    json_t *list = json_array();

    for (size_t i = 0; i < points->n; i++)
        json_array_append_new(list, point_json(&points->items[i]));
    report_json_print(list, stdout);
}

static bool same_group(const struct point *a, const struct point *b)
{
    return strcmp(a->domain, b->domain) == 0 && strcmp(a->policy, b->policy) == 0 &&
           strcmp(a->host, b->host) == 0 && strcmp(a->repository, b->repository) == 0;
}

/* above: the row above in the same group, or NULL. */
static void add_row(struct table *t, const struct point_list *points, const struct point *p,
                    const struct point *above)
{
    enum table_colour colour = p->state == POINT_GOOD && !p->set_aside ? COLOUR_NONE : COLOUR_RED;
    const struct point *parent = p->parent ? point_list_find(points, p->parent) : NULL;
    char time[TIMEFMT_MAX], size[SIZE_TEXT_MAX];

    table_cellf(t, "  %s", time_local(p->created, time));
    if (!p->parent || (above && strcmp(above->id, p->parent) == 0))
        table_cellf(t, "%s%s", p->parent ? "  " : "", level_name(p->level));
    else
        table_cellf(t, "  %s on %s", level_name(p->level),
                    parent ? time_local(parent->created, time) : p->parent);
    table_cell(t, size_text(facts_point_bytes(p), size));
    table_cell_coloured(t, colour, facts_point_state(p, true));
    table_cell(t, p->checkpoint);
    table_cell(t, p->id);
}

/* The points of one domain, policy and repository, the first of which is points->items[first]. */
static void print_group(const struct point_list *points, size_t first)
{
    static const char *const titles[] = {"  TIME", "KIND", ">SIZE", "STATE", "CHECKPOINT", "POINT"};
    CLEANUP(table_freep) struct table *t = table_new(titles, ARRAY_LEN(titles));
    const struct point *head = &points->items[first], *above = NULL;
    CLEANUP_FREE char *title = xasprintf("%s/%s, policy %s, repository %s", head->host,
                                         head->domain, head->policy, head->repository);

    for (size_t i = first; i < points->n; i++) {
        const struct point *p = &points->items[i];

        if (!same_group(p, head))
            continue;
        add_row(t, points, p, above);
        above = p;
    }
    print_plain(title, stdout);
    putchar('\n');
    table_print(t, stdout);
}

static void print_text(const struct point_list *points)
{
    for (size_t i = 0; i < points->n; i++) {
        bool printed = false;

        /* Points come by domain, so that its groups are near. */
        for (size_t k = i;
             k-- > 0 && !printed && strcmp(points->items[k].domain, points->items[i].domain) == 0;)
            printed = same_group(&points->items[k], &points->items[i]);
        if (printed)
            continue;
        if (i > 0)
            putchar('\n');
        print_group(points, i);
    }
}

static int list(void *arg, const struct config *config, struct catalog *catalog)
{
    const struct arguments *a = arg;
    struct domain_name domain = {0};
    struct point_list points = {0};
    struct point_filter filter;
    struct err err = ERR_INIT;
    int code = EXIT_DONE;

    if (a->domain && domain_find(config, catalog, a->domain, &domain, &err) < 0)
        return cli_fail(NULL, &err);
    filter = (struct point_filter){.host = domain.host, .domain = domain.domain};
    if (facts_points(catalog, &filter, time(NULL), &points, &err) < 0)
        code = cli_fail(NULL, &err);
    else if (a->json)
        print_json(&points);
    else
        print_text(&points);
    point_list_done(&points);
    domain_name_done(&domain);
    return code;
}

int cmd_points(int argc, char **argv)
{
    static const struct option options[] = {
        {"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    struct arguments a = {0};
    int c;

    while ((c = cli_option(argc, argv, options)) != -1) {
        if (c == '?')
            return EXIT_USAGE;
        if (c == 'h') {
            fputs(help, stdout);
            return EXIT_DONE;
        }
        a.json = true;
    }
    if (argc - optind > 1)
        return cli_usage("points", "one domain at most (see 'vmkeep points --help')");
    a.domain = optind < argc ? argv[optind] : NULL;
    return cli_with_catalog(list, &a);
}
