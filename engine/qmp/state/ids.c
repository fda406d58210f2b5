/* SPDX-License-Identifier: MIT */
#include "engine/qmp/state/ids.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/text.h"

#define JOB_PREFIX "vmkeep-"
#define NODE_PREFIX "vk-"

_Static_assert(sizeof(NODE_PREFIX) - 1 + HV_TAG_MAX - 1 + sizeof("-99f") <= NODE_NAME_MAX,
               "node names are at most 31 bytes");

static bool is_plain(char c)
{
    return isalnum((unsigned char)c) || c == '-';
}

int tag_check(const char *tag, struct err *err)
{
    size_t len = strlen(tag);

    for (size_t i = 0; i < len; i++)
        if (!is_plain(tag[i]))
            return err_set(err, ERR_INVALID, "tag '%s': only letters, digits and - are allowed",
                           tag);
    if (len == 0 || len >= HV_TAG_MAX)
        return err_set(err, ERR_INVALID, "tag '%s': 1 to %d bytes are allowed", tag,
                       HV_TAG_MAX - 1);
    return 0;
}

char *job_id(const char *tag, size_t i, const char *disk)
{
    char *id = xasprintf(JOB_PREFIX "%s-%zu.", tag, i), *end;

    id = xreallocarray(id, strlen(id) + strlen(disk) * 3 + 1, 1);
    end = id + strlen(id);
    for (; *disk; disk++)
        end += is_plain(*disk) ? sprintf(end, "%c", *disk)
                               : sprintf(end, "_%02X", (unsigned char)*disk);
    return id;
}

/* "TAG-I", with any number I: the length of TAG, or 0. */
static size_t tag_length(const char *s, size_t len)
{
    size_t i = len;

    while (i > 0 && isdigit((unsigned char)s[i - 1]))
        i--;
    if (i == len || i < 2 || s[i - 1] != '-' || i > HV_TAG_MAX)
        return 0;
    return i - 1;
}

static char *unescape(const char *s)
{
    char *ret = xcalloc(strlen(s) + 1, 1), *end = ret;
    unsigned int byte;

    for (; *s; s++) {
        if (*s == '_' && sscanf(s + 1, "%2x", &byte) == 1 && s[2]) {
            *end++ = (char)byte;
            s += 2;
        } else {
            *end++ = *s;
        }
    }
    return ret;
}

bool job_id_parse(const char *id, char ret_tag[HV_TAG_MAX], char **ret_disk)
{
    const char *dot = strchr(id, '.');
    const char *tag = id + strlen(JOB_PREFIX);
    size_t len;

    if (!starts_with(id, JOB_PREFIX) || !dot || dot < tag)
        return false;
    len = tag_length(tag, (size_t)(dot - tag));
    if (!len)
        return false;
    if (ret_tag) {
        memcpy(ret_tag, tag, len);
        ret_tag[len] = '\0';
    }
    if (ret_disk)
        *ret_disk = unescape(dot + 1);
    return true;
}

size_t job_id_index(const char *id)
{
    const char *dot = strchr(id, '.');

    while (dot > id && isdigit((unsigned char)dot[-1]))
        dot--;
    return strtoul(dot, NULL, 10);
}

bool job_id_has_tag(const char *id, const char *tag)
{
    char its[HV_TAG_MAX];

    return job_id_parse(id, its, NULL) && strcmp(its, tag) == 0;
}

static const char roles[] = "ftcasgwzypdnx";

void node_name(char ret[NODE_NAME_MAX], const char *tag, size_t i, enum node_role role)
{
    const char suffix[] = {(char)role, '\0'};

    snprintf(ret, NODE_NAME_MAX, NODE_PREFIX "%s-%zu%s", tag, i, suffix);
}

bool node_name_parse(const char *node, char ret_tag[HV_TAG_MAX], size_t *ret_i,
                     enum node_role *ret_role)
{
    size_t len = strlen(node), prefix = strlen(NODE_PREFIX), tag;
    bool lettered = len && strchr(roles, node[len - 1]);

    if (!starts_with(node, NODE_PREFIX))
        return false;
    tag = tag_length(node + prefix, len - prefix - lettered);
    if (!tag)
        return false;
    if (ret_tag) {
        memcpy(ret_tag, node + prefix, tag);
        ret_tag[tag] = '\0';
    }
    if (ret_i)
        *ret_i = strtoul(node + prefix + tag + 1, NULL, 10);
    if (ret_role)
        *ret_role = lettered ? (enum node_role)node[len - 1] : NODE_TARGET;
    return true;
}

bool node_name_is(const char *node, const char *tag, enum node_role role)
{
    char its[HV_TAG_MAX];
    enum node_role its_role;

    return node_name_parse(node, its, NULL, &its_role) && its_role == role && strcmp(its, tag) == 0;
}

void object_id(char ret[OBJECT_ID_MAX], const char *tag, const char *what)
{
    snprintf(ret, OBJECT_ID_MAX, NODE_PREFIX "%s-%s", tag, what);
}

bool object_id_has_tag(const char *id, const char *tag)
{
    size_t len = strlen(tag);

    return starts_with(id, NODE_PREFIX) && strncmp(id + strlen(NODE_PREFIX), tag, len) == 0 &&
           id[strlen(NODE_PREFIX) + len] == '-' && !strchr(id + strlen(NODE_PREFIX) + len + 1, '-');
}
