/* SPDX-License-Identifier: MIT
 *
 * A configuration from anywhere: it is refused with reasons in the order of their places, or it is
 * whole.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "policies/config.h"
#include "policies/selection.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_diagnostics(const struct diagnostics *d)
{
    static FILE *null;

    if (!null)
        null = fopen("/dev/null", "w");
    assert(null);
    diagnostics_print(d, null);
    for (size_t i = 0; i < d->n; i++) {
        const struct diagnostic *item = &d->items[i];

        assert(item->line >= 0 && (item->line == 0) == (item->column == 0));
        assert(i == 0 || item[-1].line <= item->line);
        assert(*item->text && !strchr(item->text, '\n'));
    }
}

static void check_policy(const struct config *c, const struct config_policy *p)
{
    assert(config_repository_find(c, p->repository));
    assert(p->domains.n > 0 && p->disks.n > 0);
    for (size_t i = 0; i < p->incremental.n + p->full.n; i++)
        assert(i < p->incremental.n ? p->incremental.items[i]
                                    : p->full.items[i - p->incremental.n]);
    selection_matches(&p->disks, "vda");
}

static void check_config(const struct config *c)
{
    assert(c->catalog[0] == '/' && c->control[0] == '/');
    for (size_t i = 0; i < c->hosts.n; i++) {
        const struct config_host *h = &c->hosts.items[i];

        assert(config_host_find(c, h->name) == h);
        assert((h->driver == DRIVER_LIBVIRT) == (h->uri != NULL));
        for (size_t k = 0; k < h->domains.n; k++)
            assert(*h->domains.items[k].name && h->domains.items[k].qmp[0] == '/');
    }
    for (size_t i = 0; i < c->repositories.n; i++)
        assert(c->repositories.items[i].path[0] == '/');
    for (size_t i = 0; i < c->policies.n; i++) {
        assert(config_policy_find(c, c->policies.items[i].name) == &c->policies.items[i]);
        check_policy(c, &c->policies.items[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct diagnostics diags = {0};
    struct config *config = NULL;
    int rc = config_parse((const char *)data, size, "config", &config, &diags);

    assert((rc == 0) == (diagnostics_errors(&diags) == 0));
    check_diagnostics(&diags);
    if (rc == 0)
        check_config(config);
    diagnostics_done(&diags);
    config_free(config);
    return 0;
}
