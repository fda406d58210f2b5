/* SPDX-License-Identifier: MIT
 *
 * Who may see the status page.  Whoever is on this machine may know what it backs up; nobody else
 * without being asked who he is, on a connection that others cannot read.
 */
#include <string.h>

#include "base/text.h"
#include "policies/config_priv.h"

bool config_web_is_local(const char *address)
{
    const char *colon = strrchr(address, ':');
    size_t len = colon ? (size_t)(colon - address) : strlen(address);

    return starts_with(address, "unix:") ||
           (len > 4 && strncmp(address, "127.", 4) == 0 && strspn(address, "0123456789.") == len) ||
           (len == 5 && strncmp(address, "[::1]", 5) == 0) ||
           (len == 9 && strncmp(address, "localhost", 9) == 0);
}

void config_check_web(struct config_reader *r, const struct config *c)
{
    const struct config_place *at = config_place_of(r, &c->web);

    if (!c->web || !at)
        return;
    if (!config_web_is_local(c->web) && !c->web_access.token)
        config_report_at(r, at, false,
                         "'%s' can be reached from other machines: give web_access, or 127.0.0.1, "
                         "[::1] or unix:PATH",
                         c->web);
    if (starts_with(c->web, "unix:") && c->web_access.token)
        config_report_at(r, at, false,
                         "a socket has an owner and a group, and no web_access: leave one out");
}
