/* SPDX-License-Identifier: MIT */
#include "helpers/options.h"

#include <getopt.h>
#include <stddef.h>
#include <stdio.h>

int helper_bad(const char *program, const char *where, const char *why)
{
    fprintf(stderr, "%s: %s: %s\n", program, where, why);
    return EXIT_USAGE;
}

int helper_options(const char *program, void (*usage)(void), int argc, char **argv,
                   const char **operand)
{
    static const struct option known[] = {
        {"version", no_argument, NULL, 'v'}, {"help", no_argument, NULL, 'h'}, {0}};
    int c;

    opterr = 0;
    while ((c = getopt_long(argc, argv, ":h", known, NULL)) != -1) {
        if (c == 'v')
            printf("%s " VMKEEP_VERSION "\n", program);
        else if (c == 'h')
            usage();
        else
            return helper_bad(program, argv[optind - 1], "unknown option");
        return EXIT_DONE;
    }
    if (optind < argc && operand)
        *operand = argv[optind++];
    return optind < argc ? helper_bad(program, argv[optind], "unexpected argument") : -1;
}
