/* SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "helpers/libvirt/libvirt.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void say(json_t *line)
{
    bool failed;

    pthread_mutex_lock(&lock);
    failed =
        json_dumpf(line, stdout, JSON_COMPACT) < 0 || putchar('\n') == EOF || fflush(stdout) == EOF;
    pthread_mutex_unlock(&lock);
    json_decref(line);
    if (failed)
        _Exit(EXIT_FAILURE);
}
