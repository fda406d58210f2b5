/* SPDX-License-Identifier: MIT
 *
 * The commands' tables: that each says all there is to say, and how arguments are read by one.
 */
#include "tests/support/test.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/command.h"

#define WIDTH_MAX 80

/* ---- every table ---- */

static void check_option(const struct command *c, const struct command_option *all, size_t n,
                         size_t i)
{
    const struct command_option *o = &all[i];
    size_t rivals = 0, same = 0, with = 0;

    assert_true(o->help && *o->help);
    assert_true(strlen(o->help) > 3);
    for (const char *s = o->name; *s; s++)
        assert_true(islower((unsigned char)*s) || *s == '-');
    assert_true((o->kind == OPTION_FLAG) == (o->argument == NULL));
    assert_true((o->kind == OPTION_READ) == (o->read != NULL));
    assert_true(o->at < c->size);
    assert_true(o->kind != OPTION_NUMBER || o->min < o->max);
    for (size_t k = 0; k < n; k++) {
        same += strcmp(all[k].name, o->name) == 0;
        rivals += all[k].rivals == o->rivals;
        with += o->with && strcmp(all[k].name, o->with) == 0;
    }
    assert_int_equal(same, 1);
    assert_true(!o->rivals || rivals > 1);
    assert_int_equal(with, o->with ? 1 : 0);
}

static void check_synopses(const struct command *c)
{
    CLEANUP(strlist_done) struct strlist synopses = {0};
    CLEANUP_FREE char *all = xstrdup("");

    command_synopses(c, &synopses);
    for (size_t i = 0; i < synopses.n; i++) {
        char *more = xasprintf("%s %s ", all, synopses.items[i]);

        free(all);
        all = more;
    }
    for (const struct command_option *o = c->options; o && o->name; o++) {
        CLEANUP_FREE char *name = xasprintf("--%s", o->name);

        if (!strstr(all, name) && !strstr(all, "[OPTION]...") && !strstr(all, "--RULE"))
            fail_msg("%s: its synopsis has no %s", c->name, name);
    }
    for (const struct command_operand *p = c->operands; p && p->name; p++) {
        CLEANUP_FREE char *first = strndup(p->name, strcspn(p->name, "|"));

        if (!strstr(all, first))
            fail_msg("%s: its synopsis has no %s", c->name, first);
    }
}

static void check_operands(const struct command *c)
{
    bool optional = false, many = false;

    for (const struct command_operand *p = c->operands; p && p->name; p++) {
        assert_false(many);                    /* nothing can stand behind them */
        assert_true(p->optional || !optional); /* nor must anything behind what may be left out */
        assert_true(p->at < c->size);
        optional = p->optional;
        many = p->many;
    }
    /* Without one any operand is unexpected, and is named. */
    assert_true(c->wants || !c->operands || optional);
}

static void check_help(const struct command *c)
{
    CLEANUP_FREE char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);

    command_help(c, f);
    fclose(f);
    for (const char *line = text; *line; line += *line == '\n') {
        size_t n = strcspn(line, "\n");

        if (n > WIDTH_MAX)
            fail_msg("%s: longer than %d: %.*s", c->name, WIDTH_MAX, (int)n, line);
        assert_true(n == 0 || line[n - 1] != ' ');
        line += n;
    }
}

static bool has_example(const struct command *c)
{
    CLEANUP_FREE char *call = xasprintf("vmkeep %s", c->name);

    for (const char *const *e = c->examples; e && *e; e++)
        if (strstr(*e, call))
            return true;
    return false;
}

static void every_table_is_complete(void **state)
{
    (void)state;
    for (const struct command *const *p = commands; *p; p++) {
        struct command_option all[COMMAND_OPTIONS_MAX];
        const struct command *c = *p;
        size_t n = command_options(c, all);

        assert_ptr_equal(command_find(c->name), c);
        assert_true(c->summary && strlen(c->summary) <= WIDTH_MAX - 24);
        assert_true(c->about && c->about[0]);
        assert_true(c->exits && c->exits[0].meaning && c->exits[0].code == EXIT_DONE);
        assert_true(has_example(c));
        assert_true(c->size > 0 && c->run);
        for (size_t i = 0; i < n; i++)
            check_option(c, all, n, i);
        check_operands(c);
        check_synopses(c);
        check_help(c);
    }
}

/* ---- reading ---- */

struct arguments {
    const char *first, *second;
    struct strlist rest, list;
    bool flag, left, right, inner;
    int64_t number;
    const char *text;
    int64_t length;
};

static struct arguments seen;
static bool ran;

static int read_length(void *arguments, const char *name, const char *value, struct err *err)
{
    struct arguments *a = arguments;

    assert_string_equal(name, "length");
    a->length = (int64_t)strlen(value);
    return a->length > 3 ? err_set(err, ERR_INVALID, "too long") : 0;
}

static int run(void *arguments)
{
    seen = *(struct arguments *)arguments;
    seen.rest = strlist_copy(&seen.rest);
    seen.list = strlist_copy(&seen.list);
    ran = true;
    return 42;
}

static const struct command command = {
    .name = "try",
    .summary = "try",
    .about = (const char *const[]){"About.", NULL},
    .operands = (const struct command_operand[]){{OPERAND("FIRST", first), .by_name = "first"},
                                                 {OPERAND("SECOND", second), .optional = true},
                                                 {OPERANDS("REST", rest), .optional = true},
                                                 {0}},
    .options =
        (const struct command_option[]){{FLAG("flag", flag, "a flag")},
                                        {FLAG("left", left, "the left"), .rivals = 1},
                                        {FLAG("right", right, "the right"), .rivals = 1},
                                        {FLAG("inner", inner, "inside"), .with = "text"},
                                        {NUMBER("number", "N", number, 1, 9, "a number")},
                                        {TEXT("text", "one|two", text, "a text"),
                                         .choices = (const char *const[]){"one", "two", NULL}},
                                        {LIST("list", "ITEM", list, "items")},
                                        {READ("length", "L", read_length, "its length")},
                                        {0}},
    .wants = "name the first",
    .exits = (const struct command_exit[]){{0, "done"}, {0}},
    ARGUMENTS,
    .defaults = &(const struct arguments){.number = 5},
    .run = run,
};

/* Words apart by spaces; what the command made of them is in `seen`. */
static int try(const char *line)
{
    CLEANUP_FREE char *copy = xstrdup(line);
    char *argv[16] = {copy}, *save = NULL;
    int argc = 0;

    strlist_done(&seen.rest);
    strlist_done(&seen.list);
    seen = (struct arguments){0};
    ran = false;
    for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
        argv[argc++] = w;
    return command_run(&command, argc, argv);
}

static void arguments_go_where_the_table_says(void **state)
{
    (void)state;
    assert_int_equal(try("try a --flag b --number 7 c d --text=two --list x --list y"), 42);
    assert_true(seen.flag);
    assert_int_equal(seen.number, 7);
    assert_int_equal(seen.rest.n, 2);
    assert_string_equal(seen.rest.items[1], "d");
    assert_int_equal(seen.list.n, 2);
    assert_string_equal(seen.list.items[0], "x");
    assert_int_equal(try("try a"), 42);
    assert_int_equal(seen.number, 5);
    assert_false(seen.flag);
    assert_int_equal(try("try a --length abc"), 42);
    assert_int_equal(seen.length, 3);
    strlist_done(&seen.rest);
    strlist_done(&seen.list);
}

static void options_may_be_abbreviated_and_ended(void **state)
{
    (void)state;
    assert_int_equal(try("try --fl a"), 42);
    assert_true(seen.flag);
    assert_int_equal(try("try -- --flag"), 42);
    assert_false(seen.flag);
}

static void operands_may_be_given_by_name(void **state)
{
    (void)state;
    assert_int_equal(try("try --first a b c"), 42);
    assert_int_equal(seen.rest.n, 1);
    assert_int_equal(try("try b --fir a"), 42);
    assert_int_equal(seen.rest.n, 0);
    strlist_done(&seen.rest);
}

static void what_is_wrong_is_refused(void **state)
{
    static const char *const lines[] = {
        "try",
        "try a --flag=yes",
        "try a --number",
        "try a --number 10",
        "try a --number x",
        "try a --text three",
        "try a --left --right",
        "try a --inner",
        "try a --unknown",
        "try a --f",
        "try a -x",
        "try --flag a -xh",
        "try a --length abcd",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        if (try(lines[i]) != EXIT_USAGE)
            fail_msg("taken: %s", lines[i]);
        assert_false(ran);
    }
}

static void help_comes_before_all(void **state)
{
    (void)state;
    assert_int_equal(try("try --help"), EXIT_DONE);
    assert_int_equal(try("try -h --left --right"), EXIT_DONE);
    assert_int_equal(try("try --flag -h"), EXIT_DONE);
    assert_false(ran);
}

static void a_synopsis_is_made_of_operands_and_options(void **state)
{
    CLEANUP(strlist_done) struct strlist l = {0};

    (void)state;
    command_synopses(&command, &l);
    assert_int_equal(l.n, 1);
    assert_string_equal(l.items[0], "FIRST [SECOND [REST]...] [--flag] [--left|--right] "
                                    "[--number N] [--text one|two [--inner]] [--list ITEM]... "
                                    "[--length L]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_table_is_complete),
        cmocka_unit_test(arguments_go_where_the_table_says),
        cmocka_unit_test(options_may_be_abbreviated_and_ended),
        cmocka_unit_test(operands_may_be_given_by_name),
        cmocka_unit_test(what_is_wrong_is_refused),
        cmocka_unit_test(help_comes_before_all),
        cmocka_unit_test(a_synopsis_is_made_of_operands_and_options),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
