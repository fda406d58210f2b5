/* SPDX-License-Identifier: MIT */
#include "storage/catalog/pin_order.h"

static const struct point_pin *meanwhile(const struct pin_change *change)
{
    return pin_outlives(&change->pin, &change->was) ? &change->pin : &change->was;
}

int pin_change_begin(struct catalog *c, const struct pin_change *change, struct err *err)
{
    const struct point_pin *pin = meanwhile(change);

    return pin == &change->was ? 0 : catalog_point_set_pin(c, change->point, pin, err);
}

/* These are answered before the file is written, or removed. */
static bool is_untouched(const struct err *failed)
{
    return failed->code == ERR_NOTFOUND || failed->code == ERR_DENIED || failed->code == ERR_BUSY ||
           failed->code == ERR_INVALID;
}

static int put(struct catalog *c, const struct pin_change *change, const struct point_pin *pin,
               struct err *err)
{
    return pin == meanwhile(change) ? 0 : catalog_point_set_pin(c, change->point, pin, err);
}

int pin_change_end(struct catalog *c, const struct pin_change *change, const struct err *failed,
                   struct err *err)
{
    struct err trouble = ERR_INIT;

    if (!failed)
        return put(c, change, &change->pin, err);
    *err = *failed;
    if (is_untouched(failed)) {
        if (put(c, change, &change->was, &trouble) < 0)
            err_wrap(err, "the catalog keeps the longer pin (%s)", trouble.msg);
    } else if (meanwhile(change)->since) {
        err_wrap(err,
                 "whether its file has changed is not known, and the longer of both pins counts "
                 "until it is asked for again");
    }
    return -1;
}
