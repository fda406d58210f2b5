/* SPDX-License-Identifier: MIT
 *
 * A line for vmkeep-store: it is refused with a reason, or it is a request that is the same when it
 * is written and read again.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "helpers/store/service.h"
#include "helpers/store/tell.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

void tell_progress(void *ctx, uint64_t done, uint64_t total)
{
    (void)ctx;
    (void)done;
    (void)total;
}

void tell_at(const char *path)
{
    (void)path;
}

static char *written(const struct record *r, const void *value)
{
    json_t *json = record_write(r, value);
    char *ret = json_dumps(json, JSON_COMPACT);

    json_decref(json);
    assert(ret);
    return ret;
}

static void check_again(const struct record *r, const void *value)
{
    CLEANUP_FREE char *text = written(r, value), *again = NULL;
    CLEANUP_FREE void *copy = xcalloc(1, r->size);
    json_t *json = json_loads(text, 0, NULL);
    struct err err = ERR_INIT;

    assert(json && record_read(r, json, copy, &err) == 0);
    again = written(r, copy);
    assert(strcmp(text, again) == 0);
    record_done(r, copy);
    json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP_FREE char *line = xcalloc(size + 1, 1);
    CLEANUP_FREE void *request = NULL;
    const struct service *s = NULL;
    struct err err = ERR_INIT;

    if (size > 0)
        memcpy(line, data, size);
    if (service_read_line(&store_services, line, &s, &request, &err) < 0) {
        assert(err.code == ERR_INVALID && *err.msg && !request);
        return 0;
    }
    check_again(s->request, request);
    record_done(s->request, request);
    return 0;
}
