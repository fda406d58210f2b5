/* SPDX-License-Identifier: MIT
 *
 * image_command: qemu-img, run on an image that a backup is to write to.
 */
#ifndef VMKEEP_ENGINE_IMAGE_COMMAND_H
#define VMKEEP_ENGINE_IMAGE_COMMAND_H

#include "engine/backup.h"
#include "base/err.h"

struct image_file {
    const char *path, *format;
    bool is_device;
    const struct backup_encryption *encryption; /* NULL, or without a secret: none */
};

struct image_command {
    const char *argv[12];
    char *owned[3];
};

/* Writes an empty image of that size; what is there is lost. */
void image_command_create(struct image_command *c, const struct image_file *f, uint64_t size);
/* Prints what it holds, without its backing file: what is below it does not matter. */
void image_command_map(struct image_command *c, const struct image_file *f);
void image_command_done(struct image_command *c);

/* What the second one has printed: is it an empty image of that size? */
int image_check_map(const char *path, const char *map, uint64_t size, struct err *err);

#endif
