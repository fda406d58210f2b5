/* SPDX-License-Identifier: MIT
 *
 * The files that say whose a repository, and a domain's directory in it, are: owner.json and
 * repository.json, on a disk that anybody may have written to.
 */
#include <assert.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "storage/repository/owner.h"
#include "storage/repository/repository.h"
#include "tests/fuzz/tmp.h"

#define DIRECTORY "marks"
#define MARKER DIRECTORY "/repository.json"
#define OWNER DIRECTORY "/" OWNER_FILE

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void remove_all(void)
{
    unlink(MARKER);
    unlink(OWNER);
    rmdir(DIRECTORY);
}

static void put(const char *path, const uint8_t *data, size_t size)
{
    CLEANUP_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert(fd >= 0 && (size == 0 || write(fd, data, size) == (ssize_t)size));
}

static void check_owner(int dir)
{
    CLEANUP(owner_done) struct owner o = {0};
    CLEANUP_FREE char *text = NULL;
    struct err err = ERR_INIT;
    bool found = false;

    if (owner_read(dir, DIRECTORY, &o, &found, &err) < 0) {
        assert(err.code == ERR_CORRUPT || err.code == ERR_UNSUPPORTED);
        assert(*err.msg && !found);
        return;
    }
    assert(found && o.catalog && o.machine && o.machine_id && o.catalog_path);
    text = owner_text(&o);
    assert(*text);
    assert(owner_is_same_place(&o, &o) || !*o.machine_id);
}

static void check_repository(void)
{
    struct err err = ERR_INIT;
    char id[REPOSITORY_ID_MAX] = "";

    if (repository_identify(DIRECTORY, NULL, false, id, &err) < 0)
        assert(*err.msg && err.code != ERR_NONE && !*id);
    else
        assert(*id && strlen(id) < REPOSITORY_ID_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int dir = -1;

    if (dir < 0) {
        enter_tmp(remove_all);
        assert(mkdir(DIRECTORY, 0700) == 0);
        dir = open(DIRECTORY, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert(dir >= 0);
    }
    put(OWNER, data, size);
    put(MARKER, data, size);
    check_owner(dir);
    check_repository();
    return 0;
}
