/* SPDX-License-Identifier: MIT
 *
 * Any command line: the script that comes of it is one that a shell can read, and names no image
 * but the restored one where a disk was.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "storage/definition/qemu_script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct script_disk disks[] = {{"vda", "/img/vda.qcow2", "/to/vda.raw"}};
    CLEANUP_FREE char *args = xasprintf("%.*s", (int)size, (const char *)data);
    const struct script_request r = {args, "lab/vm", "raw", disks, 1};
    CLEANUP_FREE char *script = qemu_script(&r);
    const char *command = strstr(script, "\nexec ");

    assert(command);
    assert(strlen(script) >= 6 && strcmp(script + strlen(script) - 5, "\"$@\"\n") == 0);
    return 0;
}
