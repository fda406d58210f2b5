/* SPDX-License-Identifier: MIT
 *
 * A point's id is its path in the repository, so whatever comes as an id from outside must be
 * exactly what point_id_make makes: then it cannot name anything else.
 */
#include "storage/repository/repository.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/names.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "storage/repository/merge_journal.h"
#include "storage/repository/repository_priv.h"

#define TIME_LENGTH (sizeof("2026-11-23T02-30-00Z") - 1)
#define MAKER '@' /* name_escape leaves none */
#define CATALOG_ID_LENGTH 8
#define JOB_DIGITS 18 /* fit into 63 bits */

char *point_id_make(const struct point *p)
{
    CLEANUP_FREE char *host = name_escape(p->host);
    CLEANUP_FREE char *domain = name_escape(p->domain);
    CLEANUP_FREE char *policy = name_escape(p->policy);
    char when[TIMEFMT_MAX];

    time_filename(p->created, when);
    if (!p->catalog)
        return xasprintf("%s/%s/%s.%s", host, domain, when, policy);
    return xasprintf("%s/%s/%s.%s%c%s-%lld", host, domain, when, policy, MAKER, p->catalog,
                     (long long)p->job);
}

static bool is_escaped(const char *s)
{
    CLEANUP_FREE char *name = name_unescape(s);

    return name && *name;
}

/* "2026-11-23T02-30-00Z"; s has that many characters. */
static bool time_of(const char *s, int64_t *ret)
{
    char text[TIME_LENGTH + 1], again[TIMEFMT_MAX];
    struct err ignored = ERR_INIT;

    memcpy(text, s, TIME_LENGTH);
    text[TIME_LENGTH] = '\0';
    text[13] = text[16] = ':';
    return time_parse(text, ret, &ignored) == 0 &&
           strncmp(time_filename(*ret, again), s, TIME_LENGTH) == 0;
}

/* "a59d85fc-12" */
static bool is_maker(const char *s)
{
    size_t n = strspn(s, "0123456789abcdef"), digits;

    if (n != CATALOG_ID_LENGTH || s[n] != '-' || s[n + 1] == '0')
        return false;
    digits = strspn(s + n + 1, "0123456789");
    return digits > 0 && digits <= JOB_DIGITS && s[n + 1 + digits] == '\0';
}

/* The suffixes that directories carry while they are made and removed are no part of a name. */
static bool is_point_name(char *s)
{
    char *maker = strchr(s, MAKER);
    int64_t created;

    if (maker)
        *maker++ = '\0';
    if (strlen(s) <= TIME_LENGTH + 1 || s[TIME_LENGTH] != '.' || !time_of(s, &created))
        return false;
    return is_escaped(s + TIME_LENGTH + 1) && !ends_with(s, PARTIAL) && !ends_with(s, DELETING) &&
           !ends_with(s, MERGING) && (!maker || is_maker(maker));
}

int point_id_check(const char *id, struct err *err)
{
    CLEANUP_FREE char *copy = xstrdup(id);
    char *rest = copy, *host = strsep(&rest, "/"), *domain = strsep(&rest, "/");

    if (domain && rest && is_escaped(host) && is_escaped(domain) && is_point_name(rest))
        return 0;
    return err_set(err, ERR_INVALID,
                   "'%s' is not a point's id (HOST/DOMAIN/TIME.POLICY@CATALOG-JOB)", id);
}

bool point_name_time(const char *name, int64_t *ret)
{
    const char *slash = strrchr(name, '/');
    const char *time = slash ? slash + 1 : name;

    return strlen(time) >= TIME_LENGTH && time_of(time, ret);
}

bool point_id_parse(const char *id, struct point *ret)
{
    CLEANUP_FREE char *copy = xstrdup(id);
    char *rest = copy, *host = strsep(&rest, "/"), *domain = strsep(&rest, "/"), *maker;
    struct err ignored = ERR_INIT;

    if (point_id_check(id, &ignored) < 0)
        return false;
    *ret = (struct point){.id = xstrdup(id)};
    time_of(rest, &ret->created);
    point_id_maker(id, &ret->catalog, &ret->job);
    maker = strchr(rest, MAKER);
    if (maker)
        *maker = '\0';
    ret->host = name_unescape(host);
    ret->domain = name_unescape(domain);
    ret->policy = name_unescape(rest + TIME_LENGTH + 1);
    return true;
}

bool point_id_maker(const char *id, char **ret_catalog, int64_t *ret_job)
{
    const char *maker = strchr(id, MAKER);

    if (!maker || !is_maker(maker + 1))
        return false;
    *ret_catalog = strndup(maker + 1, CATALOG_ID_LENGTH);
    *ret_job = strtoll(maker + 1 + CATALOG_ID_LENGTH + 1, NULL, 10);
    return true;
}

const char *point_id_name(const char *id)
{
    const char *slash = strrchr(id, '/');

    return slash ? slash + 1 : id;
}

bool point_ids_share_domain(const char *a, const char *b)
{
    struct err ignored = ERR_INIT;
    size_t len = (size_t)(point_id_name(a) - a);

    return point_id_check(a, &ignored) == 0 && point_id_check(b, &ignored) == 0 &&
           (size_t)(point_id_name(b) - b) == len && strncmp(a, b, len) == 0;
}
