/* SPDX-License-Identifier: MIT */
#include "jobs/whose.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/text.h"

#define CATALOG 8 /* digits of its id */
#define HEX "0123456789abcdef"
#define DIGITS "0123456789"

struct tag {
    const char *catalog;
    long long job;
    const char *after;
};

static bool is_tag(const char *s, struct tag *ret)
{
    int end = 0;

    if (strspn(s, HEX) != CATALOG || s[CATALOG] != '-' || strspn(s + CATALOG + 1, DIGITS) == 0 ||
        sscanf(s + CATALOG + 1, "%18lld%n", &ret->job, &end) != 1)
        return false;
    ret->catalog = s;
    ret->after = s + CATALOG + 1 + end;
    return true;
}

static bool is_push(const struct tag *t)
{
    return starts_with(t->after, ".partial/");
}

static bool is_scratch(const struct tag *t)
{
    return *t->after == '/' && strspn(t->after + 1, DIGITS) > 0 &&
           str_eq(t->after + 1 + strspn(t->after + 1, DIGITS), ".qcow2");
}

static bool is_elsewhere(const struct tag *t)
{
    return *t->after == '\0' || (*t->after == '.' && !strchr(t->after, '/'));
}

static const struct {
    const char *before;
    bool (*is)(const struct tag *t);
} forms[] = {
    {"@", is_push},
    {"/", is_scratch},
    {"/vmkeep-", is_elsewhere},
    {".vmkeep-", is_elsewhere},
};

static bool is_ours_in_form(const char *s, struct tag *ret)
{
    for (size_t i = 0; i < ARRAY_LEN(forms); i++)
        if (starts_with(s, forms[i].before) && is_tag(s + strlen(forms[i].before), ret) &&
            forms[i].is(ret))
            return true;
    return false;
}

char *whose(const char *place)
{
    struct tag t;

    for (const char *s = place; *s; s++)
        if (is_ours_in_form(s, &t))
            return xasprintf("job %lld of another vmkeep (catalog %.*s)", t.job, CATALOG,
                             t.catalog);
    return xstrdup("a backup that is not vmkeep's");
}
