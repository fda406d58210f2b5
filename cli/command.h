/* SPDX-License-Identifier: MIT
 *
 * command: what a command of `vmkeep` is called, takes and does, as one table.  The arguments are
 * read by it (options), and --help, vmkeep(1) and the shells' completion are made of it, so that
 * none of them can say what the others do not.
 *
 * A command is one file, cmd_NAME.c, with a `const struct command command_NAME`, and a line in
 * commands.c.  What its command line says is put into the command's own `struct arguments`, which
 * the macros below name.
 */
#ifndef VMKEEP_CLI_COMMAND_H
#define VMKEEP_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/err.h"

enum option_kind {
    OPTION_FLAG,   /* bool */
    OPTION_TEXT,   /* const char *; the last one given counts */
    OPTION_NUMBER, /* int64_t, from min to max */
    OPTION_LIST,   /* struct strlist: may be given several times */
    OPTION_READ,   /* by the option's own function */
};

/* What may stand in a place, for completion; several at once. */
enum word_kind {
    WORD_DOMAIN = 1 << 0,
    WORD_POLICY = 1 << 1,
    WORD_POINT = 1 << 2,
    WORD_JOB = 1 << 3, /* that has not ended */
    WORD_CHECKPOINT = 1 << 4,
    WORD_REPOSITORY = 1 << 5,
    WORD_FILE = 1 << 6,
    WORD_DIRECTORY = 1 << 7,
    WORD_HOST = 1 << 8,
};

struct command_option {
    const char *name;     /* the long name, without dashes */
    const char *argument; /* what its value is called; NULL: it takes none */
    const char *help;
    enum option_kind kind;
    size_t at; /* where in the arguments it goes */
    int64_t min, max;
    const char *const *choices; /* the only values; NULL: any */
    unsigned words;             /* enum word_kind */
    const char *with;           /* makes sense beside this option only */
    bool lax;                   /* ... but is let pass without it, as virsh does */
    bool required;              /* as the help shows it; the command says what is wanted */
    int rivals;                 /* of those with the same number one may be given; 0: none */
    int (*read)(void *arguments, const char *name, const char *value, struct err *err);
};

struct command_operand {
    const char *name;    /* DOMAIN */
    const char *by_name; /* also to be given as this option; NULL: not */
    const char *same;    /* what is said of that option; NULL: "the same, by name" */
    size_t at;           /* where it goes: const char *, or of many a struct strlist */
    bool optional, many;
    const char *const *choices; /* for completion; the command judges */
    unsigned words;
};

struct command_exit {
    int code;
    const char *meaning;
};

struct command {
    const char *name, *summary;
    const char *const *synopses; /* NULL: made of operands and options */
    const char *const *about;    /* paragraphs; plain text, see manual.c for what is marked up */
    const struct command_operand *operands;
    const struct command_option *options;
    const char *wants;                /* what is said when operands are too few, or too many */
    const struct command_exit *exits; /* by what happens most */
    const char *const *examples;
    size_t size;          /* of its arguments */
    const void *defaults; /* NULL: all zeroes */
    int (*run)(void *arguments);
    bool hidden; /* not for people: named in no list */
};

/* The offset of a member that must be of that type. */
#define MEMBER_AT(type, member)                                                                    \
    (offsetof(struct arguments, member) + 0 * sizeof(&((struct arguments *)0)->member == (type *)0))

/* {FLAG("wait", wait, "wait for its end")}: into a->wait. More members may follow. */
#define FLAG(option, member, text)                                                                 \
    .name = (option), .help = (text), .kind = OPTION_FLAG, .at = MEMBER_AT(bool, member)
#define TEXT(option, value, member, text)                                                          \
    .name = (option), .argument = (value), .help = (text), .kind = OPTION_TEXT,                    \
    .at = MEMBER_AT(const char *, member)
#define NUMBER(option, value, member, from, to, text)                                              \
    .name = (option), .argument = (value), .help = (text), .kind = OPTION_NUMBER,                  \
    .at = MEMBER_AT(int64_t, member), .min = (from), .max = (to)
#define LIST(option, value, member, text)                                                          \
    .name = (option), .argument = (value), .help = (text), .kind = OPTION_LIST,                    \
    .at = MEMBER_AT(struct strlist, member)
#define READ(option, value, function, text)                                                        \
    .name = (option), .argument = (value), .help = (text), .kind = OPTION_READ, .read = (function)

#define OPERAND(word, member) .name = (word), .at = MEMBER_AT(const char *, member)
#define OPERANDS(word, member) .name = (word), .at = MEMBER_AT(struct strlist, member), .many = true

/* As virsh takes them: as operands, or by name. */
#define DOMAIN_OPERAND                                                                             \
    {                                                                                              \
        OPERAND("DOMAIN", domain), .by_name = "domain", .words = WORD_DOMAIN                       \
    }
#define CHECKPOINT_OPERAND                                                                         \
    {                                                                                              \
        OPERAND("CHECKPOINT", name), .by_name = "checkpointname", .words = WORD_CHECKPOINT         \
    }

/* The command's own struct. */
#define ARGUMENTS .size = sizeof(struct arguments)

/* All commands, in the order of --help, hidden ones too; ends with NULL. */
extern const struct command *const commands[];

/* NULL: there is none. */
const struct command *command_find(const char *name);

/* Reads the arguments by the table and runs the command; args[0] is its name.  The exit code. */
int command_run(const struct command *c, int argc, char **argv);

/* ---- what is made of a table ---- */

/* The options that the operands are, too, behind the others: at most COMMAND_OPTIONS_MAX in all. */
#define COMMAND_OPTIONS_MAX 64
size_t command_options(const struct command *c, struct command_option ret[COMMAND_OPTIONS_MAX]);

/* What stands behind "vmkeep NAME", one way a line.  Caller frees it. */
void command_synopses(const struct command *c, struct strlist *ret);

/* The exit statuses as a sentence, for print_wrapped. Caller frees. */
char *command_exits(const struct command *c);

/* --help, in 80 columns. */
void command_help(const struct command *c, FILE *out);

/* Words, broken before column HELP_WIDTH, but not at a tab, which is printed as a space.  column:
 * where the first line is already; the others begin at indent. */
#define HELP_WIDTH 80
void print_wrapped(FILE *out, const char *text, size_t column, size_t indent);

#endif
