/* SPDX-License-Identifier: MIT
 *
 * complete: reads a line that is not whole yet.  As options.c reads one that is: options may be
 * abbreviated, and operands given by name.  What is wrong in it is passed over; it will be told
 * when the line is run.
 */
#include "cli/complete.h"

#include <string.h>

#include "base/text.h"

static const struct command_option config_option = {.name = "config",
                                                    .argument = "FILE",
                                                    .help = "the configuration",
                                                    .kind = OPTION_TEXT,
                                                    .words = WORD_FILE};

struct line {
    const struct command *command; /* NULL: not named yet */
    bool wrong;                    /* ... and it is none */
    bool help;                     /* "help COMMAND" */
    struct command_option options[COMMAND_OPTIONS_MAX + 1];
    bool given[COMMAND_OPTIONS_MAX + 1];
    size_t n;
    const struct command_option *value_of; /* whose value comes next */
    bool over;                             /* "--" was there */
    size_t operands;                       /* how many were given in their places */
    struct completion *ret;
};

static void name_command(struct line *l, const char *word)
{
    l->help = strcmp(word, "help") == 0;
    l->command = l->help ? NULL : command_find(word);
    l->wrong = !l->help && !l->command;
    l->n = l->command ? command_options(l->command, l->options) : 0;
    l->options[l->n++] = config_option;
    memset(l->given, 0, sizeof(l->given));
}

/* "--lev" or "--level=full"; NULL: there is none, or several begin so. */
static const struct command_option *find_option(struct line *l, const char *word)
{
    size_t len = strcspn(word + 2, "="), found = 0;
    const struct command_option *ret = NULL;

    for (size_t i = 0; i < l->n; i++) {
        const struct command_option *o = &l->options[i];

        if (strncmp(o->name, word + 2, len) != 0)
            continue;
        ret = o;
        if (!o->name[len])
            return o;
        found++;
    }
    return found == 1 ? ret : NULL;
}

static const struct command_operand *operand_called(const struct line *l, const char *name)
{
    const struct command_operand *p = l->command ? l->command->operands : NULL;

    while (p && p->name && !str_eq(p->by_name, name))
        p++;
    return p && p->name ? p : NULL;
}

/* The operand in that place among those that are not given by name; NULL: there is none. */
static const struct command_operand *operand_at(const struct line *l, size_t place)
{
    for (const struct command_operand *p = l->command->operands; p && p->name; p++) {
        bool named = false;

        for (size_t i = 0; p->by_name && i < l->n; i++)
            named = named || (l->given[i] && strcmp(l->options[i].name, p->by_name) == 0);
        if (named && !p->many)
            continue;
        if (place == 0 || p->many)
            return p;
        place--;
    }
    return NULL;
}

static void take_value(struct line *l, const struct command_option *o, const char *value)
{
    const struct command_operand *p = operand_called(l, o->name);

    if (strcmp(o->name, config_option.name) == 0)
        l->ret->config = value;
    else if (p && p->words == WORD_DOMAIN)
        l->ret->domain = value;
}

static void take_option(struct line *l, const char *word)
{
    const struct command_option *o = find_option(l, word);
    const char *value = strchr(word, '=');

    if (!o)
        return;
    l->given[o - l->options] = true;
    if (o->argument && value)
        take_value(l, o, value + 1);
    else if (o->argument)
        l->value_of = o;
}

static void take_operand(struct line *l, const char *word)
{
    const struct command_operand *p = operand_at(l, l->operands++);

    if (p && p->words == WORD_DOMAIN && !p->many)
        l->ret->domain = word;
}

static void take_word(struct line *l, const char *word)
{
    if (l->value_of) {
        take_value(l, l->value_of, word);
        l->value_of = NULL;
    } else if (!l->over && strcmp(word, "--") == 0) {
        l->over = true;
    } else if (!l->over && starts_with(word, "--")) {
        take_option(l, word);
    } else if (!l->over && *word == '-' && word[1]) {
        return; /* -h */
    } else if (l->command) {
        take_operand(l, word);
    } else if (!l->wrong && !l->help) {
        name_command(l, word);
    } else {
        l->wrong = true;
    }
}

/* Not given yet, or to be given again, and no rival of one that is. */
static bool is_open(const struct line *l, size_t i)
{
    const struct command_option *o = &l->options[i];

    if (l->given[i] && o->kind != OPTION_LIST)
        return false;
    for (size_t k = 0; k < l->n; k++)
        if (k != i && l->given[k] && o->rivals && l->options[k].rivals == o->rivals)
            return false;
    return true;
}

static void offer_options(const struct line *l, struct completion *ret)
{
    static const struct command_option help = {.name = "help",
                                               .help = "print what it takes and exit"};
    static const struct command_option version = {.name = "version",
                                                  .help = "print the version and exit"};

    ret->option = true;
    for (size_t i = 0; i < l->n; i++)
        if (is_open(l, i))
            ret->options[ret->n_options++] = l->options[i];
    if (!l->help)
        ret->options[ret->n_options++] = help;
    if (!l->command && !l->help)
        ret->options[ret->n_options++] = version;
}

static void offer_value(const struct command_option *o, struct completion *ret)
{
    ret->words = o->words;
    ret->choices = o->choices;
}

static void offer_operand(const struct line *l, struct completion *ret)
{
    const struct command_operand *p = operand_at(l, l->operands);

    if (p) {
        ret->words = p->words;
        ret->choices = p->choices;
    } else if (!*ret->typed && !l->over) {
        offer_options(l, ret);
    }
}

static void finish(struct line *l, const char *word, struct completion *ret)
{
    bool dashed = !l->over && *word == '-';
    const struct command_option *o = dashed && strchr(word, '=') ? find_option(l, word) : NULL;

    ret->typed = ret->before = word;
    if (l->wrong)
        return;
    if (l->value_of) {
        offer_value(l->value_of, ret);
    } else if (o && o->argument) {
        ret->n_before = strcspn(word, "=") + 1;
        ret->typed = word + ret->n_before;
        offer_value(o, ret);
    } else if (dashed) {
        offer_options(l, ret);
    } else if (l->command) {
        offer_operand(l, ret);
    } else {
        ret->command = true;
    }
}

void complete(const struct strlist *words, struct completion *ret)
{
    struct line l = {.options = {config_option}, .n = 1, .ret = ret};

    *ret = (struct completion){0};
    for (size_t i = 0; i + 1 < words->n; i++)
        take_word(&l, words->items[i]);
    finish(&l, words->n > 0 ? words->items[words->n - 1] : "", ret);
}
