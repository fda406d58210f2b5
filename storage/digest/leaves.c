/* SPDX-License-Identifier: MIT */
#include "storage/digest/leaves.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

#define NODE_BYTES ((size_t)LEAVES_NODE * TREE_DIGEST)
#define ROOT_TAG "vmkeep content 1"
#define ROOT_TAG_LEN 16

static const unsigned char zero[TREE_DIGEST];

static uint64_t nodes_of(uint64_t leaves)
{
    return (leaves + LEAVES_NODE - 1) / LEAVES_NODE;
}

void leaves_done(struct leaves *l)
{
    for (uint64_t i = 0; i < nodes_of(l->n); i++)
        free(l->nodes[i]);
    free(l->nodes);
    *l = (struct leaves){0};
}

void leaves_resize(struct leaves *l, uint64_t capacity)
{
    uint64_t n = tree_leaves(capacity), had = nodes_of(l->n), nodes = nodes_of(n);

    for (uint64_t i = nodes; i < had; i++)
        free(l->nodes[i]);
    if (nodes != had) {
        l->nodes = xreallocarray(l->nodes, nodes ? nodes : 1, sizeof(*l->nodes));
        for (uint64_t i = had; i < nodes; i++)
            l->nodes[i] = NULL;
    }
    if (n < l->n && n % LEAVES_NODE && l->nodes[nodes - 1])
        memset(l->nodes[nodes - 1] + n % LEAVES_NODE * TREE_DIGEST, 0,
               NODE_BYTES - n % LEAVES_NODE * TREE_DIGEST);
    l->n = n;
    l->capacity = capacity;
}

const unsigned char *leaves_get(const struct leaves *l, uint64_t leaf)
{
    const unsigned char *node = l->nodes[leaf / LEAVES_NODE];

    return node ? node + leaf % LEAVES_NODE * TREE_DIGEST : zero;
}

void leaves_set(struct leaves *l, uint64_t leaf, const unsigned char *digest)
{
    unsigned char **node = &l->nodes[leaf / LEAVES_NODE];

    if (!*node && tree_is_zero(digest))
        return;
    if (!*node)
        *node = xcalloc(1, NODE_BYTES);
    memcpy(*node + leaf % LEAVES_NODE * TREE_DIGEST, digest, TREE_DIGEST);
}

static void set_zeroes(struct leaves *l, uint64_t first, uint64_t end)
{
    for (uint64_t k = first; k < end; k++)
        if (l->nodes[k / LEAVES_NODE])
            leaves_set(l, k, zero);
        else
            k |= LEAVES_NODE - 1; /* zeroes to the node's end */
}

void leaves_lay(struct leaves *l, const struct tree *t)
{
    const unsigned char(*digest)[TREE_DIGEST] = (const unsigned char(*)[TREE_DIGEST])t->digests;

    if (!t->delta)
        leaves_resize(l, 0);
    leaves_resize(l, t->capacity);
    for (size_t i = 0; i < t->runs.n; i++) {
        const struct tree_run *r = &t->runs.items[i];

        if (r->zero)
            set_zeroes(l, r->first, r->first + r->count);
        for (uint64_t k = r->first; !r->zero && k < r->first + r->count; k++)
            leaves_set(l, k, *digest++);
    }
}

/* ---- digests ---- */

static bool all_zero(const unsigned char *data, size_t len)
{
    return data[0] == 0 && memcmp(data, data + 1, len - 1) == 0;
}

static void digest_unless_zero(const unsigned char *data, size_t len,
                               unsigned char ret[TREE_DIGEST])
{
    if (all_zero(data, len))
        memset(ret, 0, TREE_DIGEST);
    else
        SHA256(data, len, ret);
}

void leaf_digest(const unsigned char *data, unsigned char ret[TREE_DIGEST])
{
    digest_unless_zero(data, TREE_LEAF, ret);
}

/* The digests of n children become those of their nodes, in place; how many these are. */
static uint64_t next_level(unsigned char *digests, uint64_t n)
{
    for (uint64_t i = 0; i < nodes_of(n); i++) {
        uint64_t children = n - i * LEAVES_NODE;
        unsigned char ret[TREE_DIGEST];

        if (children > LEAVES_NODE)
            children = LEAVES_NODE;
        digest_unless_zero(digests + i * NODE_BYTES, children * TREE_DIGEST, ret);
        memcpy(digests + i * TREE_DIGEST, ret, TREE_DIGEST);
    }
    return nodes_of(n);
}

void leaves_content(const struct leaves *l, unsigned char ret[TREE_DIGEST])
{
    uint64_t n = nodes_of(l->n);
    CLEANUP_FREE unsigned char *level = xcalloc(n ? n : 1, TREE_DIGEST);
    unsigned char root[ROOT_TAG_LEN + 8 + TREE_DIGEST] = ROOT_TAG;

    if (l->n == 1)
        memcpy(level, leaves_get(l, 0), TREE_DIGEST);
    for (uint64_t i = 0; l->n > 1 && i < n; i++) {
        uint64_t children = l->n - i * LEAVES_NODE;

        if (l->nodes[i])
            digest_unless_zero(l->nodes[i],
                               (children < LEAVES_NODE ? children : LEAVES_NODE) * TREE_DIGEST,
                               level + i * TREE_DIGEST);
    }
    while (n > 1)
        n = next_level(level, n);
    for (int i = 0; i < 8; i++)
        root[ROOT_TAG_LEN + i] = (unsigned char)(l->capacity >> (56 - 8 * i));
    memcpy(root + ROOT_TAG_LEN + 8, level, TREE_DIGEST);
    SHA256(root, sizeof(root), ret);
}

char *content_text(const unsigned char content[TREE_DIGEST])
{
    char hex[2 * TREE_DIGEST + 1];

    for (size_t i = 0; i < TREE_DIGEST; i++)
        snprintf(hex + 2 * i, 3, "%02x", content[i]);
    return xasprintf("%s%s", CONTENT_PREFIX, hex);
}

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int content_parse(const char *text, unsigned char ret[TREE_DIGEST])
{
    const char *hex = text + strlen(CONTENT_PREFIX);

    if (!starts_with(text, CONTENT_PREFIX) || strlen(hex) != 2 * (size_t)TREE_DIGEST ||
        strspn(hex, "0123456789abcdef") != 2 * (size_t)TREE_DIGEST)
        return -1;
    for (size_t i = 0; i < TREE_DIGEST; i++)
        ret[i] = (unsigned char)(digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1]));
    return 0;
}
