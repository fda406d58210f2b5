/* SPDX-License-Identifier: MIT
 *
 * vmkeep pin, vmkeep unpin: restore points that no rule, and no request, lets go of.  The daemon
 * does it; where it does not run, the command itself, in the same order
 * (storage/catalog/pin_order.h).
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/pin.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "cli/client.h"
#include "cli/point_choice.h"
#include "cli/store_ask.h"
#include "report/gather/points.h"
#include "report/wrap.h"
#include "storage/repository/owner.h"
#include "storage/catalog/pin_order.h"
#include "storage/store/store_records.h"

#define ANSWER_S 90
#define PIN_S 60.0

struct arguments {
    const char *point, *note;
    int64_t until;
    struct point_pin pin; /* since 0: it is to go */
    const char *command;
};

/* ---- by itself ---- */

/* The catalog that is written to, and with it the point, are ours alone meanwhile. */
static int pin_files(const struct config *config, const char *catalog, const struct point *p,
                     const struct point_pin *pin, struct err *err)
{
    const struct config_repository *c = config_repository_find(config, p->repository);
    CLEANUP(owner_done) struct owner self = {0};
    struct store_request q = {
        .id = p->repository_id, .self = &self, .now = time(NULL), .point = p->id};
    const struct ask ask = {"pin", &store_request_pin, NULL, &q, NULL, .timeout_s = 0};

    if (!c)
        return err_set(err, ERR_NOTFOUND, "%s is in repository %s, which is not configured", p->id,
                       p->repository);
    owner_here(catalog, config->catalog, &self);
    q.repository = c->path;
    q.pin = pin->since ? pin : NULL;
    return store_ask(&ask, c->path, PIN_S, err);
}

static int pin_both(const struct config *config, struct catalog *catalog, const struct point *p,
                    const struct point_pin *pin, struct err *err)
{
    const struct pin_change change = {p->id, p->pin, *pin};
    struct err failed = ERR_INIT;
    int rc;

    if (pin->since && p->state == POINT_DELETING)
        return err_set(err, ERR_BUSY, "%s is being let go of", p->id);
    if (pin_change_begin(catalog, &change, err) < 0)
        return -1;
    rc = pin_files(config, catalog_id(catalog), p, pin, &failed);
    return pin_change_end(catalog, &change, rc < 0 ? &failed : NULL, err);
}

static int pin_here(const struct config *config, const char *id, const struct point_pin *pin,
                    struct err *err)
{
    CLEANUP(point_list_done) struct point_list points = {0};
    struct catalog *catalog = NULL;
    const struct point *p;
    int rc = -1;

    if (catalog_open(config->catalog, CATALOG_WRITE, &catalog, err) < 0)
        return -1;
    if (points_meant(catalog, id, time(NULL), &points, err) == 0) {
        p = point_list_find(&points, id);
        rc = p ? pin_both(config, catalog, p, pin, err)
               : err_set(err, ERR_NOTFOUND, "point %s is not in the catalog", id);
    }
    catalog_close(catalog);
    return rc;
}

/* ---- */

static json_t *question(const char *id, const struct point_pin *pin)
{
    return json_pack("{s:s, s:o*, s:s*}", "point", id, "until",
                     pin->until ? json_integer(pin->until) : NULL, "note", pin->note);
}

static int change(const struct arguments *a, const struct config *config, const char *id,
                  struct err *err)
{
    const struct client_request r = {.cmd = a->command, .args = question(id, &a->pin)};
    json_t *answer = NULL;
    bool reached = false;
    int rc = client_ask(config, &r, ANSWER_S, &answer, &reached, err);

    json_decref(answer);
    if (rc == 0 || reached)
        return rc;
    *err = ERR_INIT;
    return pin_here(config, id, &a->pin, err);
}

static void say(const struct arguments *a, const struct point *p)
{
    CLEANUP_FREE char *text = NULL;

    if (a->pin.since)
        text = pin_text_local(&a->pin);
    print_paragraphf(stdout, 0, "", "%s %s %s", p->id, text || p->pin.since ? "is" : "was not",
                     text           ? text
                     : p->pin.since ? "pinned no more"
                                    : "pinned");
}

static int find_and_change(void *arg, const struct config *config, struct catalog *catalog)
{
    const struct arguments *a = arg;
    CLEANUP(point_list_done) struct point_list points = {0};
    const struct point *p = NULL;
    struct err err = ERR_INIT;

    if (points_meant(catalog, a->point, time(NULL), &points, &err) < 0 ||
        point_choose_id(&points, a->point, &p, &err) < 0 || change(a, config, p->id, &err) < 0)
        return cli_fail(a->command, &err);
    say(a, p);
    return EXIT_DONE;
}

static int run_pin(void *arguments)
{
    struct arguments *a = arguments;
    struct err err = ERR_INIT;

    a->command = "pin";
    a->pin = (struct point_pin){time(NULL), a->until, (char *)a->note};
    if (pin_check(&a->pin, a->pin.since, &err) < 0)
        return cli_fail("pin", &err);
    return cli_with_catalog(find_and_change, a);
}

static int run_unpin(void *arguments)
{
    struct arguments *a = arguments;

    a->command = "unpin";
    return cli_with_catalog(find_and_change, a);
}

static int read_until(void *arguments, const char *name, const char *value, struct err *err)
{
    struct arguments *a = arguments;

    (void)name;
    return time_parse(value, &a->until, err);
}

#define POINT_OPERAND                                                                              \
    (const struct command_operand[])                                                               \
    {                                                                                              \
        {OPERAND("POINT", point), .words = WORD_POINT},                                            \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }

static const struct command_exit exits[] = {
    {EXIT_DONE, "done"},
    {EXIT_FAILED, "failed, or the domain's directory belongs to another catalog"},
    {EXIT_USAGE, "bad usage or configuration"},
    {EXIT_NOT_FOUND, "no such point, or its repository is not there"},
    {EXIT_BUSY, "the point is being let go of"},
    {EXIT_DAMAGED, "the catalog, or the point's manifest, is damaged"},
    {0}};

const struct command cmd_pin = {
    .name = "pin",
    .summary = "keep a restore point, whatever the rules say",
    .about =
        (const char *const[]){
            "Pins a restore point: no rule lets go of it, it is not merged into the next one, and "
            "'vmkeep delete' refuses it, until 'vmkeep unpin', or the time that is given, by the "
            "daemon's clock. An older point may be merged into it: that changes nothing of what "
            "it holds. A pin does not touch the point itself, and for the rules the point counts "
            "as it did. A second pin takes the place of the first.",
            "The pin lies in the point's directory, too, as pin.json: 'vmkeep rebuild-catalog', "
            "and whoever reads the repository elsewhere, know of it. Works while the daemon is "
            "down.",
            NULL},
    .operands = POINT_OPERAND,
    .options =
        (const struct command_option[]){
            {READ("until", "TIME", read_until, "pinned until then; without it, for ever")},
            {TEXT("note", "TEXT", note, "why: shown wherever the pin is, at most 200 bytes")},
            {0}},
    .wants = "name one point",
    .exits = exits,
    .examples =
        (const char *const[]){"vmkeep pin web01/2026-11-23T02-30-00Z.nightly --until 2026-12-24",
                              "vmkeep pin 2026-11-23T02-30-00Z.nightly --note 'before the upgrade'",
                              NULL},
    ARGUMENTS,
    .run = run_pin,
};

const struct command cmd_unpin = {
    .name = "unpin",
    .summary = "leave a pinned restore point to the rules again",
    .about = (const char *const[]){"Takes the pin of a restore point: the rules judge it at the "
                                   "next prune. Works while the daemon is down.",
                                   NULL},
    .operands = POINT_OPERAND,
    .wants = "name one point",
    .exits = exits,
    .examples = (const char *const[]){"vmkeep unpin web01/2026-11-23T02-30-00Z.nightly", NULL},
    ARGUMENTS,
    .run = run_unpin,
};
