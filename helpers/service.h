/* SPDX-License-Identifier: MIT
 *
 * service: what a helper program can be asked for.  A request is an object of JSON whose member
 * "do" names a service and whose other members are a record (base/record.h), and so is the answer.
 */
#ifndef VMKEEP_HELPERS_SERVICE_H
#define VMKEEP_HELPERS_SERVICE_H

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

/* All services of a program: families of them, each in the file that does them. */
struct service_family {
    const struct service *items;
    const size_t *n;
};

struct service_set {
    const struct service_family *families;
    size_t n;
};

/* The i-th of all; NULL: there are no more. */
const struct service *service_at(const struct service_set *set, size_t i);

/* Prints the list for --help. */
void service_print(const struct service_set *set);

/* Which service json asks for, and its request; *ret is released with record_done(s->request), and
 * freed.  Takes "do" out of json.  ERR_INVALID. */
int service_read(const struct service_set *set, json_t *json, const struct service **ret_service,
                 void **ret, struct err *err);

/* The same of a line. */
int service_read_line(const struct service_set *set, const char *line,
                      const struct service **ret_service, void **ret, struct err *err);

/* Runs it: {"done": {...}} or {"error": {...}}; the caller's. */
json_t *service_run(const struct service *s, const void *request, bool *ret_well);

#endif
