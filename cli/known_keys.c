/* SPDX-License-Identifier: MIT */
#include "cli/known_keys.h"

#include "base/cleanup.h"
#include "cli/cli.h"
#include "policies/config_file.h"
#include "storage/images/keys.h"

void known_keys_take(const struct config *config)
{
    for (size_t i = 0; i < config->repositories.n; i++) {
        const struct config_repository *r = &config->repositories.items[i];
        const char *file = config_key_file(config, r);

        if (file)
            keys_add(r->path, r->secret, file);
    }
}

void known_keys_find(void)
{
    CLEANUP(config_file_done) struct config_file f = {0};

    if (config_file_read(cli_config_path(), &f))
        known_keys_take(f.config);
}

int known_keys_read(void *arguments, const char *name, const char *value, struct err *err)
{
    (void)arguments;
    (void)name;
    if (key_check(value, err) < 0)
        return -1;
    keys_add("/", NULL, value);
    return 0;
}
