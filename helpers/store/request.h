/* SPDX-License-Identifier: MIT
 *
 * Private to helpers/store.  A line that asks for something, and the table of all that can be. */
#ifndef VMKEEP_HELPERS_STORE_REQUEST_H
#define VMKEEP_HELPERS_STORE_REQUEST_H

#include <stddef.h>

#include "helpers/store/service.h"

/* The i-th of the table; NULL: there are no more. */
const struct service *request_service(size_t i);

/* *ret is released with record_done(s->request), and freed.  ERR_INVALID. */
int request_read(const char *line, const struct service **ret_service, void **ret, struct err *err);

#endif
