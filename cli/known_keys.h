/* SPDX-License-Identifier: MIT
 *
 * known_keys: with which keys a command opens images (storage/images/keys.h): those of the
 * configuration's repositories, and the one that --key names.
 */
#ifndef VMKEEP_CLI_KNOWN_KEYS_H
#define VMKEEP_CLI_KNOWN_KEYS_H

#include "cli/command.h"
#include "policies/config.h"

void known_keys_take(const struct config *config);

/* Of the configuration, if it can be read: for who needs nothing else of it, and no word when it
 * cannot. */
void known_keys_find(void);

/* --key FILE: before all others. */
int known_keys_read(void *arguments, const char *name, const char *value, struct err *err);

#define KEY_OPTION                                                                                 \
    {                                                                                              \
        READ("key", "FILE", known_keys_read,                                                       \
             "the key of an encrypted repository, where the configuration does not have it"),      \
            .words = WORD_FILE                                                                     \
    }

#endif
