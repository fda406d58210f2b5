/* SPDX-License-Identifier: MIT */
#include "tests/support/test.h"

#include "base/cleanup.h"
#include "jobs/claims.h"

/* As the kinds of jobs claim, and as those will that there are to be. */
#define BACKUP(h, d, p) .host = h, .domain = d, .policy = p, .guest = true, .chain = CHAIN_EXTEND
#define PRUNE(h, d, p) .host = h, .domain = d, .policy = p, .guest = true, .chain = CHAIN_CUT
#define BY_HAND(h, d) .host = h, .domain = d, .policy = "", .guest = true
#define VERIFY(h, d, p) .host = h, .domain = d, .policy = p, .chain = CHAIN_READ
#define COPY(h, d, p) .host = h, .domain = d, .policy = p, .chain = CHAIN_COPY
#define MERGE(h, d, p) .host = h, .domain = d, .policy = p, .chain = CHAIN_CUT
#define REQUEST(h, d) .host = h, .domain = d, .guest = true
#define LOOK(h, d) .host = h, .domain = d

static const struct {
    const char *what;
    struct job_claims a, b;
    enum claim conflict;
} cases[] = {
    {"two backups of a domain", {BACKUP("h", "d", "p")}, {BACKUP("h", "d", "p")}, CLAIM_GUEST},
    {"of two policies", {BACKUP("h", "d", "p")}, {BACKUP("h", "d", "q")}, CLAIM_GUEST},
    {"of two domains", {BACKUP("h", "d", "p")}, {BACKUP("h", "e", "p")}, CLAIM_NONE},
    {"of domains of one name on two hosts",
     {BACKUP("h", "d", "p")},
     {BACKUP("i", "d", "p")},
     CLAIM_NONE},
    {"a backup, and one by hand", {BACKUP("h", "d", "p")}, {BY_HAND("h", "d")}, CLAIM_GUEST},
    {"two by hand", {BY_HAND("h", "d")}, {BY_HAND("h", "d")}, CLAIM_GUEST},
    {"a prune, and a backup", {PRUNE("h", "d", "p")}, {BACKUP("h", "d", "p")}, CLAIM_GUEST},
    {"a prune, and one by hand", {PRUNE("h", "d", "p")}, {BY_HAND("h", "d")}, CLAIM_GUEST},
    {"a prune, and a backup of another policy",
     {PRUNE("h", "d", "p")},
     {BACKUP("h", "d", "q")},
     CLAIM_GUEST},
    {"a request, and a backup", {REQUEST("h", "d")}, {BACKUP("h", "d", "p")}, CLAIM_GUEST},
    {"a request, and a prune", {REQUEST("h", "d")}, {PRUNE("h", "d", "p")}, CLAIM_GUEST},
    {"two requests", {REQUEST("h", "d")}, {REQUEST("h", "d")}, CLAIM_GUEST},
    {"two requests for two domains", {REQUEST("h", "d")}, {REQUEST("h", "e")}, CLAIM_NONE},
    {"a look, and a backup", {LOOK("h", "d")}, {BACKUP("h", "d", "p")}, CLAIM_NONE},
    {"a look, and a request", {LOOK("h", "d")}, {REQUEST("h", "d")}, CLAIM_NONE},
    {"a verification stops no backup",
     {VERIFY("h", "d", "p")},
     {BACKUP("h", "d", "p")},
     CLAIM_NONE},
    {"nor another one", {VERIFY("h", "d", "p")}, {VERIFY("h", "d", "p")}, CLAIM_NONE},
    {"but what lets points go", {VERIFY("h", "d", "p")}, {PRUNE("h", "d", "p")}, CLAIM_CHAIN},
    {"or makes them anew", {VERIFY("h", "d", "p")}, {MERGE("h", "d", "p")}, CLAIM_CHAIN},
    {"though not of another policy", {VERIFY("h", "d", "p")}, {PRUNE("h", "d", "q")}, CLAIM_NONE},
    {"nor of another domain", {VERIFY("h", "d", "p")}, {PRUNE("h", "e", "p")}, CLAIM_NONE},
    {"a merge, and a backup", {MERGE("h", "d", "p")}, {BACKUP("h", "d", "p")}, CLAIM_CHAIN},
    {"a copy stops no backup", {COPY("h", "d", "p")}, {BACKUP("h", "d", "p")}, CLAIM_NONE},
    {"nor a verification", {COPY("h", "d", "p")}, {VERIFY("h", "d", "p")}, CLAIM_NONE},
    {"but another copy", {COPY("h", "d", "p")}, {COPY("h", "d", "p")}, CLAIM_CHAIN},
    {"and what lets points go", {COPY("h", "d", "p")}, {MERGE("h", "d", "p")}, CLAIM_CHAIN},
    {"a merge, and one by hand", {MERGE("h", "d", "p")}, {BY_HAND("h", "d")}, CLAIM_NONE},
};

static void test_conflicts(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        if (claims_conflict(&cases[i].a, &cases[i].b) != cases[i].conflict)
            fail_msg("%s: %s", cases[i].what, cases[i].conflict ? "no conflict" : "a conflict");
        if (claims_conflict(&cases[i].b, &cases[i].a) != cases[i].conflict)
            fail_msg("%s: otherwise the other way round", cases[i].what);
    }
}

static void test_repositories(void **state)
{
    struct job_claims c = {0};

    (void)state;
    claims_add_repository(&c, "a");
    claims_add_repository(&c, "");
    claims_add_repository(&c, NULL);
    claims_add_repository(&c, "b");
    claims_add_repository(&c, "a");
    assert_int_equal(c.n_repositories, 2);
    assert_string_equal(c.repositories[0], "a");
    assert_string_equal(c.repositories[1], "b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conflicts),
        cmocka_unit_test(test_repositories),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
