/* SPDX-License-Identifier: MIT
 *
 * vmkeep-manual: makes vmkeep(1) of a template and of the commands' tables, when vmkeep is built.
 *
 *   vmkeep-manual vmkeep.1.in vmkeep.1
 *
 * A line "@commands NAME..." of the template becomes what the tables say of these commands.  It
 * fails when a command is left out, or is none.
 *
 * In the tables' plain text an option, the name of an operand or of a value, what stands in single
 * quotes and a name(1) are marked up; each sentence gets a line of its own, as mdoc(7) wants it.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/command.h"

#define WIDTH 76

/* A paragraph under way. */
struct text {
    const struct command *command;
    FILE *out;
    size_t column;
};

/* ---- words ---- */

static void put_escaped(FILE *out, const char *s, size_t n)
{
    static const struct {
        char c;
        const char *as;
    } escapes[] = {{'\\', "\\e"},  {'-', "\\-"},   {'\'', "\\(aq"}, {'`', "\\(ga"},
                   {'^', "\\(ha"}, {'~', "\\(ti"}, {'"', "\\(dq"},  {'\t', "\\~"}};

    for (size_t i = 0; i < n; i++) {
        const char *as = NULL;

        for (size_t k = 0; k < ARRAY_LEN(escapes); k++)
            as = escapes[k].c == s[i] ? escapes[k].as : as;
        if (as)
            fputs(as, out);
        else
            fputc(s[i], out);
    }
}

static void end_line(struct text *t)
{
    if (t->column > 0)
        fputc('\n', t->out);
    t->column = 0;
}

static void put_plain(struct text *t, const char *s, size_t n)
{
    if (t->column > 0 && t->column + 1 + n > WIDTH)
        end_line(t);
    if (t->column > 0)
        fputc(' ', t->out);
    else if (*s == '.' || *s == '\'')
        fputs("\\&", t->out);
    put_escaped(t->out, s, n);
    t->column += 1 + n;
}

/* A macro with what it marks up, and the punctuation around that. */
static void put_macro(struct text *t, const char *macro, bool open, const char *s, size_t n,
                      const char *behind)
{
    end_line(t);
    fprintf(t->out, ".%s %s", macro, open ? "( " : "");
    put_escaped(t->out, s, n);
    for (; *behind && *behind != ' '; behind++)
        fprintf(t->out, " %c", *behind);
    fputc('\n', t->out);
}

static bool is_name_of(const char *names, const char *s, size_t n)
{
    while (names && *names) {
        size_t len = strcspn(names, "|");

        if (len == n && strncmp(names, s, n) == 0 && isupper((unsigned char)*s))
            return true;
        names += len;
        names += *names == '|';
    }
    return false;
}

/* Of an operand, or of an option's value. */
static bool is_argument(const struct command *c, const char *s, size_t n)
{
    for (const struct command_operand *p = c->operands; p && p->name; p++)
        if (is_name_of(p->name, s, n))
            return true;
    for (const struct command_option *o = c->options; o && o->name; o++)
        if (is_name_of(o->argument, s, n))
            return true;
    return false;
}

/* name(1): the length of the name, or 0. */
static size_t page_length(const char *s, size_t n)
{
    size_t len = 0;

    while (len < n && (islower((unsigned char)s[len]) || strchr(".-", s[len])))
        len++;
    return len > 0 && len + 3 == n && s[len] == '(' && isdigit((unsigned char)s[len + 1]) ? len : 0;
}

/* ---- text ---- */

/* How much of the word is punctuation behind it. */
static size_t punctuation(const char *s, size_t n)
{
    size_t len = 0;

    while (len < n && strchr(".,;:", s[n - 1 - len]))
        len++;
    if (len < n && s[n - 1 - len] == ')' && !memchr(s + 1, '(', n - 1))
        len++;
    return len;
}

static void put_word(struct text *t, const char *s, size_t n)
{
    bool open = *s == '(' && n > 1;
    const char *core = s + open;
    size_t behind = punctuation(s, n), len = n - open - behind, page = page_length(core, len);
    char rest[8] = "";

    if (behind >= sizeof(rest))
        behind = 0;
    memcpy(rest, s + n - behind, behind);
    if (page > 0) {
        end_line(t);
        fprintf(t->out, ".Xr %.*s %c", (int)page, core, core[page + 1]);
        for (size_t i = 0; i < behind; i++)
            fprintf(t->out, " %c", rest[i]);
        fputc('\n', t->out);
    } else if (len > 2 && starts_with(core, "--") && core[len - 1] != '-') {
        put_macro(t, "Fl", open, core + 1, len - 1, rest);
    } else if (is_argument(t->command, core, len)) {
        put_macro(t, "Ar", open, core, len, rest);
    } else {
        put_plain(t, s, n);
        if (s[n - 1] == '.' || s[n - 1] == '?')
            end_line(t);
    }
}

/* 'words in quotes', with what is behind: the length, or 0 when none begin here. */
static size_t put_quoted(struct text *t, const char *s)
{
    bool open = *s == '(';
    const char *begin = s + open, *end = *begin == '\'' ? strchr(begin + 1, '\'') : NULL;
    size_t behind;

    if (!end || (end[1] && !strchr(" .,;:)", end[1])))
        return 0;
    behind = strcspn(end + 1, " ");
    put_macro(t, "Ql", open, begin + 1, (size_t)(end - begin) - 1, end + 1);
    return (size_t)(end - s) + 1 + behind;
}

static void put_text(const struct command *c, const char *s, FILE *out)
{
    struct text t = {.command = c, .out = out};

    while (*s) {
        size_t n = put_quoted(&t, s);

        if (n == 0) {
            n = strcspn(s, " ");
            put_word(&t, s, n);
        }
        s += n;
        s += strspn(s, " ");
    }
    end_line(&t);
}

/* ---- how it is called ---- */

/* "[--from CHECKPOINT [--descendants]]" as arguments of a macro. */
static void put_synopsis(const char *s, FILE *out)
{
    while (*s) {
        size_t n = strcspn(s, " []|");

        if (starts_with(s, "...")) {
            n = 3;
            fputs(" ...", out);
        } else if (n == 0) {
            n = 1;
            if (*s != ' ')
                fprintf(out, " %s", *s == '[' ? "Oo" : *s == ']' ? "Oc" : "|");
        } else {
            bool more = n > 3 && strncmp(s + n - 3, "...", 3) == 0;
            bool option = starts_with(s, "--");

            n -= more ? 3 : 0;
            fputs(option ? " Fl " : isupper((unsigned char)*s) ? " Ar " : " Cm ", out);
            put_escaped(out, s + option, n - option);
        }
        s += n;
    }
}

static void put_options(const struct command *c, FILE *out)
{
    struct command_option options[COMMAND_OPTIONS_MAX];
    size_t n = command_options(c, options);

    if (n == 0)
        return;
    fputs(".Bl -tag -width Ds\n", out);
    for (size_t i = 0; i < n; i++) {
        CLEANUP_FREE char *name = xasprintf("--%s", options[i].name);

        fputs(".It", out);
        put_synopsis(name, out);
        if (options[i].argument)
            put_synopsis(options[i].argument, out);
        fputc('\n', out);
        put_text(c, options[i].help, out);
    }
    fputs(".El\n", out);
}

static void put_examples(const struct command *c, FILE *out)
{
    fputs(".Bd -literal -offset indent\n", out);
    for (const char *const *e = c->examples; *e; e++) {
        put_escaped(out, *e, strlen(*e));
        fputc('\n', out);
    }
    fputs(".Ed\n", out);
}

static void put_command(const struct command *c, FILE *out)
{
    CLEANUP(strlist_done) struct strlist synopses = {0};
    CLEANUP_FREE char *exits = command_exits(c);
    CLEANUP_FREE char *status = xasprintf("Exit status: %s", exits);

    command_synopses(c, &synopses);
    for (size_t i = 0; i < synopses.n; i++) {
        fputs(".It Cm ", out);
        put_escaped(out, c->name, strlen(c->name));
        put_synopsis(synopses.items[i], out);
        fputc('\n', out);
    }
    for (const char *const *p = c->about; *p; p++) {
        fputs(p == c->about ? "" : ".Pp\n", out);
        put_text(c, *p, out);
    }
    put_options(c, out);
    fputs(".Pp\n", out);
    put_text(c, status, out);
    if (c->examples)
        put_examples(c, out);
}

/* ---- the page ---- */

/* A list of the commands that the line names. */
static int put_commands(char *line, struct strlist *told, FILE *out)
{
    char *save = NULL;

    fputs(".Bl -tag -width Ds\n", out);
    for (char *name = strtok_r(line, " \n", &save); name; name = strtok_r(NULL, " \n", &save)) {
        const struct command *c = command_find(name);

        if (!c || c->hidden || strlist_has(told, name)) {
            fprintf(stderr, "vmkeep-manual: %s: %s\n", name,
                    c ? "named twice, or not for people" : "no such command");
            return -1;
        }
        strlist_add(told, name);
        put_command(c, out);
    }
    fputs(".El\n", out);
    return 0;
}

static int check_all_told(const struct strlist *told)
{
    int rc = 0;

    for (const struct command *const *c = commands; *c; c++) {
        if ((*c)->hidden || strlist_has(told, (*c)->name))
            continue;
        fprintf(stderr, "vmkeep-manual: the template does not name %s\n", (*c)->name);
        rc = -1;
    }
    return rc;
}

static int make_page(FILE *in, FILE *out)
{
    static const char mark[] = "@commands ";
    CLEANUP(strlist_done) struct strlist told = {0};
    CLEANUP_FREE char *line = NULL;
    size_t size = 0;

    while (getline(&line, &size, in) >= 0) {
        if (!starts_with(line, mark))
            fputs(line, out);
        else if (put_commands(line + strlen(mark), &told, out) < 0)
            return -1;
    }
    return check_all_told(&told);
}

int main(int argc, char **argv)
{
    CLEANUP_FCLOSE FILE *in = argc == 3 ? fopen(argv[1], "re") : NULL;
    CLEANUP_FCLOSE FILE *out = in ? fopen(argv[2], "we") : NULL;

    if (argc != 3) {
        fputs("usage: vmkeep-manual TEMPLATE PAGE\n", stderr);
        return EXIT_FAILURE;
    }
    if (!out) {
        fprintf(stderr, "vmkeep-manual: %s: %s\n", argv[in ? 2 : 1], strerror(errno));
        return EXIT_FAILURE;
    }
    if (make_page(in, out) == 0 && !ferror(in) && fflush(out) == 0)
        return EXIT_SUCCESS;
    remove(argv[2]); /* half of it is none */
    return EXIT_FAILURE;
}
