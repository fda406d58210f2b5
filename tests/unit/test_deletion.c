/* SPDX-License-Identifier: MIT
 *
 * Which points go when they are named, in which order, and which do not.
 */
#include "tests/support/test.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "policies/deletion.h"

/* Points a, b, c ...: '-' a full, '<' based on the one before; by chains. states: g d m x, in
 * capitals set aside. */
static void make(struct point_list *l, const char *kinds, const char *states)
{
    static const struct {
        char letter;
        enum point_state state;
    } words[] = {
        {'g', POINT_GOOD}, {'d', POINT_DAMAGED}, {'m', POINT_MISSING}, {'x', POINT_DELETING}};

    for (size_t i = 0; kinds[i]; i++) {
        struct point *p = VEC_ADD(l);
        const char id[] = {(char)('a' + i), '\0'};

        *p = (struct point){.id = xstrdup(id),
                            .host = xstrdup("lab"),
                            .domain = xstrdup("web01"),
                            .policy = xstrdup("nightly"),
                            .created = (int64_t)i};
        VEC_ADD(&p->disks)->name = xstrdup("vda");
        if (kinds[i] == '<') {
            p->parent = xstrdup(l->items[i - 1].id);
            p->disks.items[0].backing = xstrdup(p->parent);
        }
        for (size_t k = 0; k < ARRAY_LEN(words); k++) {
            if (states[i] == words[k].letter || states[i] == words[k].letter - 'a' + 'A')
                p->state = words[k].state;
            p->set_aside = p->set_aside || states[i] == words[k].letter - 'a' + 'A';
        }
    }
}

static void ask(struct strlist *l, const char *letters)
{
    for (; *letters; letters++) {
        const char id[] = {*letters, '\0'};

        strlist_add(l, id);
    }
}

static const struct {
    const char *kinds, *states, *asked;
    bool dependents, force;
    const char *goes;   /* in order; NULL: refused, ... */
    enum err_code code; /* ... so, ... */
    const char *says;   /* ... with these words in the text */
} cases[] = {
    {"-<<", "ggg", "c", false, false, "c", ERR_NONE, NULL},
    /* what one other stands on is merged into that, the oldest first, ... */
    {"-<<", "ggg", "b", false, false, "b>c", ERR_NONE, NULL},
    {"-<<<<<", "gggggg", "a", false, false, "a>b", ERR_NONE, NULL},
    {"-<<<<<", "gggggg", "bcaf", false, false, "fa>bb>cc>d", ERR_NONE, NULL},
    /* ... but neither with nor through one that is not whole, or rightly dated */
    {"-<<", "gdg", "b", false, false, NULL, ERR_BUSY, "b: c cannot be read without it"},
    {"-<<", "ggd", "b", false, false, NULL, ERR_BUSY, "b: c cannot be read without it"},
    {"-<<-", "mggg", "b", false, false, NULL, ERR_BUSY, "b: c cannot be read without it"},
    {"-<<", "gGg", "b", false, false, NULL, ERR_BUSY, "b: c cannot be read without it"},
    {"-<<", "ggG", "b", false, false, NULL, ERR_BUSY, "b: c cannot be read without it"},
    {"-<<", "gxg", "b", false, false, "b>c", ERR_NONE, NULL}, /* what was begun is finished */
    {"-<<", "ggg", "b", true, false, "cb", ERR_NONE, NULL},
    {"-<<", "ggg", "bc", false, false, "cb", ERR_NONE, NULL},
    {"-<<", "ggg", "abc", false, false, NULL, ERR_DENIED,
     "no good point of lab/web01 under policy nightly"},
    {"-<<", "ggg", "abc", false, true, "cba", ERR_NONE, NULL},
    {"-<<", "ggg", "a", true, false, NULL, ERR_DENIED, "--force"},
    {"-<<-", "gggg", "a", true, false, "cba", ERR_NONE, NULL},
    {"-<<-", "gggd", "a", true, false, NULL, ERR_DENIED, "--force"},
    {"-<<-", "gggd", "d", false, false, "d", ERR_NONE, NULL},
    {"--", "gm", "b", false, false, "b", ERR_NONE, NULL},
    {"--", "dm", "ab", false, false, "ba", ERR_NONE, NULL},
    {"-", "x", "a", false, false, "a", ERR_NONE, NULL},
    /* A good one that is set aside is no substitute for one that is not, but better than none. */
    {"--", "gG", "a", false, false, NULL, ERR_DENIED, "--force"},
    {"--", "gG", "b", false, false, "b", ERR_NONE, NULL},
    {"--", "dG", "b", false, false, NULL, ERR_DENIED, "--force"},
    {"-<<", "ggg", "d", false, true, NULL, ERR_NOTFOUND, "point d is not in the catalog"},
    /* One that is damaged keeps what stands on it damaged, too. */
    {"-<-", "ddg", "a", false, false, NULL, ERR_BUSY, "a: b cannot"},
    {"-<-", "ddg", "a", true, false, "ba", ERR_NONE, NULL},
};

static void plans(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(point_list_done) struct point_list points = {0};
        CLEANUP(strlist_done) struct strlist asked = {0};
        CLEANUP(letting_go_list_done) struct letting_go_list goes = {0};
        const struct deletion d = {&asked, cases[i].dependents, cases[i].force, 0};
        struct err err = ERR_INIT;
        char got[64] = "";
        int rc;

        make(&points, cases[i].kinds, cases[i].states);
        ask(&asked, cases[i].asked);
        rc = deletion_plan(&points, &d, &goes, &err);
        for (size_t k = 0; k < goes.n; k++) {
            strcat(got, goes.items[k].id);
            if (goes.items[k].into)
                strcat(strcat(got, ">"), goes.items[k].into);
        }
        if (cases[i].goes && (rc < 0 || strcmp(got, cases[i].goes) != 0))
            fail_msg("case %zu: '%s' goes, wanted '%s': %s", i, got, cases[i].goes, err.msg);
        if (!cases[i].goes &&
            (rc == 0 || err.code != cases[i].code || !strstr(err.msg, cases[i].says) || goes.n > 0))
            fail_msg("case %zu: '%s' goes: %s", i, got, err.msg);
    }
}

/* That other places have the point is not denied. */
static void last_copy(void **state)
{
    CLEANUP(point_list_done) struct point_list points = {0};
    CLEANUP(strlist_done) struct strlist asked = {0};
    CLEANUP(letting_go_list_done) struct letting_go_list goes = {0};
    const struct deletion d = {.asked = &asked};
    struct err err = ERR_INIT;

    (void)state;
    make(&points, "-", "g");
    points.items[0].copy_of = xstrdup("lab/web01/x");
    points.items[0].repository = xstrdup("offsite");
    ask(&asked, "a");
    assert_int_equal(deletion_plan(&points, &d, &goes, &err), -1);
    assert_string_equal(err.msg, "no good copy of lab/web01 under policy nightly would be left in "
                                 "repository offsite; to delete the last one, too, say --force");
}

/* Many that stand on one are not all named. */
static void many_dependents(void **state)
{
    CLEANUP(point_list_done) struct point_list points = {0};
    CLEANUP(strlist_done) struct strlist asked = {0};
    CLEANUP(letting_go_list_done) struct letting_go_list goes = {0};
    const struct deletion d = {.asked = &asked};
    struct err err = ERR_INIT;

    (void)state;
    make(&points, "------", "gggggg");
    for (size_t i = 1; i < points.n; i++)
        points.items[i].parent = xstrdup("a");
    ask(&asked, "a");
    assert_int_equal(deletion_plan(&points, &d, &goes, &err), -1);
    assert_non_null(strstr(err.msg, "a: b, c, d and 2 more cannot be read without it"));
}

/* By force neither, nor as one that stands on what is named; a pin that is over counts no more. */
static void pinned(void **state)
{
    static const struct {
        const char *states, *asked;
        bool dependents, goes;
        int64_t until;
    } pins[] = {{"ggg", "c", false, false, 0},  {"ggg", "b", true, false, 0},
                {"ggg", "c", false, false, 11}, {"ggg", "c", false, true, 10},
                {"ggg", "b", false, true, 0},   {"ggx", "c", false, true, 0}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(pins); i++) {
        CLEANUP(point_list_done) struct point_list points = {0};
        CLEANUP(strlist_done) struct strlist asked = {0};
        CLEANUP(letting_go_list_done) struct letting_go_list goes = {0};
        const struct deletion d = {&asked, pins[i].dependents, true, 10};
        struct err err = ERR_INIT;
        int rc;

        make(&points, "-<<", pins[i].states);
        points.items[2].pin = (struct point_pin){1, pins[i].until, NULL};
        ask(&asked, pins[i].asked);
        rc = deletion_plan(&points, &d, &goes, &err);
        if ((rc == 0) != pins[i].goes ||
            (rc < 0 && (err.code != ERR_DENIED || !strstr(err.msg, "'vmkeep unpin c' first"))))
            fail_msg("case %zu: %d: %s", i, rc, err.msg);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plans),
        cmocka_unit_test(last_copy),
        cmocka_unit_test(many_dependents),
        cmocka_unit_test(pinned),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
