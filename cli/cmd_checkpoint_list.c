/* SPDX-License-Identifier: MIT
 *
 * vmkeep checkpoint-list: a domain's checkpoints.  The daemon joins what the catalog knows with the
 * bitmaps that the disks really have; while it is down, the catalog's part is shown.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "cli/checkpoint_tree.h"
#include "cli/client.h"
#include "report/gather/domains.h"
#include "report/json.h"
#include "report/table.h"

#define ANSWER_S 20

struct arguments {
    const char *domain;
    const char *from;
    bool parent, roots, leaves, no_leaves, descendants, topological, tree, name, json;
};

static const char *text_of(const json_t *o, const char *key)
{
    return json_string_value(json_object_get(o, key));
}

/* With --from, only what is below it is looked at. */
static bool is_below(const struct arguments *a, const json_t *list, const json_t *k)
{
    return !a->from || checkpoint_comes_of(list, k, a->from, a->descendants || a->tree);
}

static bool is_wanted(const struct arguments *a, const json_t *list, const json_t *k)
{
    bool leaf = checkpoint_children(list, k) == 0;

    return is_below(a, list, k) && (!a->roots || !checkpoint_parent(list, k)) &&
           (!a->leaves || leaf) && (!a->no_leaves || !leaf);
}

/* ---- in which order ---- */

static int by_name(const void *a, const void *b)
{
    return strcmp(checkpoint_name(*(json_t *const *)a), checkpoint_name(*(json_t *const *)b));
}

/* Does it wait for one of the others, its parent? */
static bool waits(const json_t *list, const json_t *k, json_t *const *others, size_t n)
{
    const json_t *parent = checkpoint_parent(list, k);

    for (size_t i = 0; parent && i < n; i++)
        if (others[i] == parent)
            return true;
    return false;
}

/* Parents before children; else in the order that they have. A circle is left as it is. */
static void put_parents_first(const json_t *list, json_t **items, size_t n)
{
    for (size_t done = 0; done < n; done++) {
        size_t next = done;
        json_t *first;

        while (next < n && waits(list, items[next], &items[done], n - done))
            next++;
        next = next == n ? done : next;
        first = items[next];
        memmove(&items[done + 1], &items[done], (next - done) * sizeof(json_t *));
        items[done] = first;
    }
}

/* A new array. */
static json_t *sorted(const struct arguments *a, const json_t *list)
{
    size_t n = json_array_size(list);
    CLEANUP_FREE json_t **items = xcalloc(n + 1, sizeof(json_t *));
    json_t *ret = json_array();

    for (size_t i = 0; i < n; i++)
        items[i] = json_array_get(list, i);
    if (a->topological)
        put_parents_first(list, items, n);
    else if (n > 0)
        qsort(items, n, sizeof(json_t *), by_name);
    for (size_t i = 0; i < n; i++)
        if (is_wanted(a, list, items[i]))
            json_array_append(ret, items[i]);
    return ret;
}

/* ---- printing ---- */

static void add_row(const struct arguments *a, struct table *t, const json_t *k)
{
    CLEANUP_FREE char *disks = NULL;
    const char *created = text_of(k, "created"), *state = text_of(k, "state");
    char when[TIMEFMT_MAX], size[SIZE_TEXT_MAX];
    struct err ignored = ERR_INIT;
    json_int_t bytes = 0;
    bool known = false;
    int64_t at = 0;
    json_t *d;
    size_t i;

    json_array_foreach(json_object_get(k, "disks"), i, d) {
        char *more = xasprintf("%s%s%s", disks ? disks : "", disks ? " " : "", checkpoint_name(d));

        free(disks);
        disks = more;
        known = known || json_is_integer(json_object_get(d, "size"));
        bytes += json_integer_value(json_object_get(d, "size"));
    }
    if (created && time_parse(created, &at, &ignored) < 0)
        at = 0;
    table_cell(t, checkpoint_name(k));
    table_cell(t, at ? time_local(at, when) : NULL);
    table_cell_coloured(t, state && strcmp(state, "inconsistent") == 0 ? COLOUR_RED : COLOUR_NONE,
                        state ? state : "unknown");
    if (a->parent)
        table_cell(t, text_of(k, "parent"));
    table_cell(t, known ? size_text((uint64_t)bytes, size) : NULL);
    table_cell(t, disks);
    table_cell(t, text_of(k, "policy"));
}

static void print_table(const struct arguments *a, const json_t *list)
{
    static const char *const plain[] = {"NAME",  "CREATION TIME", "STATE",
                                        ">SIZE", "~DISKS",        "POLICY"};
    static const char *const wide[] = {"NAME",  "CREATION TIME", "STATE", "PARENT",
                                       ">SIZE", "~DISKS",        "POLICY"};
    CLEANUP(table_freep)
    struct table *t =
        a->parent ? table_new(wide, ARRAY_LEN(wide)) : table_new(plain, ARRAY_LEN(plain));
    size_t i;
    json_t *k;

    json_array_foreach(list, i, k)
        add_row(a, t, k);
    table_print_or(t, "The domain has no checkpoints.", stdout);
}

/* depth: also stops a damaged catalog's circle. */
static void print_branch(const json_t *list, const json_t *k, size_t depth)
{
    size_t i;
    json_t *o;

    if (depth > json_array_size(list))
        return;
    if (depth > 0)
        printf("%*s|\n%*s+- ", (int)depth * 4 - 2, "", (int)depth * 4 - 2, "");
    print_plain(checkpoint_name(k), stdout);
    putchar('\n');
    json_array_foreach(list, i, o)
        if (str_eq(text_of(o, "parent"), checkpoint_name(k)))
            print_branch(list, o, depth + 1);
}

static void print_tree(const struct arguments *a, const json_t *all, const json_t *list)
{
    size_t i;
    json_t *k;

    json_array_foreach(list, i, k)
        if (a->from ? checkpoint_comes_of(all, k, a->from, false) : !checkpoint_parent(list, k))
            print_branch(list, k, 0);
}

static int print(const struct arguments *a, const json_t *all)
{
    json_t *list = sorted(a, all);
    struct err err = ERR_INIT;
    size_t i;
    json_t *k;

    if (a->from && !checkpoint_find(all, a->from)) {
        json_decref(list);
        err_set(&err, ERR_NOTFOUND, "domain %s has no checkpoint '%s'", a->domain, a->from);
        return cli_fail(NULL, &err);
    }
    if (a->json) {
        report_json_print(json_incref(list), stdout);
    } else if (a->tree) {
        print_tree(a, all, list);
    } else if (a->name) {
        json_array_foreach(list, i, k) {
            print_plain(checkpoint_name(k), stdout);
            putchar('\n');
        }
    } else {
        print_table(a, list);
    }
    json_decref(list);
    return EXIT_DONE;
}

/* ---- from the catalog ---- */

static json_t *row_json(const struct checkpoint *row)
{
    json_t *disks = json_array();

    for (size_t i = 0; i < row->disks.n; i++)
        json_array_append_new(disks,
                              json_pack("{s:o, s:o, s:n, s:n, s:n, s:n}", "name",
                                        report_json_text(row->disks.items[i].name), "capacity",
                                        report_json_number((int64_t)row->disks.items[i].capacity),
                                        "size", "present", "inconsistent", "busy"));
    return json_pack("{s:o, s:s, s:o, s:o, s:o, s:o, s:s, s:o}", "name",
                     report_json_text(row->name), "state", "unknown", "parent",
                     report_json_text(row->parent), "created", report_json_time(row->created),
                     "description", report_json_text(row->description), "policy",
                     report_json_text(*row->policy ? row->policy : NULL), "role",
                     checkpoint_state_name(row->state), "disks", disks);
}

static int fall_back(void *arg, const struct config *config, struct catalog *catalog)
{
    const struct arguments *a = arg;
    struct checkpoint_list rows = {0};
    struct domain_name d = {0};
    struct err err = ERR_INIT;
    int code = EXIT_DONE;
    json_t *list;

    if (domain_find(config, catalog, a->domain, &d, &err) < 0)
        return cli_fail(NULL, &err);
    if (catalog_checkpoints(catalog, d.host, d.domain, &rows, &err) < 0) {
        code = cli_fail(NULL, &err);
    } else {
        list = json_array();
        for (size_t i = 0; i < rows.n; i++)
            json_array_append_new(list, row_json(&rows.items[i]));
        code = print(a, list);
        json_decref(list);
    }
    checkpoint_list_done(&rows);
    domain_name_done(&d);
    return code;
}

/* ---- the command ---- */

static int list_checkpoints(struct arguments *a)
{
    const struct client_request request = {.cmd = "checkpoint-list",
                                           .args = json_pack("{s:s}", "domain", a->domain)};
    struct config *config = NULL;
    struct err err = ERR_INIT;
    json_t *result = NULL;
    bool reached = false;
    int code = cli_load_config(&config);

    if (code != EXIT_DONE) {
        json_decref(request.args);
        return code;
    }
    if (client_ask(config, &request, ANSWER_S, &result, &reached, &err) == 0) {
        code = print(a, json_object_get(result, "checkpoints"));
    } else if (reached || err.code == ERR_CANCELED) {
        code = cli_fail(NULL, &err);
    } else {
        fprintf(stderr, "vmkeep: %s; what the catalog knows is shown\n", err.msg);
        client_advise(&err);
        code = cli_with_catalog(fall_back, a);
    }
    json_decref(result);
    config_free(config);
    return code;
}

static int run(void *arguments)
{
    const struct arguments *a = arguments;

    if (a->tree && (a->roots || a->leaves || a->no_leaves || a->parent))
        return cli_usage("checkpoint-list",
                         "--tree goes without --roots, --leaves, --no-leaves and --parent");
    return list_checkpoints(arguments);
}

enum { RIVALS_ROOTS = 1, RIVALS_LEAVES, RIVALS_OUTPUT };

const struct command cmd_checkpoint_list = {
    .name = "checkpoint-list",
    .summary = "a domain's checkpoints",
    .about =
        (const char *const[]){
            "Lists the domain's checkpoints by name: those made by hand, those of scheduled "
            "backups, and bitmaps that vmkeep did not make. While the daemon is down, what the "
            "catalog knows is shown.",
            "STATE is consistent; inconsistent, when a disk has lost track (QEMU was killed) or "
            "has it no more: nothing can be based on it, but it can be deleted; missing, when no "
            "disk has it; forgotten, when it was deleted but a disk still has its bitmap "
            "(checkpoint-delete --metadata, or the disk was not attached then): it can be deleted "
            "again, or told again with checkpoint-create --redefine; foreign, when vmkeep did not "
            "make it; unknown, when the domain cannot be asked. SIZE is what an incremental from "
            "it would copy now; of a domain that is shut off nobody tells it.",
            NULL},
    .operands = (const struct command_operand[]){DOMAIN_OPERAND, {0}},
    .options =
        (const struct command_option[]){
            {FLAG("parent", parent, "with the parent of each")},
            {FLAG("roots", roots, "only those without a parent"), .rivals = RIVALS_ROOTS},
            {TEXT("from", "CHECKPOINT", from, "only its children; with --tree, the tree below it"),
             .rivals = RIVALS_ROOTS, .words = WORD_CHECKPOINT},
            {FLAG("descendants", descendants, "with --from: all that came of it"), .with = "from"},
            {FLAG("leaves", leaves, "only those without children"), .rivals = RIVALS_LEAVES},
            {FLAG("no-leaves", no_leaves, "only those with children"), .rivals = RIVALS_LEAVES},
            {FLAG("topological", topological, "parents before children")},
            {FLAG("tree", tree, "as a tree"), .rivals = RIVALS_OUTPUT},
            {FLAG("name", name, "only the names"), .rivals = RIVALS_OUTPUT},
            {FLAG("json", json,
                  "print an array of {name, state, parent, created, description, policy, role, "
                  "disks: [{name, capacity, size, present, inconsistent, busy}]}"),
             .rivals = RIVALS_OUTPUT},
            {0}},
    .wants = "name one domain",
    .exits = (const struct command_exit[]){{EXIT_DONE, "done"},
                                           {EXIT_FAILED, "failed"},
                                           {EXIT_USAGE, "bad usage or configuration"},
                                           {EXIT_NOT_FOUND, "no such domain, or no catalog yet"},
                                           {EXIT_DAMAGED, "the catalog is damaged"},
                                           {0}},
    .examples = (const char *const[]){"vmkeep checkpoint-list web01 --tree", NULL},
    ARGUMENTS,
    .run = run,
};
