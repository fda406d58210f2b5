/* SPDX-License-Identifier: MIT */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "report/points.h"

/* Each name is one that commands take for that point, and for no other. */
static void a_name_is_of_one_point(void **state)
{
    static const struct {
        const char *domain, *id, *name;
        int64_t created;
    } cases[] = {
        {"db", "lab/db/2026-11-23T02-30-00Z.a@77aa77aa-1", "2026-11-23T02-30-00Z.a", 1},
        {"web", "lab/web/2026-11-23T02-30-00Z.a@77aa77aa-2", "2026-11-23T02-30-00Z.a@77aa77aa-2",
         1},
        {"web", "lab/web/2026-11-23T02-30-00Z.b@77aa77aa-3", "2026-11-23T02-30-00Z.b", 1},
        {"web", "lab/web/2026-11-23T02-30-00Z.a@77aa77aa-4", "2026-11-23T02-30-00Z.a@77aa77aa-4",
         1},
        {"web", "lab/web/2026-11-23T02-30-01Z.a@77aa77aa-5", "2026-11-23T02-30-01Z.a", 2},
    };
    struct point_list points = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        *VEC_ADD(&points) = (struct point){.host = (char *)"lab",
                                           .domain = (char *)cases[i].domain,
                                           .id = (char *)cases[i].id,
                                           .created = cases[i].created};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP_FREE char *name = point_short_name(&points, &points.items[i]);

        assert_string_equal(name, cases[i].name);
        for (size_t k = 0; k < ARRAY_LEN(cases); k++)
            if (strcmp(cases[k].domain, cases[i].domain) == 0)
                assert_int_equal(point_is_meant(name, cases[k].id), k == i);
    }
    free(points.items);
}

static void stand(struct point_list *l, const char *id, const char *on, enum point_state state)
{
    struct point *p = VEC_ADD(l);
    struct point_disk *d = VEC_ADD(&p->disks);

    p->id = xstrdup(id);
    p->state = state;
    d->name = xstrdup("vda");
    d->backing = xstrdup(on);
}

/* One that is being merged into what stands on it takes nothing from that; it is none itself. */
static void whole_while_merging(void **state)
{
    CLEANUP(point_list_done) struct point_list l = {0};

    (void)state;
    stand(&l, "a", NULL, POINT_GOOD);
    stand(&l, "b", "a", POINT_DELETING);
    stand(&l, "c", "b", POINT_GOOD);
    assert_true(point_is_whole(&l, &l.items[2]));
    assert_false(point_is_whole(&l, &l.items[1]));
    l.items[0].state = POINT_MISSING;
    assert_false(point_is_whole(&l, &l.items[2]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_of_one_point),
        cmocka_unit_test(whole_while_merging),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
