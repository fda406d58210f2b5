/* SPDX-License-Identifier: MIT
 *
 * vmkeep: the command.  Finds the subcommand and runs it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/cli.h"

#define CONFIG_DEFAULT "/etc/vmkeep/config"

static const struct command {
    const char *name, *summary;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"check", "validate the configuration", cmd_check},
    {"status", "every domain: protected or at risk, last point, next run", cmd_status},
    {"run", "start a backup now", cmd_run},
    {"jobs", "what was done, what is being done", cmd_jobs},
    {"cancel", "cancel a job", cmd_cancel},
    {"points", "restore points and their chains", cmd_points},
    {"restore", "get a restore point's disks back as plain images", cmd_restore},
    {"prune", "let go of the points that no rule keeps", cmd_prune},
    {"repository", "what repositories are, whose, and taking one over", cmd_repository},
    {"explain", "why a point, a job or a domain is as it is", cmd_explain},
    {"domains", "what the hosts have", cmd_domains},
    {"doctor", "is everything there that backups need?", cmd_doctor},
    {"rebuild-catalog", "make a lost or damaged catalog anew from the repositories",
     cmd_rebuild_catalog},
    {"backup-begin", "begin a backup by hand, from libvirt's XML", cmd_backup_begin},
    {"backup-dumpxml", "the XML of the backup that runs", cmd_backup_dumpxml},
    {"domjobinfo", "how far a domain's backup is, or how the last one ended", cmd_domjobinfo},
    {"domjobabort", "end the backup of a domain", cmd_domjobabort},
    {"event", "wait for backups to end", cmd_event},
    {"checkpoint-create", "make a checkpoint", cmd_checkpoint_create},
    {"checkpoint-create-as", "make a checkpoint from arguments", cmd_checkpoint_create_as},
    {"checkpoint-list", "a domain's checkpoints", cmd_checkpoint_list},
    {"checkpoint-dumpxml", "the XML of a checkpoint", cmd_checkpoint_dumpxml},
    {"checkpoint-info", "a checkpoint's place among the others", cmd_checkpoint_info},
    {"checkpoint-parent", "the checkpoint before one", cmd_checkpoint_parent},
    {"checkpoint-edit", "change what is known of a checkpoint", cmd_checkpoint_edit},
    {"checkpoint-delete", "delete a checkpoint", cmd_checkpoint_delete},
    {"calendar", "when a calendar expression elapses", cmd_calendar},
    {"retention", "what retention rules make of a list of times", cmd_retention},
};

static const char *config_path = CONFIG_DEFAULT;

const char *cli_config_path(void)
{
    return config_path;
}

static void print_help(FILE *out)
{
    fputs("Usage: vmkeep [--config FILE] COMMAND [ARGUMENT]...\n"
          "\n"
          "Backs up QEMU/KVM virtual machines by policy; the daemon is vmkeepd.\n"
          "\n"
          "Commands:\n",
          out);
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        fprintf(out, "  %-21s %s\n", commands[i].name, commands[i].summary);
    fputs(
        "\n"
        "Options:\n"
        "  --config FILE   the configuration (default " CONFIG_DEFAULT "), anywhere on the line\n"
        "  --version       print the version and exit\n"
        "  --help          print this text and exit; of a command, after it\n"
        "\n"
        "'vmkeep help COMMAND' tells what a command takes, with examples.\n"
        "\n"
        "Exit status: 0 done, 1 failed, 2 bad usage or configuration, 3 partly done, 4 not found,\n"
        "5 busy, 6 the daemon cannot be reached, 7 damage found, 130 interrupted.\n",
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
            config_path = argv[i] + strlen("--config=");
        } else if (strcmp(argv[i], "--config") != 0) {
            argv[n++] = argv[i];
        } else if (++i < argc) {
            config_path = argv[i];
        } else {
            cli_usage("--config", "needs a value");
            return -1;
        }
    }
    argv[n] = NULL;
    return n;
}

static const struct command *find_command(const char *name)
{
    const char *names[ARRAY_LEN(commands)];
    const char *near;

    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
        names[i] = commands[i].name;
    }
    near = nearest_word(name, names, ARRAY_LEN(names));
    fprintf(stderr, "vmkeep: %s: no such command", name);
    if (near)
        fprintf(stderr, "; did you mean '%s'?", near);
    fputs(" (see 'vmkeep --help')\n", stderr);
    return NULL;
}

static int help(int argc, char **argv)
{
    const struct command *c = argc > 1 ? find_command(argv[1]) : NULL;
    char *args[] = {argc > 1 ? argv[1] : NULL, (char[]){"--help"}, NULL};

    if (argc == 1) {
        print_help(stdout);
        return EXIT_DONE;
    }
    return c ? c->run(2, args) : EXIT_USAGE;
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
    if (strcmp(argv[0], "-h") == 0 || strcmp(argv[0], "--help") == 0 ||
        strcmp(argv[0], "help") == 0)
        return help(strcmp(argv[0], "help") == 0 ? argc : 1, argv);
    if (argv[0][0] == '-')
        return cli_usage(argv[0], "unknown option (see 'vmkeep --help')");
    c = find_command(argv[0]);
    return c ? c->run(argc, argv) : EXIT_USAGE;
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
