/* SPDX-License-Identifier: MIT
 *
 * Private to helpers/store.  What can be asked for: a table of it, and how progress is told. */
#ifndef VMKEEP_HELPERS_STORE_SERVICE_H
#define VMKEEP_HELPERS_STORE_SERVICE_H

#include "base/record.h"

struct service {
    const char *what;
    const char *brief; /* for --help */
    const struct record *request;
    const struct record *answer; /* NULL: success or an error alone */
    /* Does it, and waits for it.  ret: zeroed; what it fills in is released with record_done, also
     * after an error. */
    int (*run)(const void *request, void *ret, struct err *err);
};

extern const struct service files_services[], places_services[], repository_services[];
extern const size_t n_files_services, n_places_services, n_repository_services;

/* Prints that this file is worked on.  Should that hang, whoever has asked takes it for the
 * reason. */
void tell_at(const char *path);

#endif
