/* SPDX-License-Identifier: MIT */
#include "report/gather/point_json.h"

#include "base/pin.h"
#include "report/json.h"
#include "report/points.h"

static json_t *disk_json(const struct point_disk *d)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "name", report_json_text(d->name),
                     "path", report_json_text(d->path), "format", report_json_text(d->format),
                     "capacity", report_json_number((int64_t)d->capacity), "bytes",
                     report_json_number((int64_t)d->bytes), "digest", report_json_text(d->digest),
                     "content", report_json_text(d->content));
}

static json_t *disks_json(const struct point *p)
{
    json_t *ret = json_array();

    for (size_t i = 0; i < p->disks.n; i++)
        json_array_append_new(ret, disk_json(&p->disks.items[i]));
    return ret;
}

static json_t *missing_json(const struct point *p)
{
    json_t *ret = json_array();

    for (size_t i = 0; i < p->missing.n; i++)
        json_array_append_new(ret, report_json_text(p->missing.items[i]));
    return ret;
}

/* When it was read, and how much of it. */
static json_t *read_json(const struct point *p)
{
    const struct point_read *r = &p->read;

    return json_pack("{s:o, s:o, s:o, s:o}", "proven", report_json_time(r->proven), "at",
                     report_json_time(r->at), "percent",
                     r->at ? json_integer(r->slices > 1 ? 100 / (json_int_t)r->slices : 100)
                           : json_null(),
                     "result", report_json_text(r->result));
}

/* Where else it lies. */
static json_t *copies_json(const struct point_copies *copies, const struct point *p)
{
    size_t n;
    const struct point *const *of = point_copies_of(copies, p->id, &n);
    json_t *ret = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(ret,
                              json_pack("{s:o, s:o, s:o}", "id", report_json_text(of[i]->id),
                                        "repository", report_json_text(of[i]->repository), "state",
                                        report_json_text(point_state_text(of[i], false))));
    return ret;
}

static json_t *pin_json(const struct point *p, int64_t now)
{
    if (!pin_holds(&p->pin, now))
        return json_null();
    return json_pack("{s:o, s:o}", "until", report_json_time(p->pin.until), "note",
                     report_json_text(p->pin.note));
}

static json_t *made_json(const struct point *p)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:o}", "id",
                     report_json_text(p->id), "domain", report_json_text(p->domain), "host",
                     report_json_text(p->host), "policy", report_json_text(p->policy), "repository",
                     report_json_text(p->repository), "kind",
                     report_json_text(level_name(p->level)), "parent", report_json_text(p->parent),
                     "created", report_json_time(p->created), "checkpoint",
                     report_json_text(p->checkpoint), "mode", report_json_text(mode_name(p->mode)),
                     "quiesced", p->quiesced, "why", report_json_text(p->why));
}

json_t *point_json(const struct point *p, const struct point_copies *copies, const char *problem,
                   int64_t now)
{
    json_t *ret = made_json(p);
    json_t *more =
        json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "state",
                  report_json_text(point_state_text(p, false)), "problem",
                  report_json_text(p->problem), "keep", report_json_text(p->keep), "disks",
                  disks_json(p), "bytes", report_json_number((int64_t)point_bytes(p)), "missing",
                  missing_json(p), "left_out", report_left_out_json(&p->left_out), "read",
                  read_json(p), "proven_at", report_json_time(p->read.proven), "copy_of",
                  report_json_text(p->copy_of), "copies", copies_json(copies, p), "pin",
                  pin_json(p, now), "repository_problem", report_json_text(problem));

    json_object_update(ret, more);
    json_decref(more);
    return ret;
}
