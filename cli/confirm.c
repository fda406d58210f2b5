/* SPDX-License-Identifier: MIT */
#include "cli/confirm.h"

#include <stdio.h>
#include <unistd.h>

#include "cli/cli.h"

int cli_confirm(const char *where, bool yes)
{
    int c;

    if (yes)
        return EXIT_DONE;
    fflush(stdout); /* what would be done comes first */
    if (!isatty(STDIN_FILENO))
        return cli_usage(where, "nobody can be asked: say --yes");
    fputs("Go on? [y/N] ", stdout);
    fflush(stdout);
    c = getchar();
    return c == 'y' || c == 'Y' ? EXIT_DONE : EXIT_INTERRUPTED;
}
