/* SPDX-License-Identifier: MIT
 *
 * options: a command's arguments, read by its table.  getopt_long does the reading, so long options
 * can be abbreviated and may stand behind operands, and "--" ends them.
 */
#include <getopt.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/command.h"

/* What getopt_long returns of the option in that place; no letter has such a value. */
#define VALUE(place) (256 + (int)(place))

struct reader {
    const struct command *command;
    struct command_option options[COMMAND_OPTIONS_MAX];
    size_t n;
    bool given[COMMAND_OPTIONS_MAX];
    char *arguments;
};

size_t command_options(const struct command *c, struct command_option ret[COMMAND_OPTIONS_MAX])
{
    size_t n = 0;

    for (const struct command_option *o = c->options; o && o->name; o++)
        ret[n++] = *o;
    for (const struct command_operand *p = c->operands; p && p->name; p++)
        if (p->by_name)
            ret[n++] = (struct command_option){.name = p->by_name,
                                               .argument = p->name,
                                               .help = p->same ? p->same : "the same, by name",
                                               .kind = p->many ? OPTION_LIST : OPTION_TEXT,
                                               .at = p->at,
                                               .words = p->words};
    return n;
}

static void *place(const struct reader *r, size_t at)
{
    return r->arguments + at;
}

/* ---- what is wrong ---- */

/* Several begin so: names them. Caller frees; NULL: at most one does. */
static char *which(const struct reader *r, const char *start)
{
    char *ret = NULL;
    size_t n = 0;

    for (size_t i = 0; i < r->n; i++) {
        char *longer;

        if (!starts_with(r->options[i].name, start))
            continue;
        longer = xasprintf("%s%s--%s", ret ? ret : "", ret ? ", " : "", r->options[i].name);
        free(ret);
        ret = longer;
        n++;
    }
    if (n < 2) {
        free(ret);
        ret = NULL;
    }
    return ret;
}

static void unknown_option(const struct reader *r, const char *given)
{
    const char *words[COMMAND_OPTIONS_MAX], *near = NULL, *command = r->command->name;
    CLEANUP_FREE char *name = strndup(given, strcspn(given, "="));
    CLEANUP_FREE char *several = starts_with(name, "--") ? which(r, name + 2) : NULL;

    for (size_t i = 0; i < r->n; i++)
        words[i] = r->options[i].name;
    if (starts_with(name, "--"))
        near = nearest_word(name + 2, words, r->n);
    fprintf(stderr, "vmkeep: %s: %s: ", command, name);
    if (several)
        fprintf(stderr, "could be one of %s", several);
    else if (near)
        fprintf(stderr, "unknown option; did you mean --%s?", near);
    else
        fputs("unknown option", stderr);
    fprintf(stderr, " (see 'vmkeep %s --help')\n", command);
}

/* After getopt_long has returned ':' or '?'. */
static int bad_option(const struct reader *r, int c, const char *given)
{
    const char *name =
        optopt >= VALUE(0) && optopt < VALUE(r->n) ? r->options[optopt - VALUE(0)].name : "help";

    if (c == ':')
        return cli_usage(r->command->name, "--%s: needs a value", name);
    if (optopt >= VALUE(0))
        return cli_usage(r->command->name, "--%s: takes no value", name);
    unknown_option(r, optopt ? (char[]){'-', (char)optopt, '\0'} : given);
    return EXIT_USAGE;
}

static int not_a_choice(const struct reader *r, const struct command_option *o, const char *value)
{
    const char *const *c = o->choices;
    CLEANUP_FREE char *all = xstrdup(c[0]);

    if (!c[1])
        return cli_usage(r->command->name, "--%s: '%s' is none; there is %s", o->name, value, c[0]);
    if (!c[2])
        return cli_usage(r->command->name, "--%s: '%s' is neither %s nor %s", o->name, value, c[0],
                         c[1]);
    while (*++c) {
        char *longer = xasprintf("%s, %s", all, *c);

        free(all);
        all = longer;
    }
    return cli_usage(r->command->name, "--%s: '%s' is none of %s", o->name, value, all);
}

static int not_a_number(const struct reader *r, const struct command_option *o, const char *value)
{
    if (o->max >= INT32_MAX)
        return cli_usage(r->command->name, "--%s: '%s' is not a number", o->name, value);
    return cli_usage(r->command->name, "--%s: '%s' is not a number from %lld to %lld", o->name,
                     value, (long long)o->min, (long long)o->max);
}

/* Names stand in the configuration, whose text is UTF-8, and go to the daemon as such: what is not
 * would be left out of the request, and that would mean all of them.  Nothing has an empty one: a
 * script's variable was not set.  Returns what is wrong with it, or NULL. */
static const char *wrong_name(unsigned words, const char *value)
{
    const unsigned names = WORD_DOMAIN | WORD_POLICY | WORD_POINT | WORD_JOB | WORD_CHECKPOINT;
    json_t *text;

    if (!*value && words & (names | WORD_REPOSITORY))
        return "it is empty";
    if (!(words & names))
        return NULL; /* a path may be any bytes */
    text = json_string(value);
    json_decref(text);
    return text ? NULL : "it is not UTF-8 text";
}

/* ---- reading: -1: go on, or an exit code when the error has been printed ---- */

static bool is_choice(const char *const *choices, const char *value)
{
    while (choices && *choices && strcmp(*choices, value) != 0)
        choices++;
    return !choices || *choices;
}

static int take_option(struct reader *r, size_t i, const char *value)
{
    const struct command_option *o = &r->options[i];
    const char *wrong = value ? wrong_name(o->words, value) : NULL;
    struct err err = ERR_INIT;

    r->given[i] = true;
    if (value && !is_choice(o->choices, value))
        return not_a_choice(r, o, value);
    if (wrong)
        return cli_usage(r->command->name, "--%s: %s", o->name, wrong);
    switch (o->kind) {
    case OPTION_FLAG:
        *(bool *)place(r, o->at) = true;
        break;
    case OPTION_TEXT:
        *(const char **)place(r, o->at) = value;
        break;
    case OPTION_NUMBER:
        if (!parse_int(value, o->min, o->max, place(r, o->at)))
            return not_a_number(r, o, value);
        break;
    case OPTION_LIST:
        strlist_add(place(r, o->at), value);
        break;
    case OPTION_READ:
        if (o->read(r->arguments, o->name, value, &err) < 0)
            return cli_usage(r->command->name, "--%s: %s", o->name, err.msg);
    }
    return -1;
}

static int read_options(struct reader *r, int argc, char **argv)
{
    struct option known[COMMAND_OPTIONS_MAX + 2] = {{0}};
    int c, code = -1;

    for (size_t i = 0; i < r->n; i++)
        known[i] = (struct option){r->options[i].name,
                                   r->options[i].argument ? required_argument : no_argument, NULL,
                                   VALUE(i)};
    known[r->n] = (struct option){"help", no_argument, NULL, VALUE(r->n)};
    opterr = 0;
    optind = 0; /* glibc's: from the beginning, whatever was read before */
    while (code < 0 && (optopt = 0, c = getopt_long(argc, argv, ":h", known, NULL)) != -1) {
        if (c == 'h' || c == VALUE(r->n)) {
            command_help(r->command, stdout);
            code = EXIT_DONE;
        } else if (c == ':' || c == '?') {
            code = bad_option(r, c, argv[optind - 1]);
        } else {
            code = take_option(r, (size_t)(c - VALUE(0)), optarg);
        }
    }
    return code;
}

static bool is_given(const struct reader *r, const char *name)
{
    for (size_t i = 0; i < r->n; i++)
        if (strcmp(r->options[i].name, name) == 0)
            return r->given[i];
    return false;
}

/* Of each kind of which one may be given. */
static int check_rivals(const struct reader *r, int number)
{
    CLEANUP_FREE char *all = NULL;
    const struct command_option *last = NULL;
    size_t given = 0;

    for (size_t i = 0; i < r->n; i++) {
        const struct command_option *o = &r->options[i];
        char *longer;

        if (o->rivals != number)
            continue;
        given += r->given[i];
        if (last) {
            longer = all ? xasprintf("%s, --%s", all, last->name) : xasprintf("--%s", last->name);
            free(all);
            all = longer;
        }
        last = o;
    }
    if (given < 2)
        return -1;
    return cli_usage(r->command->name, "%s and --%s exclude one another", all, last->name);
}

static int check_combination(const struct reader *r)
{
    int code = -1;

    for (size_t i = 0; i < r->n && code < 0; i++) {
        const struct command_option *o = &r->options[i];

        if (!r->given[i])
            continue;
        if (o->rivals)
            code = check_rivals(r, o->rivals);
        if (code < 0 && o->with && !o->lax && !is_given(r, o->with))
            code = cli_usage(r->command->name, "--%s goes with --%s", o->name, o->with);
    }
    return code;
}

static int wrong_operands(const struct command *c, const char *extra)
{
    if (c->wants)
        return cli_usage(c->name, "%s (see 'vmkeep %s --help')", c->wants, c->name);
    if (!extra)
        return cli_usage(c->name, "something is missing (see 'vmkeep %s --help')", c->name);
    return cli_usage(c->name, "'%s': unexpected argument", extra);
}

/* Not NULL: what is wrong with the next argument as that operand. */
static const char *wrong_operand(const struct command_operand *p, int argc, char **argv)
{
    return optind < argc ? wrong_name(p->words, argv[optind]) : NULL;
}

static int read_operands(struct reader *r, int argc, char **argv)
{
    for (const struct command_operand *p = r->command->operands; p && p->name; p++) {
        bool given = p->by_name && is_given(r, p->by_name);
        const char *wrong = given ? NULL : wrong_operand(p, argc, argv);

        if (p->many) {
            given = given || optind < argc;
            while (optind < argc && !(wrong = wrong_operand(p, argc, argv)))
                strlist_add(place(r, p->at), argv[optind++]);
        }
        if (wrong)
            return cli_usage(r->command->name, "%s: %s", p->name, wrong);
        if (!p->many && !given && optind < argc) {
            *(const char **)place(r, p->at) = argv[optind++];
            given = true;
        }
        if (!given && !p->optional)
            return wrong_operands(r->command, NULL);
    }
    return optind < argc ? wrong_operands(r->command, argv[optind]) : -1;
}

static void free_lists(const struct reader *r)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->options[i].kind == OPTION_LIST)
            strlist_done(place(r, r->options[i].at));
    for (const struct command_operand *p = r->command->operands; p && p->name; p++)
        if (p->many)
            strlist_done(place(r, p->at));
}

int command_run(const struct command *c, int argc, char **argv)
{
    struct reader r = {.command = c, .arguments = xcalloc(1, c->size)};
    int code;

    r.n = command_options(c, r.options);
    if (c->defaults)
        memcpy(r.arguments, c->defaults, c->size);
    code = read_options(&r, argc, argv);
    if (code < 0)
        code = check_combination(&r);
    if (code < 0)
        code = read_operands(&r, argc, argv);
    if (code < 0)
        code = c->run(r.arguments);
    free_lists(&r);
    free(r.arguments);
    return code;
}
