/* SPDX-License-Identifier: MIT */
#include "base/domain_search.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

bool domain_is_on(const char *text, const char *host)
{
    size_t n = strlen(host);

    return strncmp(text, host, n) == 0 && text[n] == '/';
}

bool domain_is_meant(const char *text, const char *host, const char *domain)
{
    return strcmp(text, domain) == 0 ||
           (domain_is_on(text, host) && strcmp(text + strlen(host) + 1, domain) == 0);
}

void domain_search_offer(struct domain_search *s, const char *host, const char *domain)
{
    if (!domain_is_meant(s->text, host, domain))
        return;
    if (!s->host) {
        s->host = xstrdup(host);
        s->domain = xstrdup(domain);
    } else if (!s->other && strcmp(s->host, host) != 0) {
        s->other = xstrdup(host);
    }
}

int domain_search_end(const struct domain_search *s, struct err *err)
{
    if (s->other)
        return err_set(err, ERR_INVALID, "hosts %s and %s both have a domain %s: say %s/%s",
                       s->host, s->other, s->domain, s->host, s->domain);
    return 0;
}

void domain_search_done(struct domain_search *s)
{
    free(s->host);
    free(s->domain);
    free(s->other);
    *s = (struct domain_search){0};
}
