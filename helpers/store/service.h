/* SPDX-License-Identifier: MIT
 *
 * Private to helpers/store.  What it can be asked for, and how progress is told. */
#ifndef VMKEEP_HELPERS_STORE_SERVICE_H
#define VMKEEP_HELPERS_STORE_SERVICE_H

#include "helpers/service.h"

extern const struct service files_services[], places_services[], repository_services[];
extern const size_t n_files_services, n_places_services, n_repository_services;

extern const struct service_set store_services;

#endif
