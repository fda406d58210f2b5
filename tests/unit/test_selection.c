/* SPDX-License-Identifier: MIT */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "policies/selection.h"

/* "a !b" */
static struct strlist globs(const char *text)
{
    CLEANUP_FREE char *copy = xstrdup(text);
    struct strlist l = {0};
    char *save = NULL;

    for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
        strlist_add(&l, w);
    return l;
}

static void the_last_match_decides(void **state)
{
    static const struct {
        const char *globs, *name;
        bool selected;
    } cases[] = {
        {"", "web01", false},
        {"*", "web01", true},
        {"*", ".hidden", true},
        {"web01", "web01", true},
        {"web0", "web01", false},
        {"eb01", "web01", false},
        {"Web*", "web01", false},
        {"web??", "web01", true},
        {"web?", "web01", false},
        {"web0[1-3]", "web02", true},
        {"web0[!1-3]", "web02", false},
        {"web0[1-3]", "web04", false},
        {"!web01", "db", false},
        {"!web01", "web01", false},
        {"* !scratch-*", "scratch-1", false},
        {"* !scratch-*", "web01", true},
        {"!scratch-* *", "scratch-1", true},
        {"* !scratch-* scratch-keep", "scratch-keep", true},
        {"* !scratch-* scratch-keep", "scratch-1", false},
        {"* !* web*", "web01", true},
        {"* !* web*", "db", false},
        {"web*01", "web-in-the-01", true},
        {"\\*", "*", true},
        {"\\*", "web01", false},
        {"\\!web", "!web", true},
        {"[!]", "[!]", true},
        {"vd/a", "vd/a", true},
        {"*", "vd/a", true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct strlist l = globs(cases[i].globs);

        if (selection_matches(&l, cases[i].name) != cases[i].selected)
            fail_msg("'%s' of '%s': not %d", cases[i].name, cases[i].globs, cases[i].selected);
        strlist_done(&l);
    }
}

static void a_slash_asks_for_the_host(void **state)
{
    static const struct {
        const char *globs, *host, *domain;
        bool selected;
    } cases[] = {
        {"web01", "lab", "web01", true},          {"lab/web01", "lab", "web01", true},
        {"lab/web01", "other", "web01", false},   {"lab/*", "lab", "db", true},
        {"*/web*", "other", "web01", true},       {"*/web*", "other", "db", false},
        {"lab", "lab", "web01", false},           {"lab*", "lab", "web01", false},
        {"* !lab/*", "lab", "web01", false},      {"* !lab/*", "other", "web01", true},
        {"* !lab/* web01", "lab", "web01", true}, {"/web01", "lab", "web01", false},
        {"lab/", "lab", "web01", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct strlist l = globs(cases[i].globs);

        if (selection_matches_domain(&l, cases[i].host, cases[i].domain) != cases[i].selected)
            fail_msg("%s/%s of '%s': not %d", cases[i].host, cases[i].domain, cases[i].globs,
                     cases[i].selected);
        strlist_done(&l);
    }
}

/* Many stars must not take for ever. */
static void stars_are_cheap(void **state)
{
    struct strlist l = globs("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b");
    char name[201];

    (void)state;
    memset(name, 'a', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    assert_false(selection_matches(&l, name));
    strlist_done(&l);
}

static void what_no_glob_names_is_not_left_out_on_purpose(void **state)
{
    static const struct {
        const char *globs, *name;
        enum selection want;
    } cases[] = {
        {"*", "vdb", SELECTION_IN},          {"vda", "vdb", SELECTION_NONE},
        {"* !vdb", "vdb", SELECTION_OUT},    {"!vdb vda", "vdb", SELECTION_OUT},
        {"!vdb vdb", "vdb", SELECTION_IN},   {"!vd* vdb", "vdc", SELECTION_OUT},
        {"sd* !sdb", "vdb", SELECTION_NONE},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct strlist l = globs(cases[i].globs);

        if (selection_of(&l, cases[i].name) != cases[i].want)
            fail_msg("'%s' of '%s': %d", cases[i].name, cases[i].globs,
                     selection_of(&l, cases[i].name));
        strlist_done(&l);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_match_decides),
        cmocka_unit_test(a_slash_asks_for_the_host),
        cmocka_unit_test(stars_are_cheap),
        cmocka_unit_test(what_no_glob_names_is_not_left_out_on_purpose),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
