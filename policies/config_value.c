/* SPDX-License-Identifier: MIT
 *
 * Single values of the configuration, by type.
 */
#include "policies/config_priv.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/names.h"
#include "base/text.h"
#include "base/timefmt.h"

#define SOCKET_BYTES 107 /* sun_path */
#define SHOWN "'%.80s'"  /* a value in a text */

static int set_string(const struct config_key *key, const char *text, void *member, struct err *err)
{
    if (!*text)
        return err_set(err, ERR_INVALID, "must not be empty");
    if (strlen(text) > (size_t)key->max)
        return err_set(err, ERR_INVALID, SHOWN " is too long: %zu bytes (%lld at most)", text,
                       strlen(text), (long long)key->max);
    *(char **)member = xstrdup(text);
    return 0;
}

static int set_name(const struct config_key *key, const char *text, void *member, struct err *err)
{
    CLEANUP_FREE char *file_name = name_escape(text);

    if (strchr(text, '/'))
        return err_set(err, ERR_INVALID, SHOWN " must not contain '/'", text);
    if (strlen(text) <= (size_t)key->max && strlen(file_name) > (size_t)key->max)
        return err_set(err, ERR_INVALID,
                       SHOWN
                       " is too long: %zu bytes as the name of a file, where a byte outside of "
                       "a-z A-Z 0-9 - _ . + takes three (%lld at most)",
                       text, strlen(file_name), (long long)key->max);
    return set_string(key, text, member, err);
}

static int set_path(const struct config_key *key, const char *text, void *member, struct err *err)
{
    if (*text && *text != '/')
        return err_set(err, ERR_INVALID, SHOWN " is not an absolute path (it must begin with '/')",
                       text);
    return set_string(key, text, member, err);
}

static int set_address(const struct config_key *key, const char *text, void *member,
                       struct err *err)
{
    const char *colon = strrchr(text, ':');
    const char *path = starts_with(text, "unix:") ? text + strlen("unix:") : NULL;
    size_t len = colon ? (size_t)(colon - text) : 0;
    bool bracketed = len > 2 && text[0] == '[' && text[len - 1] == ']';
    int64_t port;

    if (path && *path == '/' && strlen(path) <= SOCKET_BYTES)
        return set_string(key, text, member, err);
    if (path || len == 0 || !parse_int(colon + 1, 1, 65535, &port) ||
        (!bracketed && strcspn(text, ":[] ") != len))
        return err_set(err, ERR_INVALID,
                       SHOWN " is not ADDRESS:PORT (such as 127.0.0.1:9810 or [::1]:9810), nor "
                             "unix:PATH",
                       text);
    return set_string(key, text, member, err);
}

static int set_uint(const struct config_key *key, const char *text, int *member, struct err *err)
{
    int64_t v;

    if (!parse_int(text, key->min, key->max, &v))
        return err_set(err, ERR_INVALID, SHOWN " is not a number from %lld to %lld", text,
                       (long long)key->min, (long long)key->max);
    *member = (int)v;
    return 0;
}

static int set_percent(const struct config_key *key, const char *text, int *member, struct err *err)
{
    size_t len = strlen(text);
    CLEANUP_FREE char *digits =
        len > 1 && text[len - 1] == '%' ? xasprintf("%.*s", (int)len - 1, text) : NULL;
    int64_t v;

    if (!digits || !parse_int(digits, key->min, key->max, &v))
        return err_set(err, ERR_INVALID, SHOWN " is not a share from %lld%% to %lld%%", text,
                       (long long)key->min, (long long)key->max);
    *member = (int)v;
    return 0;
}

static int set_duration(const struct config_key *key, const char *text, int64_t *member,
                        struct err *err)
{
    char limit[TIMEFMT_MAX];
    int64_t v;

    if (duration_parse(text, &v, err) < 0)
        return -1;
    if (v < key->min)
        return err_set(err, ERR_INVALID, SHOWN " is too short (%s at least)", text,
                       duration_text(key->min, limit));
    if (v > key->max)
        return err_set(err, ERR_INVALID, SHOWN " is too long (%s at most)", text,
                       duration_text(key->max, limit));
    *member = v;
    return 0;
}

static int set_bool(const char *text, bool *member, struct err *err)
{
    static const char *const words[] = {"no", "yes", "false", "true", "off", "on"};

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (strcasecmp(text, words[i]) == 0) {
            *member = i % 2;
            return 0;
        }
    }
    return err_set(err, ERR_INVALID, SHOWN " is neither yes nor no", text);
}

/* An enum without negative values is an unsigned int to both compilers. */
static int set_enum(const struct config_key *key, const char *text, unsigned *member,
                    struct err *err)
{
    for (unsigned i = 0; key->words[i]; i++) {
        if (strcmp(text, key->words[i]) == 0) {
            *member = i;
            return 0;
        }
    }
    return err_set(err, ERR_INVALID, SHOWN " is not %s", text, key->help);
}

static int add_glob(const struct config_key *key, const char *text, struct strlist *member,
                    struct err *err)
{
    CLEANUP_FREE char *glob = NULL;

    if (strcmp(text, "!") == 0)
        return err_set(err, ERR_INVALID, "'!' must be followed by a glob");
    if (set_string(key, text, &glob, err) < 0)
        return -1;
    strlist_add(member, glob);
    return 0;
}

static int add_calendar(const char *text, struct calspec_list *member, struct err *err)
{
    struct calspec *spec = NULL;

    if (calspec_parse(text, &spec, err) < 0)
        return -1;
    *VEC_ADD(member) = spec;
    return 0;
}

static int set_url(const struct config_key *key, const char *text, char **member, struct err *err)
{
    size_t scheme = starts_with(text, "https://") ? 8 : starts_with(text, "http://") ? 7 : 0;

    if (scheme == 0 || strcspn(text + scheme, "/?#") == 0 || strpbrk(text, " \"<>"))
        return err_set(err, ERR_INVALID,
                       SHOWN " is not a URL (it must begin with https:// or http://)", text);
    return set_string(key, text, member, err);
}

static int add_text(const struct config_key *key, const char *text, struct strlist *member,
                    struct err *err)
{
    CLEANUP_FREE char *item = NULL;

    if (set_string(key, text, &item, err) < 0)
        return -1;
    strlist_add(member, item);
    return 0;
}

static int add_bit(const struct config_key *key, const char *text, unsigned *member,
                   struct err *err)
{
    size_t n = 0;
    const char *near;

    if (strcmp(text, "none") == 0) {
        *member |= CONFIG_BITS_NONE;
        return 0;
    }
    for (; key->words[n]; n++) {
        if (strcmp(text, key->words[n]) == 0) {
            *member |= 1U << n;
            return 0;
        }
    }
    near = nearest_word(text, key->words, n);
    return err_set(err, ERR_INVALID, SHOWN " is not %s%s%s%s", text, key->help,
                   near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static int add_report(const char *text, struct config_report *member, struct err *err)
{
    if (strcmp(text, "runs") != 0)
        return add_calendar(text, &member->calendar, err);
    member->runs = true;
    return 0;
}

/* Nothing would ever be done at no rate; who wants no limit leaves it out. */
static int set_rate(const struct config_key *key, const char *text, uint64_t *member,
                    struct err *err)
{
    if (rate_parse(text, member, err) < 0)
        return -1;
    if (*member == 0 && !str_eq(text, key->fallback))
        return err_set(err, ERR_INVALID, "'%s' is no rate to work at; leave it out for no limit",
                       text);
    return 0;
}

int config_set_value(const struct config_key *key, const char *text, void *member, struct err *err)
{
    switch (key->type) {
    case CONFIG_NAME:
        return set_name(key, text, member, err);
    case CONFIG_LABEL:
    case CONFIG_STRING:
        return set_string(key, text, member, err);
    case CONFIG_PATH:
        return set_path(key, text, member, err);
    case CONFIG_ADDRESS:
        return set_address(key, text, member, err);
    case CONFIG_UINT:
        return set_uint(key, text, member, err);
    case CONFIG_SIZE:
        return size_parse(text, member, err);
    case CONFIG_RATE:
        return set_rate(key, text, member, err);
    case CONFIG_DURATION:
        return set_duration(key, text, member, err);
    case CONFIG_PERCENT:
        return set_percent(key, text, member, err);
    case CONFIG_BOOL:
        return set_bool(text, member, err);
    case CONFIG_ENUM:
        return set_enum(key, text, member, err);
    case CONFIG_GLOBS:
        return add_glob(key, text, member, err);
    case CONFIG_CALENDAR:
        return add_calendar(text, member, err);
    case CONFIG_URL:
        return set_url(key, text, member, err);
    case CONFIG_TEXTS:
        return add_text(key, text, member, err);
    case CONFIG_BITS:
        return add_bit(key, text, member, err);
    case CONFIG_REPORT:
        return add_report(text, member, err);
    case CONFIG_KEEP:
    case CONFIG_MAPPING:
    case CONFIG_LIST:
        break; /* not single values: the walk reads them */
    }
    abort();
}
