/* SPDX-License-Identifier: MIT
 *
 * help: what --help prints of a command's table.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/command.h"

/* An option's text begins here at the latest; a longer name has a line of its own. */
#define LABEL_MAX 24

/* ---- how it is called ---- */

static void put_operands(FILE *f, const struct command_operand *p)
{
    size_t open = 0;
    const char *space = "";

    for (; p && p->name; p++) {
        if (p->many) {
            fprintf(f, p->optional ? "%s[%s]..." : "%s%s...", space, p->name);
        } else if (p->optional) {
            fprintf(f, "%s[%s", space, p->name);
            open++;
        } else {
            fprintf(f, "%s%s", space, p->name);
        }
        space = " ";
    }
    while (open-- > 0)
        fputc(']', f);
}

static void put_option(FILE *f, const struct command_option *all, const struct command_option *o);

/* Those that make sense beside the option called with only (NULL: by themselves). */
static void put_options(FILE *f, const struct command_option *all, const char *with)
{
    for (const struct command_option *o = all; o && o->name; o++) {
        bool first = true;

        if (with ? !str_eq(o->with, with) : o->with != NULL)
            continue;
        for (const struct command_option *before = all; o->rivals && before < o; before++)
            first = first && before->rivals != o->rivals;
        if (!first)
            continue; /* told with its rival */
        fputs(o->required ? " " : " [", f);
        put_option(f, all, o);
        for (const struct command_option *k = o + 1; o->rivals && k->name; k++) {
            if (k->rivals != o->rivals)
                continue;
            fputc('|', f);
            put_option(f, all, k);
        }
        fputs(o->required ? "" : o->kind == OPTION_LIST ? "]..." : "]", f);
    }
}

static void put_option(FILE *f, const struct command_option *all, const struct command_option *o)
{
    fprintf(f, "--%s%s%s", o->name, o->argument ? " " : "", o->argument ? o->argument : "");
    put_options(f, all, o->name);
}

void command_synopses(const struct command *c, struct strlist *ret)
{
    CLEANUP_FREE char *text = NULL;
    size_t len = 0;
    FILE *f;

    for (const char *const *s = c->synopses; s && *s; s++)
        strlist_add(ret, *s);
    if (c->synopses)
        return;
    f = open_memstream(&text, &len);
    if (!f)
        abort();
    put_operands(f, c->operands);
    put_options(f, c->options, NULL);
    fclose(f);
    strlist_add(ret, *text == ' ' ? text + 1 : text);
}

/* ---- in lines ---- */

void print_wrapped(FILE *out, const char *text, size_t column, size_t indent)
{
    bool begins = true;

    while (*text) {
        size_t len = strcspn(text, " ");

        if (!begins && column + 1 + len > HELP_WIDTH) {
            fprintf(out, "\n%*s", (int)indent, "");
            column = indent;
        } else if (!begins) {
            fputc(' ', out);
            column++;
        }
        for (size_t i = 0; i < len; i++)
            fputc(text[i] == '\t' ? ' ' : text[i], out);
        column += len;
        begins = false;
        text += len;
        text += strspn(text, " ");
    }
    fputc('\n', out);
}

/* The length of the next part that is better kept together: one word, or what is in brackets. */
static size_t part_length(const char *s)
{
    size_t depth = 0, n = 0;

    for (; s[n] && (s[n] != ' ' || depth > 0); n++) {
        depth += s[n] == '[';
        depth -= s[n] == ']' && depth > 0;
    }
    return n;
}

static void print_synopsis(FILE *out, const char *before, const char *name, const char *synopsis)
{
    size_t indent = strlen(before) + strlen(name) + 1, column = strlen(before) + strlen(name);

    fprintf(out, "%s%s", before, name);
    while (*synopsis) {
        size_t len = part_length(synopsis);

        if (column + 1 + len > HELP_WIDTH && column > indent) {
            fprintf(out, "\n%*s", (int)indent - 1, "");
            column = indent - 1;
        }
        fprintf(out, " %.*s", (int)len, synopsis);
        column += 1 + len;
        synopsis += len;
        synopsis += strspn(synopsis, " ");
    }
    fputc('\n', out);
}

/* ---- options ---- */

static size_t label_length(const struct command_option *o)
{
    return 2 + strlen(o->name) + (o->argument ? 1 + strlen(o->argument) : 0);
}

static void print_options(const struct command_option *options, size_t n, FILE *out)
{
    size_t width = 0;

    for (size_t i = 0; i < n; i++)
        if (label_length(&options[i]) > width && label_length(&options[i]) <= LABEL_MAX)
            width = label_length(&options[i]);
    for (size_t i = 0; i < n; i++) {
        const struct command_option *o = &options[i];
        size_t len = label_length(o), column = 2 + width + 3;

        fprintf(out, "  --%s%s%s", o->name, o->argument ? " " : "", o->argument ? o->argument : "");
        if (len > width)
            fprintf(out, "\n%*s", (int)column, "");
        else
            fprintf(out, "%*s", (int)(width - len) + 3, "");
        print_wrapped(out, o->help, column, column);
    }
}

char *command_exits(const struct command *c)
{
    char *ret = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&ret, &len);

    if (!f)
        abort();
    for (const struct command_exit *e = c->exits; e && e->meaning; e++)
        fprintf(f, "%d\t%s%s", e->code, e->meaning,
                !e[1].meaning             ? "."
                : strchr(e->meaning, ',') ? "; "
                                          : ", ");
    fclose(f);
    return ret;
}

void command_help(const struct command *c, FILE *out)
{
    CLEANUP(strlist_done) struct strlist synopses = {0};
    struct command_option options[COMMAND_OPTIONS_MAX + 1];
    CLEANUP_FREE char *exits = command_exits(c);
    CLEANUP_FREE char *status = xasprintf("Exit status: %s", exits);
    size_t n = command_options(c, options);

    command_synopses(c, &synopses);
    for (size_t i = 0; i < synopses.n; i++)
        print_synopsis(out, i == 0 ? "Usage: vmkeep " : "       vmkeep ", c->name,
                       synopses.items[i]);
    for (const char *const *p = c->about; p && *p; p++) {
        fputc('\n', out);
        print_wrapped(out, *p, 0, 0);
    }
    fputc('\n', out);
    options[n++] = (struct command_option){.name = "help", .help = "print this text and exit"};
    print_options(options, n, out);
    fputc('\n', out);
    print_wrapped(out, status, 0, 0);
    if (!c->examples)
        return;
    fprintf(out, "\nExample%s:\n", c->examples[1] ? "s" : "");
    for (const char *const *e = c->examples; *e; e++)
        fprintf(out, "  %s\n", *e);
}
