/* SPDX-License-Identifier: MIT */
#include "storage/images/image_run.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "storage/images/qcow2_links.h"

#define CHAIN_MAX 100000
/* QEMU 7.2, of LUKS. */
#define SAID_WRONG_KEY "cannot unlock any keyslot"

void image_words_done(struct image_words *w)
{
    free(w->name);
    free(w->object);
    free(w->blockdev);
    *w = (struct image_words){0};
}

bool image_is_encrypted(const char *image)
{
    CLEANUP(qcow2_links_done) struct qcow2_links links = {0};

    qcow2_links_read(image, &links);
    return links.encrypted;
}

/* ---- the description ---- */

struct layers {
    char **items; /* paths, the image first */
    size_t n, cap;
    VEC(bool) encrypted;
    size_t first; /* that is encrypted; n: none */
};

static void layers_done(struct layers *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->items[i]);
    free(l->items);
    free(l->encrypted.items);
}

static void read_layers(const char *image, bool alone, struct layers *ret)
{
    char *next = xstrdup(image);

    while (next && ret->n < CHAIN_MAX) {
        struct qcow2_links links;

        *VEC_ADD(ret) = next;
        qcow2_links_read(next, &links);
        *VEC_ADD(&ret->encrypted) = links.encrypted;
        next = alone ? NULL : TAKE_PTR(links.backing);
        qcow2_links_done(&links);
    }
    free(next);
    while (ret->first < ret->n && !ret->encrypted.items[ret->first])
        ret->first++;
}

/* id: of the key's object. */
static char *describe(const struct layers *l, bool alone, const char *id)
{
    CLEANUP_FREE char *text = NULL;
    json_t *below = NULL;

    for (size_t i = l->n; i-- > 0;) {
        json_t *o = json_pack("{s:s}", "driver", "qcow2");

        if (l->encrypted.items[i])
            json_object_set_new(o, "encrypt.key-secret", json_string(id));
        if (below)
            json_object_set_new(o, "backing", below);
        below = o;
    }
    json_object_set_new(
        below, "file",
        json_pack("{s:s, s:s}", "driver", "file", "filename", l->items[0])); /* NULL: not UTF-8 */
    if (alone)
        json_object_set_new(below, "backing", json_null());
    if (json_object_get(below, "file"))
        text = json_dumps(below, JSON_COMPACT);
    json_decref(below);
    return text ? xasprintf("json:%s", text) : NULL;
}

/* Without the file of the first. */
static char *describe_nodes(const struct layers *l)
{
    json_t *below = NULL;
    char *ret;

    for (size_t i = l->n; i-- > 0;) {
        json_t *o =
            i == 0 ? json_object()
                   : json_pack("{s:s, s:b, s:{s:s, s:s, s:b}}", "driver", "qcow2", "read-only", 1,
                               "file", "driver", "file", "filename", l->items[i], "read-only", 1);

        if (l->encrypted.items[i])
            json_object_set_new(
                o, "encrypt", json_pack("{s:s, s:s}", "format", "luks", "key-secret", KEY_OBJECT));
        if (below)
            json_object_set_new(o, "backing", below);
        below = o;
    }
    ret = json_dumps(below, JSON_COMPACT);
    json_decref(below);
    return ret;
}

static int find_key(const char *image, const char *encrypted, const struct key **ret,
                    struct err *err)
{
    *ret = keys_find(encrypted);
    if (!*ret)
        *ret = keys_find(image);
    if (!*ret)
        return err_set(err, ERR_DENIED,
                       "%s: is encrypted, and there is no key for it: `encrypt` of its repository "
                       "in the configuration names one, or --key FILE",
                       encrypted);
    if (key_check((*ret)->file, err) == 0)
        return 0;
    err_wrap(err, "%s: its key", encrypted);
    err->code = ERR_DENIED;
    return -1;
}

static int words(const char *image, bool alone, const char *id, struct image_words *ret,
                 struct err *err)
{
    CLEANUP(layers_done) struct layers layers = {0};
    const struct key *key = NULL;

    read_layers(image, alone, &layers);
    if (layers.first < layers.n && find_key(image, layers.items[layers.first], &key, err) < 0)
        return -1;
    ret->name = key || alone ? describe(&layers, alone, id) : xstrdup(image);
    if (!ret->name)
        return err_set(err, ERR_INVALID, "%s: the file's name is not UTF-8", image);
    ret->object = key ? secret_object(id, key->file) : NULL;
    ret->blockdev = key ? describe_nodes(&layers) : NULL;
    ret->key = key;
    return 0;
}

int image_words(const char *image, struct image_words *ret, struct err *err)
{
    *ret = (struct image_words){0};
    return words(image, false, KEY_OBJECT, ret, err);
}

int image_words_alone(const char *image, const char *id, struct image_words *ret, struct err *err)
{
    *ret = (struct image_words){0};
    return words(image, true, id, ret, err);
}

/* ---- running ---- */

void image_key_failed(const char *image, const struct key *k, struct err *err)
{
    CLEANUP_FREE char *key = k ? key_text(k) : NULL;

    if (k && strstr(err->msg, SAID_WRONG_KEY))
        err_set(err, ERR_DENIED,
                "%s: %s does not open it, it is encrypted with another one: give that by --key "
                "FILE, or put it back where `secrets` names it",
                image, key);
}

int image_run(const char *const *argv, const char *image, proc_watch watch, void *ctx,
              char **ret_out, struct err *err)
{
    CLEANUP(image_words_done) struct image_words w = {0};
    VEC(const char *) ran = {0};
    int rc;

    if (image_words(image, &w, err) < 0)
        return -1;
    for (size_t i = 0; argv[i]; i++) {
        *VEC_ADD(&ran) = str_eq(argv[i], image) ? w.name : argv[i];
        if (w.object && i == 1) { /* behind qemu-img's command, or a word of qemu-io's */
            *VEC_ADD(&ran) = "--object";
            *VEC_ADD(&ran) = w.object;
        }
    }
    *VEC_ADD(&ran) = NULL;
    rc = proc_run_watched(ran.items, watch, ctx, ret_out, err);
    free(ran.items);
    if (rc < 0)
        image_key_failed(image, w.key, err);
    return rc;
}

int image_io(const char *image, const char *option, const struct strlist *commands,
             proc_watch watch, void *ctx, struct err *err)
{
    VEC(const char *) argv = {0};
    int rc;

    *VEC_ADD(&argv) = "qemu-io";
    *VEC_ADD(&argv) = option;
    *VEC_ADD(&argv) = "-f";
    *VEC_ADD(&argv) = "qcow2";
    for (size_t i = 0; i < commands->n; i++) {
        *VEC_ADD(&argv) = "-c";
        *VEC_ADD(&argv) = commands->items[i];
    }
    *VEC_ADD(&argv) = "-c";
    *VEC_ADD(&argv) = "flush";
    *VEC_ADD(&argv) = image;
    *VEC_ADD(&argv) = NULL;
    rc = image_run(argv.items, image, watch, ctx, NULL, err);
    free(argv.items);
    return rc;
}
