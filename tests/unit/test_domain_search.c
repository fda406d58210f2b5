/* SPDX-License-Identifier: MIT */
#include "tests/support/test.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/domain_search.h"

static const struct {
    const char *host, *domain;
} there[] = {{"den", "web01"}, {"lab", "web01"}, {"lab", "db01"}, {"lab", "a/b"}, {"lab", "db01"}};

/* What text means: "host/domain", "none", or "several". */
static void expect(const char *text, const char *expected)
{
    CLEANUP(domain_search_done) struct domain_search s = {.text = text};
    struct err err = ERR_INIT;
    char found[64] = "none";

    for (size_t i = 0; i < ARRAY_LEN(there); i++)
        domain_search_offer(&s, there[i].host, there[i].domain);
    if (domain_search_end(&s, &err) < 0) {
        assert_int_equal(err.code, ERR_INVALID);
        strcpy(found, "several");
    } else if (s.host) {
        snprintf(found, sizeof(found), "%s/%s", s.host, s.domain);
    }
    assert_string_equal(found, expected);
}

static void by_name_and_by_host(void **state)
{
    (void)state;
    expect("db01", "lab/db01"); /* offered twice is no other */
    expect("lab/db01", "lab/db01");
    expect("den/db01", "none");
    expect("web01", "several");
    expect("lab/web01", "lab/web01");
    expect("den/web01", "den/web01");
    expect("a/b", "lab/a/b");
    expect("lab/a/b", "lab/a/b");
    expect("b", "none");
    expect("", "none");
    expect("lab/", "none");
}

static void several_are_told_apart(void **state)
{
    CLEANUP(domain_search_done) struct domain_search s = {.text = "web01"};
    struct err err = ERR_INIT;

    (void)state;
    domain_search_offer(&s, "den", "web01");
    domain_search_offer(&s, "lab", "web01");
    assert_int_equal(domain_search_end(&s, &err), -1);
    assert_string_equal(err.msg, "hosts den and lab both have a domain web01: say den/web01");
    assert_true(domain_is_on("lab/x", "lab"));
    assert_false(domain_is_on("lab", "lab"));
    assert_false(domain_is_on("laboratory/x", "lab"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_name_and_by_host),
        cmocka_unit_test(several_are_told_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
