/* SPDX-License-Identifier: MIT
 *
 * Private to cmd_doctor.c and doctor_*.c: what was found, each with what to do about it.
 */
#ifndef VMKEEP_CLI_DOCTOR_H
#define VMKEEP_CLI_DOCTOR_H

#include <jansson.h>

#include "cli/cli.h"

struct finding {
    char *about, *text, *advice;
    const char *check;
    bool fine;
};

struct findings {
    struct finding *items;
    size_t n, cap;
    bool lenient; /* what follows is of a domain that is to have no backups: nothing of it is a
                   * fault */
};

/* check is borrowed for ever; advice is for what is not fine. */
void doctor_add(struct findings *l, const char *about, const char *check, bool fine,
                const char *advice, const char *fmt, ...) __attribute__((format(printf, 6, 7)));

void findings_done(struct findings *l);

/* A drop-in for the daemon's unit, on standard output. */
void doctor_unit(const struct config *config);

/* What the daemon answers. */
void doctor_daemon(struct findings *l, const struct config *config, const json_t *answer);

/* What the daemon was asked about, as it has understood it; host NULL: everything; domain NULL: all
 * of that host. */
struct doctor_about {
    const char *host, *domain;
};

/* What the catalog knows of these domains (where it is everything, of the repositories'
 * directories, too).  EXIT_DONE, or the exit code of an error that was printed. */
int doctor_catalog(struct findings *l, const struct config *config,
                   const struct doctor_about *about);

#endif
