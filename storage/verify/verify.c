/* SPDX-License-Identifier: MIT */
#include "storage/verify/verify.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "storage/digest/digest.h"
#include "storage/repository/repository_priv.h"

struct reading {
    const struct verify_request *r;
    uint64_t before; /* bytes of the images that are done */
    uint64_t length; /* of the one that is read; what reads it also reads itself */
};

/* The next point down that the disk of p stands on; NULL: it stands alone. */
static const struct point *below(const struct verify_request *r, const struct point *p)
{
    const struct point_disk *d = point_find_disk(p, r->disk);

    return d && d->backing ? point_list_find(r->chain, d->backing) : NULL;
}

static bool on_read(void *ctx, uint64_t bytes)
{
    const struct reading *s = ctx;

    if (bytes > s->length)
        bytes = s->length;
    return !s->r->progress || s->r->progress(s->r->ctx, s->before + bytes);
}

static int verify_image(struct reading *s, const struct point *p, const struct point_disk *d,
                        char **ret_bad, struct err *err)
{
    CLEANUP_FREE char *image = repository_image(s->r->path, p->id, d->path, false);
    CLEANUP_FREE char *digest = NULL;

    if (!d->digest)
        return 0;
    s->length = d->length;
    if (digest_file_watched(image, s->r->bandwidth, on_read, s, &digest, err) < 0)
        return -1;
    if (strcmp(digest, d->digest) == 0)
        return 0;
    *ret_bad = xstrdup(p->id);
    return err_set(err, ERR_CORRUPT,
                   "%s holds other data than when it was published (%.20s..., not %.20s...)", image,
                   digest, d->digest);
}

int verify_disk(const struct verify_request *r, char **ret_bad, struct err *err)
{
    struct reading s = {.r = r};
    size_t steps = 0;

    *ret_bad = NULL;
    for (const struct point *p = &r->chain->items[0]; p && steps <= r->chain->n; steps++) {
        const struct point_disk *d = point_find_disk(p, r->disk);

        if (!d)
            return err_set(err, ERR_NOTFOUND, "%s: has no disk %s", p->id, r->disk);
        if (verify_image(&s, p, d, ret_bad, err) < 0)
            return -1;
        s.before += d->digest ? d->length : 0;
        p = below(r, p);
    }
    return 0;
}

uint64_t verify_bytes(const struct verify_request *r)
{
    uint64_t sum = 0;
    size_t steps = 0;

    for (const struct point *p = &r->chain->items[0]; p && steps <= r->chain->n; steps++) {
        const struct point_disk *d = point_find_disk(p, r->disk);

        sum += d && d->digest ? d->length : 0;
        p = below(r, p);
    }
    return sum;
}

int verify_point_disk(const struct verify_point *v, uint64_t *ret_bytes, char **ret_bad,
                      struct err *err)
{
    CLEANUP(point_list_done) struct point_list chain = {0};
    const struct verify_request r = {.path = v->path,
                                     .chain = &chain,
                                     .disk = v->disk,
                                     .bandwidth = v->bandwidth,
                                     .progress = v->progress,
                                     .ctx = v->ctx};

    *ret_bad = NULL;
    if (read_chain(v->path, v->point_id, &chain, err) < 0)
        return -1;
    *ret_bytes = verify_bytes(&r);
    return verify_disk(&r, ret_bad, err);
}
