/* SPDX-License-Identifier: MIT */
#include "storage/repository/manifest.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/names.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "storage/digest/leaves.h"
#include "storage/repository/repository.h"

#define FORMAT 1

bool manifest_is_definition(const char *file)
{
    static const char *const names[] = {"domain.xml", "domain.live.xml", "qemu.args",
                                        "nvram.fd",   "tpm.permall",     "beside.json"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_eq(file, names[i]))
            return true;
    return false;
}

/* ---- writing ---- */

/* Texts may quote what others said, cut off anywhere; JSON takes UTF-8 only. */
static json_t *text(const char *s)
{
    json_t *ret = s ? json_string(s) : json_null();

    if (!ret) {
        CLEANUP_FREE char *copy = xstrdup(s);

        for (char *p = copy; *p; p++)
            if ((unsigned char)*p >= 0x80)
                *p = '?';
        ret = json_string(copy);
    }
    return ret;
}

static json_t *number(uint64_t v)
{
    return json_integer((json_int_t)v);
}

/* What the disk was, as far as it is known. */
static json_t *source_json(const struct disk_origin *d)
{
    json_t *o = json_object();

    json_object_set_new(o, "image", text(d->image));
    json_object_set_new(o, "identity", text(d->identity));
    json_object_set_new(o, "device", text(d->device));
    json_object_set_new(o, "bitmap", text(d->bitmap));
    return o;
}

static json_t *disk_json(const struct point_disk *d)
{
    json_t *o = json_object();

    json_object_set_new(o, "name", text(d->name));
    json_object_set_new(o, "path", text(d->path));
    json_object_set_new(o, "format", text(d->format));
    json_object_set_new(o, "capacity", number(d->capacity));
    json_object_set_new(o, "bytes", number(d->bytes));
    json_object_set_new(o, "length", number(d->length));
    json_object_set_new(o, "digest", text(d->digest));
    json_object_set_new(o, "compress", text(compression_name(d->compress)));
    if (d->loose)
        json_object_set_new(o, "uncompressed", number(d->loose));
    if (d->encrypted)
        json_object_set_new(o, "encrypt", text("luks"));
    json_object_set_new(o, "content", text(d->content));
    json_object_set_new(o, "backing", text(d->backing));
    json_object_set_new(o, "source", source_json(&d->origin));
    return o;
}

static json_t *left_out_json(const struct left_out_list *l)
{
    json_t *ret = json_array();

    for (size_t i = 0; i < l->n; i++) {
        json_t *o = json_object();

        json_object_set_new(o, "name", text(l->items[i].name));
        json_object_set_new(o, "why", text(l->items[i].why));
        json_array_append_new(ret, o);
    }
    return ret;
}

char *manifest_write(const struct point *p)
{
    json_t *o = json_object(), *disks = json_array(), *missing = json_array();
    char created[TIMEFMT_MAX], *ret;

    json_object_set_new(o, "format", json_integer(FORMAT));
    json_object_set_new(o, "id", text(p->id));
    json_object_set_new(o, "host", text(p->host));
    json_object_set_new(o, "domain", text(p->domain));
    json_object_set_new(o, "policy", text(p->policy));
    json_object_set_new(o, "repository", text(p->repository));
    json_object_set_new(o, "kind", text(level_name(p->level)));
    json_object_set_new(o, "parent", text(p->parent));
    json_object_set_new(o, "created", text(time_utc(p->created, created)));
    json_object_set_new(o, "checkpoint", text(p->checkpoint));
    json_object_set_new(o, "mode", text(mode_name(p->mode)));
    json_object_set_new(o, "quiesced", json_boolean(p->quiesced));
    json_object_set_new(o, "catalog", text(p->catalog));
    json_object_set_new(o, "job", number((uint64_t)p->job));
    if (p->copy_of)
        json_object_set_new(o, "copy_of", text(p->copy_of));
    json_object_set_new(o, "why", text(p->why));
    for (size_t i = 0; i < p->disks.n; i++)
        json_array_append_new(disks, disk_json(&p->disks.items[i]));
    json_object_set_new(o, "disks", disks);
    for (size_t i = 0; i < p->missing.n; i++)
        json_array_append_new(missing, text(p->missing.items[i]));
    json_object_set_new(o, "missing", missing);
    json_object_set_new(o, "left_out", left_out_json(&p->left_out));
    ret = json_dumps(o, JSON_INDENT(2));
    json_decref(o);
    return ret;
}

/* ---- reading ---- */

enum need { REQUIRED, OPTIONAL /* may be null or missing */ };

static int bad(const char *key, const char *why, struct err *err)
{
    return err_set(err, ERR_CORRUPT, "%s: %s", key, why);
}

static int read_text(const json_t *o, const char *key, enum need need, char **ret, struct err *err)
{
    const json_t *v = json_object_get(o, key);

    if ((!v || json_is_null(v)) && need == OPTIONAL)
        return 0;
    if (!json_is_string(v))
        return bad(key, v ? "is not a text" : "is missing", err);
    if (need == REQUIRED && !*json_string_value(v))
        return bad(key, "is empty", err);
    *ret = xstrdup(json_string_value(v));
    return 0;
}

static int read_size(const json_t *o, const char *key, enum need need, uint64_t *ret,
                     struct err *err)
{
    const json_t *v = json_object_get(o, key);

    if (!v && need == OPTIONAL)
        return 0;
    if (!json_is_integer(v) || json_integer_value(v) < 0)
        return bad(key, v ? "is not a number of bytes" : "is missing", err);
    *ret = (uint64_t)json_integer_value(v);
    return 0;
}

static int read_words(const json_t *o, struct point *p, struct err *err)
{
    CLEANUP_FREE char *kind = NULL;
    CLEANUP_FREE char *mode = NULL;
    CLEANUP_FREE char *created = NULL;
    const json_t *quiesced = json_object_get(o, "quiesced");

    if (read_text(o, "kind", REQUIRED, &kind, err) < 0 ||
        read_text(o, "mode", REQUIRED, &mode, err) < 0 ||
        read_text(o, "created", REQUIRED, &created, err) < 0)
        return -1;
    if (level_from_name(kind, &p->level) < 0)
        return bad("kind", "is neither full nor incremental", err);
    if (mode_from_name(mode, &p->mode) < 0)
        return bad("mode", "is neither push nor pull", err);
    if (time_parse(created, &p->created, err) < 0)
        return bad("created", "is not a time", err);
    if (!json_is_boolean(quiesced))
        return bad("quiesced", quiesced ? "is neither true nor false" : "is missing", err);
    p->quiesced = json_is_true(quiesced);
    return 0;
}

/* A disk's file lies in the point's own directory, beside the manifest and the definition. */
static bool is_image_name(const char *path)
{
    CLEANUP_FREE char *name = name_unescape(path);

    return name && *name && !str_eq(path, "point.json") && !manifest_is_definition(path);
}

/* Manifests of older versions have none. */
static int read_source(const json_t *o, struct disk_origin *ret, struct err *err)
{
    const json_t *source = json_object_get(o, "source");

    if (!source || json_is_null(source))
        return 0;
    if (!json_is_object(source))
        return bad("source", "is not an object", err);
    if (read_text(source, "image", OPTIONAL, &ret->image, err) < 0 ||
        read_text(source, "identity", OPTIONAL, &ret->identity, err) < 0 ||
        read_text(source, "device", OPTIONAL, &ret->device, err) < 0 ||
        read_text(source, "bitmap", OPTIONAL, &ret->bitmap, err) < 0)
        return err_wrap(err, "source");
    return 0;
}

static int read_missing(const json_t *o, struct point *p, struct err *err)
{
    const json_t *missing = json_object_get(o, "missing");

    if (missing && !json_is_null(missing) && !json_is_array(missing))
        return bad("missing", "is not a list", err);
    for (size_t i = 0; i < json_array_size(missing); i++) {
        const char *name = json_string_value(json_array_get(missing, i));

        if (!name || !*name)
            return bad("missing", "has an entry that is no name", err);
        if (!strlist_has(&p->missing, name))
            strlist_add(&p->missing, name);
    }
    return 0;
}

static int read_left_out(const json_t *o, struct point *p, struct err *err)
{
    const json_t *list = json_object_get(o, "left_out");

    if (list && !json_is_null(list) && !json_is_array(list))
        return bad("left_out", "is not a list", err);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        CLEANUP_FREE char *name = NULL;
        CLEANUP_FREE char *why = NULL;

        if (read_text(item, "name", REQUIRED, &name, err) < 0 ||
            read_text(item, "why", REQUIRED, &why, err) < 0)
            return err_wrap(err, "left_out");
        left_out_add(&p->left_out, name, why);
    }
    return 0;
}

/* Manifests of older versions have none. */
static int read_compression(const json_t *o, enum image_compression *ret, struct err *err)
{
    CLEANUP_FREE char *word = NULL;

    if (read_text(o, "compress", OPTIONAL, &word, err) < 0)
        return -1;
    if (word && compression_from_name(word, ret) < 0)
        return bad("compress", "is neither off, zlib nor zstd", err);
    return 0;
}

static int read_encryption(const json_t *o, bool *ret, struct err *err)
{
    CLEANUP_FREE char *word = NULL;

    if (read_text(o, "encrypt", OPTIONAL, &word, err) < 0)
        return -1;
    if (word && !str_eq(word, "luks"))
        return err_set(err, ERR_UNSUPPORTED, "encrypt: '%s' is not one that this program knows",
                       word);
    *ret = word;
    return 0;
}

static int read_disk(const json_t *o, struct point_disk *d, struct err *err)
{
    if (read_text(o, "name", REQUIRED, &d->name, err) < 0 ||
        read_text(o, "path", REQUIRED, &d->path, err) < 0 ||
        read_text(o, "format", REQUIRED, &d->format, err) < 0 ||
        read_size(o, "capacity", REQUIRED, &d->capacity, err) < 0 ||
        read_size(o, "bytes", REQUIRED, &d->bytes, err) < 0 ||
        read_size(o, "length", OPTIONAL, &d->length, err) < 0 ||
        read_text(o, "digest", OPTIONAL, &d->digest, err) < 0 ||
        read_compression(o, &d->compress, err) < 0 ||
        read_size(o, "uncompressed", OPTIONAL, &d->loose, err) < 0 ||
        read_encryption(o, &d->encrypted, err) < 0 ||
        read_text(o, "content", OPTIONAL, &d->content, err) < 0 ||
        read_text(o, "backing", OPTIONAL, &d->backing, err) < 0 ||
        read_source(o, &d->origin, err) < 0)
        return -1;
    if (!is_image_name(d->path))
        return bad("path", "is not the name of an image in the point's directory", err);
    if (d->content && content_parse(d->content, (unsigned char[TREE_DIGEST]){0}) < 0)
        return bad("content", "is not sha256-tree: and 64 hexadecimal digits", err);
    if (!str_eq(d->format, "qcow2"))
        return err_set(err, ERR_UNSUPPORTED, "format: '%s' is not one that this program knows",
                       d->format);
    return 0;
}

static int read_disks(const json_t *o, struct point *p, struct err *err)
{
    const json_t *disks = json_object_get(o, "disks");

    if (!json_is_array(disks))
        return bad("disks", disks ? "is not a list" : "is missing", err);
    for (size_t i = 0; i < json_array_size(disks); i++) {
        struct point_disk *d = VEC_ADD(&p->disks);

        if (read_disk(json_array_get(disks, i), d, err) < 0)
            return err_wrap(err, "disk %zu", i + 1);
        for (size_t k = 0; k < i; k++)
            if (str_eq(p->disks.items[k].name, d->name) || str_eq(p->disks.items[k].path, d->path))
                return err_set(err, ERR_CORRUPT, "disk %zu: '%s' is there twice", i + 1, d->name);
    }
    return 0;
}

/* Points stand on points of the same domain only. */
static int check_below(const struct point *p, const char *key, const char *id, struct err *err)
{
    if (point_ids_share_domain(p->id, id) && !str_eq(p->id, id))
        return 0;
    return bad(key, "is not another point of the same domain", err);
}

static int check_point(const struct point *p, struct err *err)
{
    CLEANUP_FREE char *id = point_id_make(p);
    struct err ignored = ERR_INIT;
    bool based = false;

    if (!str_eq(id, p->id) || point_id_check(p->id, &ignored) < 0)
        return bad("id", "does not follow from host, domain, policy, created, catalog and job",
                   err);
    if ((p->parent && check_below(p, "parent", p->parent, err) < 0) ||
        (p->copy_of && check_below(p, "copy_of", p->copy_of, err) < 0))
        return -1;
    for (size_t i = 0; i < p->disks.n; i++) {
        const struct point_disk *d = &p->disks.items[i];

        if (d->backing && check_below(p, "backing", d->backing, err) < 0)
            return err_wrap(err, "disk %s", d->name);
        based = based || d->backing;
    }
    if (based != (p->level == LEVEL_INCREMENTAL))
        return bad("kind",
                   based ? "is full, but a disk stands on another point"
                         : "is incremental, but no disk stands on another point",
                   err);
    return 0;
}

/* Manifests of older versions have none. */
static int read_job(const json_t *o, struct point *p, struct err *err)
{
    const json_t *v = json_object_get(o, "job");

    if (v && (!json_is_integer(v) || json_integer_value(v) < 0))
        return bad("job", "is not the number of a job", err);
    p->job = json_integer_value(v);
    return 0;
}

static int read_point(const json_t *o, struct point *p, struct err *err)
{
    const json_t *format = json_object_get(o, "format");

    if (!json_is_integer(format) || json_integer_value(format) < 1)
        return bad("format", format ? "is not a version" : "is missing", err);
    if (json_integer_value(format) > FORMAT)
        return err_set(err, ERR_UNSUPPORTED, "format %lld, this program knows up to %d",
                       (long long)json_integer_value(format), FORMAT);
    if (read_text(o, "id", REQUIRED, &p->id, err) < 0 ||
        read_text(o, "host", REQUIRED, &p->host, err) < 0 ||
        read_text(o, "domain", REQUIRED, &p->domain, err) < 0 ||
        read_text(o, "policy", REQUIRED, &p->policy, err) < 0 ||
        read_text(o, "repository", OPTIONAL, &p->repository, err) < 0 ||
        read_text(o, "parent", OPTIONAL, &p->parent, err) < 0 ||
        read_text(o, "checkpoint", OPTIONAL, &p->checkpoint, err) < 0 ||
        read_text(o, "catalog", OPTIONAL, &p->catalog, err) < 0 || read_job(o, p, err) < 0 ||
        read_text(o, "copy_of", OPTIONAL, &p->copy_of, err) < 0 ||
        read_text(o, "why", OPTIONAL, &p->why, err) < 0 || read_words(o, p, err) < 0 ||
        read_disks(o, p, err) < 0 || read_missing(o, p, err) < 0 || read_left_out(o, p, err) < 0)
        return -1;
    return check_point(p, err);
}

int manifest_read(const char *json, size_t len, const char *where, struct point *ret,
                  struct err *err)
{
    CLEANUP(point_done) struct point p = {0};
    json_error_t at;
    json_t *o = json_loadb(json, len, JSON_REJECT_DUPLICATES, &at);
    int rc;

    if (!o)
        return err_set(err, ERR_CORRUPT, "%s:%d: %s", where, at.line, at.text);
    rc = read_point(o, &p, err);
    json_decref(o);
    if (rc < 0)
        return err_wrap(err, "%s", where);
    *ret = p;
    p = (struct point){0};
    return 0;
}
