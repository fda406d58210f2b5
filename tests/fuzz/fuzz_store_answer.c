/* SPDX-License-Identifier: MIT
 *
 * What vmkeep-store prints, as the daemon reads it, line by line: each is refused with a reason, or
 * it is one of the three, and the last is read as the answer to any request.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/ask.h"
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

static void read_as(const struct record *r, const json_t *result)
{
    CLEANUP_FREE void *value = xcalloc(1, r->size);
    struct err err = ERR_INIT;

    if (record_read(r, result, value, &err) == 0)
        json_decref(record_write(r, value));
    else
        assert(err.code == ERR_INVALID && *err.msg);
    record_done(r, value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP_FREE char *text = xcalloc(size + 1, 1);
    struct answer a = {0};
    const struct service *s;
    struct err err = ERR_INIT;
    char *rest = text, *line;

    if (size > 0)
        memcpy(text, data, size);
    while ((line = strsep(&rest, "\n")) && *line) {
        bool last = a.result || a.err.code != ERR_NONE;

        if (answer_read(&a, line, &err) < 0) {
            assert(err.code == ERR_PROTOCOL && *err.msg);
            break;
        }
        assert(!last);
    }
    assert(!a.result || a.err.code == ERR_NONE);
    for (size_t i = 0; a.result && (s = service_at(&store_services, i)); i++)
        if (s->answer)
            read_as(s->answer, a.result);
    answer_done(&a);
    return 0;
}
