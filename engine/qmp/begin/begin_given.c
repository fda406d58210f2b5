/* SPDX-License-Identifier: MIT
 *
 * Places that were there before: block devices, which are made into empty images (as libvirt
 * does), and what the caller has made (reuse_external), which must be an empty image of the
 * disk's size.
 */
#include "base/cleanup.h"
#include "base/text.h"
#include "engine/qmp/begin/begin.h"

#define MAP_S 60.0

void begin_list_given(struct begin *b, const struct begin_disk *disk)
{
    bool qcow2 = str_eq(disk->format, "qcow2");
    struct begin_image *image;

    if (b->made_empty || disk->place.type == PLACE_NETWORK || !qcow2 ||
        (disk->place.type == PLACE_FILE && !b->reuse_external))
        return;
    image = VEC_ADD(&b->images);
    image->disk = disk;
    image->path = disk->place.path;
    image->format = disk->format;
    image->found = b->reuse_external ? FOUND_EMPTY : FOUND_FORMAT;
}

void begin_map_given(struct begin *b, const struct begin_image *image)
{
    const struct begin_disk *disk = image->disk;
    struct image_command c;

    image_command_map(&c, &(struct image_file){image->path, image->format, disk->is_device,
                                               &disk->place.encryption});
    task_run(&b->task, &(struct proc_spec){.argv = c.argv, .timeout_s = MAP_S});
    image_command_done(&c);
}
