/* SPDX-License-Identifier: MIT
 *
 * vmkeep: the command.  Finds the subcommand and runs it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/cli.h"

/* Room for the longest name in a list. */
#define NAME_WIDTH 21

static void print_help(FILE *out)
{
    fputs("Usage: vmkeep [--config FILE] COMMAND [ARGUMENT]...\n"
          "\n"
          "Backs up QEMU/KVM virtual machines by policy; the daemon is vmkeepd.\n"
          "\n"
          "Commands:\n",
          out);
    for (const struct command *const *c = commands; *c; c++)
        if (!(*c)->hidden)
            fprintf(out, "  %-*s %s\n", NAME_WIDTH, (*c)->name, (*c)->summary);
    fputs("\n"
          "Options:\n"
          "  --config FILE   the configuration, anywhere on the line;\n"
          "                  " CONFIG_DEFAULT " by default\n"
          "  --version       print the version and exit\n"
          "  --help          print this text and exit; of a command, after it\n"
          "\n"
          "'vmkeep help COMMAND' tells what a command takes, with examples.\n"
          "\n"
          "Exit status: 0 done, 1 failed, 2 bad usage or configuration, 3 partly done,\n"
          "4 not found, 5 busy, 6 the daemon cannot be reached, 7 damage found,\n"
          "130 interrupted.\n",
          out);
}

/* Takes --config FILE out of the arguments; the new argc, or -1. */
static int take_config(int argc, char **argv)
{
    int n = 1;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--") == 0) {
            while (i < argc)
                argv[n++] = argv[i++];
        } else if (starts_with(argv[i], "--config=")) {
            cli_set_config_path(argv[i] + strlen("--config="));
        } else if (strcmp(argv[i], "--config") != 0) {
            argv[n++] = argv[i];
        } else if (++i < argc) {
            cli_set_config_path(argv[i]);
        } else {
            cli_usage("--config", "needs a value");
            return -1;
        }
    }
    argv[n] = NULL;
    return n;
}

/* NULL: said that there is none. */
static const struct command *find_command(const char *name)
{
    const struct command *found = command_find(name);
    struct {
        const char **items;
        size_t n, cap;
    } names = {0};
    const char *near;

    if (found)
        return found;
    for (const struct command *const *c = commands; *c; c++)
        if (!(*c)->hidden)
            *VEC_ADD(&names) = (*c)->name;
    near = nearest_word(name, names.items, names.n);
    fprintf(stderr, "vmkeep: %s: no such command", name);
    if (near)
        fprintf(stderr, "; did you mean '%s'?", near);
    fputs(" (see 'vmkeep --help')\n", stderr);
    free(names.items);
    return NULL;
}

static int help(const char *of)
{
    const struct command *c = of ? find_command(of) : NULL;

    if (!of)
        print_help(stdout);
    else if (c)
        command_help(c, stdout);
    return c || !of ? EXIT_DONE : EXIT_USAGE;
}

static int dispatch(int argc, char **argv)
{
    const struct command *c;

    if (argc == 0) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[0], "--version") == 0) {
        printf("vmkeep %s\n", VMKEEP_VERSION);
        return EXIT_DONE;
    }
    if (strcmp(argv[0], "-h") == 0 || strcmp(argv[0], "--help") == 0)
        return help(NULL);
    if (strcmp(argv[0], "help") == 0)
        return help(argv[1]);
    if (argv[0][0] == '-')
        return cli_usage(argv[0], "unknown option (see 'vmkeep --help')");
    c = find_command(argv[0]);
    return c ? command_run(c, argc, argv) : EXIT_USAGE;
}

int main(int argc, char **argv)
{
    int code;

    argc = take_config(argc, argv);
    if (argc < 0)
        return EXIT_USAGE;
    code = dispatch(argc - 1, argv + 1);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "vmkeep: standard output: %s\n", strerror(errno));
        return EXIT_FAILED;
    }
    return code;
}
