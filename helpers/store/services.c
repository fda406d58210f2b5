/* SPDX-License-Identifier: MIT */
#include "base/cleanup.h"
#include "helpers/store/service.h"

static const struct service_family families[] = {
    {repository_services, &n_repository_services},
    {places_services, &n_places_services},
    {files_services, &n_files_services},
};

const struct service_set store_services = {families, ARRAY_LEN(families)};
