/* SPDX-License-Identifier: MIT
 *
 * Runs a fuzzer's corpus through it once, for compilers without libFuzzer.
 * Usage: fuzz_NAME FILE|DIRECTORY...
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fsutil.h"

#define INPUT_MAX (16 * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t replayed;

static void replay_file(const char *path)
{
    CLEANUP_FREE char *text = NULL;
    CLEANUP_FREE uint8_t *exact = NULL; /* no byte behind the end, so that reading it shows */
    struct err err = ERR_INIT;
    size_t len;

    if (read_file(path, INPUT_MAX, &text, &len, &err) < 0) {
        fprintf(stderr, "%s\n", err.msg);
        exit(1);
    }
    exact = malloc(len);
    if (len > 0 && exact)
        memcpy(exact, text, len);
    fprintf(stderr, "%s\n", path); /* the last one named is the one that fails */
    LLVMFuzzerTestOneInput(exact, len);
    replayed++;
}

static void replay(const char *path)
{
    CLEANUP_CLOSEDIR DIR *dir = NULL;
    const struct dirent *e;
    struct stat st;

    if (stat(path, &st) < 0) {
        perror(path);
        exit(1);
    }
    if (!S_ISDIR(st.st_mode)) {
        replay_file(path);
        return;
    }
    dir = opendir(path);
    while (dir && (e = readdir(dir))) {
        CLEANUP_FREE char *below = xasprintf("%s/%s", path, e->d_name);

        if (e->d_name[0] != '.')
            replay(below);
    }
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        replay(argv[i]);
    fprintf(stderr, "%zu inputs\n", replayed);
    return replayed == 0; /* a corpus that is not there proves nothing */
}
