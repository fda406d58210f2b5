/* SPDX-License-Identifier: MIT
 *
 * Every file in fixtures/config/valid is read, with the warnings in its .expected if there is one,
 * else with none; every file in config/invalid fails with exactly what its .expected says.
 * UPDATE_GOLDEN=1 rewrites the .expected files: read what changed before it is kept.
 */
#include "tests/support/test.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/text.h"
#include "policies/config_priv.h"

#define EXAMPLE "../../config.example"
#define READ_MAX (4 * CONFIG_TEXT_MAX)

static char *contents(const char *path, size_t *ret_len)
{
    struct err err = ERR_INIT;
    char *text = NULL;

    if (read_file(path, READ_MAX, &text, ret_len, &err) < 0)
        fail_msg("%s", err.msg);
    return text;
}

/* What diagnostics_print makes of the diagnostics, which are released. Caller frees. */
static char *printed(struct diagnostics *diags)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    assert_non_null(out);
    diagnostics_print(diags, out);
    fclose(out);
    diagnostics_done(diags);
    return text;
}

static struct config *parse(const char *text, char **ret_said)
{
    struct diagnostics diags = {0};
    struct config *config = NULL;

    if (config_parse(text, strlen(text), "f", &config, &diags) < 0)
        assert_null(config);
    *ret_said = printed(&diags);
    return config;
}

static struct config *parse_file(const char *path, char **ret_said)
{
    const char *name = strrchr(path, '/') + 1;
    struct diagnostics diags = {0};
    struct config *config = NULL;
    CLEANUP_FREE char *text = NULL;
    size_t len;
    int rc;

    text = contents(path, &len);
    rc = config_parse(text, len, name, &config, &diags);
    assert_int_equal(rc == 0, diagnostics_errors(&diags) == 0);
    assert_int_equal(rc == 0, config != NULL);
    *ret_said = printed(&diags);
    return config;
}

static void write_golden(const char *path, const char *text)
{
    CLEANUP_FCLOSE FILE *f = NULL;

    if (!*text)
        return;
    f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
}

static void compare(const char *path, const char *said)
{
    int stem = (int)(strrchr(path, '.') - path);
    CLEANUP_FREE char *golden = xasprintf("%.*s.expected", stem, path);
    CLEANUP_FREE char *expected = NULL;

    if (getenv("UPDATE_GOLDEN"))
        write_golden(golden, said);
    expected = path_exists(golden) ? contents(golden, NULL) : xstrdup("");
    if (strcmp(said, expected) != 0)
        fail_msg("%s: said\n%sbut %s is\n%s", path, said, golden, expected);
}

static void read_all(const char *pattern, bool valid)
{
    glob_t files = {0};

    assert_int_equal(glob(pattern, 0, NULL, &files), 0);
    for (size_t i = 0; i < files.gl_pathc; i++) {
        CLEANUP_FREE char *said = NULL;
        struct config *config = parse_file(files.gl_pathv[i], &said);

        compare(files.gl_pathv[i], said);
        if (valid != (config != NULL))
            fail_msg("%s: %s", files.gl_pathv[i], valid ? said : "was read");
        config_free(config);
    }
    globfree(&files);
}

static void valid_files_are_read(void **state)
{
    (void)state;
    read_all("config/valid/*.yaml", true);
    read_all(EXAMPLE, true);
}

static void invalid_files_say_why(void **state)
{
    (void)state;
    read_all("config/invalid/*.yaml", false);
}

static void want_word(const char *text, const char *word)
{
    CLEANUP_FREE char *key = xasprintf("%s:", word);

    for (const char *p = text; (p = strstr(p, key)); p++)
        if (p > text && strchr(" {-,\n", p[-1]))
            return;
    fail_msg("config.example does not show '%s'", word);
}

static void want_keys(const char *text, const struct config_key *keys)
{
    size_t n = 0;

    for (; keys[n].name; n++) {
        want_word(text, keys[n].name);
        if (keys[n].keys)
            want_keys(text, keys[n].keys);
    }
    assert_true(n <= CONFIG_KEYS_MAX);
}

static void the_example_shows_every_key(void **state)
{
    CLEANUP_FREE char *text = contents(EXAMPLE, NULL);

    (void)state;
    want_keys(text, config_keys);
    for (enum retention_period p = PERIOD_ALL; p < PERIOD_COUNT; p++) {
        assert_non_null(strstr(text, retention_rule_name(p, false)));
        assert_non_null(strstr(text, retention_rule_name(p, true)));
    }
}

static void defaults(void **state)
{
    CLEANUP_FREE char *said = NULL;
    struct config *c = parse_file("config/valid/minimal.yaml", &said);
    const struct config_policy *p;

    (void)state;
    assert_non_null(c);
    assert_string_equal(c->catalog, "/var/lib/vmkeep/catalog.db");
    assert_string_equal(c->control, "/run/vmkeep/control.sock");
    assert_null(c->web);
    assert_int_equal(c->limits.jobs, 4);
    assert_int_equal(c->limits.jobs_per_host, 2);
    assert_int_equal(c->limits.jobs_per_repository, 4);
    assert_int_equal(c->limits.verify, 1);
    assert_int_equal(c->keep_history, 400 * 86400);
    assert_int_equal(c->hosts.n, 1);
    assert_null(c->hosts.items[0].domains.items[0].agent);
    assert_int_equal(c->hosts.items[0].domains.items[0].disks.n, 0);
    assert_int_equal(c->repositories.items[0].reserve, 0);
    assert_int_equal(c->repositories.items[0].compress, COMPRESS_OFF);
    p = config_policy_find(c, "nightly");
    assert_non_null(p);
    assert_int_equal(p->disks.n, 1);
    assert_string_equal(p->disks.items[0], "*");
    assert_int_equal(p->incremental.n, 0);
    assert_int_equal(p->full.n, 1);
    assert_int_equal(p->mode, MODE_PUSH);
    assert_int_equal(p->quiesce, QUIESCE_OFF);
    assert_int_equal(p->freeze_timeout, 10);
    assert_false(retention_is_set(&p->keep));
    assert_int_equal(p->rpo, 0);
    assert_true(p->catch_up);
    config_free(c);
}

static void check_hosts(const struct config *c)
{
    const struct config_host *lab = config_host_find(c, "lab"),
                             *local = config_host_find(c, "local");
    const struct config_domain *d;

    assert_ptr_equal(lab, &c->hosts.items[0]);
    assert_ptr_equal(local, &c->hosts.items[1]);
    assert_null(config_host_find(c, "la"));
    assert_int_equal(lab->driver, DRIVER_QEMU);
    assert_null(lab->uri);
    assert_int_equal(lab->domains.n, 2);
    d = &lab->domains.items[0];
    assert_string_equal(d->name, "web 01");
    assert_string_equal(d->qmp, "/run/web01.qmp");
    assert_string_equal(d->agent, "/run/web01.agent");
    assert_int_equal(d->disks.n, 2);
    assert_string_equal(d->disks.items[1].name, "vdb");
    assert_string_equal(d->disks.items[1].image, "/images/b.raw");
    assert_string_equal(d[1].name, "Überwachung");
    assert_int_equal(local->driver, DRIVER_LIBVIRT);
    assert_string_equal(local->uri, "qemu:///system");
}

static void check_keep(const struct retention *keep)
{
    static const char *const spans[] = {"1d", "2d", "3d", "1m", "1y", "1y2m3d4h"};

    for (int p = 0; p < PERIOD_COUNT; p++) {
        CLEANUP_FREE char *span = span_format(&keep->within[p]);

        assert_int_equal(keep->count[p], p == PERIOD_YEARLY ? -1 : p + 1);
        assert_string_equal(span, spans[p]);
    }
}

static void check_policy(const struct config_policy *p)
{
    CLEANUP_FREE char *first = calspec_format(p->incremental.items[0]);
    CLEANUP_FREE char *full = calspec_format(p->full.items[0]);

    assert_int_equal(p->domains.n, 2);
    assert_string_equal(p->domains.items[0], "*");
    assert_string_equal(p->domains.items[1], "!scratch-*");
    assert_int_equal(p->disks.n, 1);
    assert_string_equal(p->disks.items[0], "vd?");
    assert_string_equal(p->repository, "main/1");
    assert_int_equal(p->incremental.n, 2);
    assert_string_equal(first, "Mon..Sat *-*-* 02:30:00");
    assert_int_equal(p->full.n, 1);
    assert_string_equal(full, "Sun *-*-* 02:30:00 Europe/Prague");
    assert_int_equal(p->mode, MODE_PULL);
    assert_int_equal(p->quiesce, QUIESCE_REQUIRE);
    assert_int_equal(p->freeze_timeout, 30);
    assert_int_equal(p->bandwidth, UINT64_C(50) << 20);
    assert_string_equal(p->scratch, "/var/tmp/vmkeep");
    check_keep(&p->keep);
    assert_int_equal(p->rpo, 26 * 3600);
    assert_false(p->catch_up);
}

static void every_key_reaches_its_member(void **state)
{
    CLEANUP_FREE char *said = NULL;
    struct config *c = parse_file("config/valid/every-key.yaml", &said);

    (void)state;
    assert_non_null(c);
    assert_string_equal(c->catalog, "/tmp/catalog.db");
    assert_string_equal(c->control, "/tmp/control.sock");
    assert_string_equal(c->web, "[::]:9810");
    assert_string_equal(c->web_access.token, "/etc/vmkeep/web.token");
    assert_string_equal(c->web_access.certificate, "/etc/web.pem");
    assert_string_equal(c->web_access.key, "/etc/web.key");
    assert_int_equal(c->limits.jobs, 1000);
    assert_int_equal(c->limits.jobs_per_host, 1);
    assert_int_equal(c->limits.jobs_per_repository, 7);
    assert_int_equal(c->limits.verify, 2);
    assert_int_equal(c->policies.items[0].full_after.incrementals, 30);
    assert_int_equal(c->policies.items[0].full_after.age, 90 * 86400);
    assert_int_equal(c->policies.items[0].verify.schedule.n, 1);
    assert_int_equal(c->policies.items[0].verify.sample, 10);
    assert_int_equal(c->policies.items[0].verify.max_age, 30 * 86400);
    assert_int_equal(c->policies.items[0].verify.bandwidth, 20 << 20);
    assert_int_equal(c->policies.items[1].verify.schedule.n, 0);
    assert_int_equal(c->policies.items[1].verify.sample, 100);
    assert_int_equal(c->keep_history, 30 * 86400);
    check_hosts(c);
    assert_int_equal(c->secrets.n, 2);
    assert_string_equal(c->secrets.items[0].name, "backup");
    assert_string_equal(c->secrets.items[0].file, "/etc/vmkeep/backup.secret");
    assert_string_equal(c->hosts.items[0].tls_certificates, "/etc/pki/vmkeep");
    assert_false(c->hosts.items[0].tls_verify);
    assert_true(c->hosts.items[1].tls_verify);
    assert_string_equal(c->hosts.items[2].address, "hv1-backup");
    assert_string_equal(c->hosts.items[2].scratch, "/var/lib/scratch");
    assert_string_equal(c->policies.items[1].scratch, "/tmp/scratch"); /* beside the catalog */
    assert_int_equal(c->repositories.n, 2);
    assert_ptr_equal(config_repository_find(c, "main/1"), &c->repositories.items[0]);
    assert_null(config_repository_find(c, "main"));
    assert_string_equal(c->repositories.items[0].path, "/srv/backup");
    assert_int_equal(c->repositories.items[0].reserve, UINT64_C(10) << 30);
    assert_int_equal(c->repositories.items[0].compress, COMPRESS_ZSTD);
    assert_null(config_key_file(c, &c->repositories.items[0]));
    assert_string_equal(config_key_file(c, &c->repositories.items[1]), "/etc/vmkeep/backup.secret");
    check_policy(&c->policies.items[0]);
    assert_int_equal(c->unprotected.n, 2);
    assert_string_equal(c->unprotected.items[0], "lab/scratch-*");
    assert_ptr_equal(config_policy_find(c, "by-hand"), &c->policies.items[1]);
    assert_null(config_policy_find(c, "nobody"));
    config_free(c);
}

static const struct config_policy *policy_with(const char *key, const char *value,
                                               struct config **ret)
{
    CLEANUP_FREE char *said = NULL;
    CLEANUP_FREE char *text =
        xasprintf("hosts: []\n"
                  "repositories: [{ name: r, path: /r }]\n"
                  "policies: [{ name: p, domains: x, repository: r, %s: %s }]\n",
                  key, value);

    *ret = parse(text, &said);
    if (!*ret)
        fail_msg("%s", said);
    return &(*ret)->policies.items[0];
}

/* The schema has the words of base/model.h, in the same order. */
static void words(void **state)
{
    static const char *const yes[] = {"yes", "Yes", "true", "TRUE", "on"};
    struct config *c;

    (void)state;
    for (int i = MODE_PUSH; i <= MODE_PULL; i++) {
        assert_int_equal(policy_with("mode", mode_name((enum backup_mode)i), &c)->mode, i);
        config_free(c);
    }
    for (int i = QUIESCE_OFF; i <= QUIESCE_REQUIRE; i++) {
        assert_int_equal(policy_with("quiesce", quiesce_name((enum quiesce)i), &c)->quiesce, i);
        config_free(c);
    }
    for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
        assert_true(policy_with("catch_up", yes[i], &c)->catch_up);
        config_free(c);
    }
    assert_false(policy_with("catch_up", "false", &c)->catch_up);
    config_free(c);
}

static void addresses(void **state)
{
    static const char *const good[] = {"127.0.0.1:9810", "localhost:1", "[::1]:65535",
                                       "127.0.0.2:80", "unix:/run/web.sock"};
    static const char *const bad[] = {"127.0.0.1", ":80", "localhost:", "localhost:0", "[]:80",
                                      "::1:80", "a:65536", "[::1]", "a:-1", "a: b:80", "a:80 ",
                                      /* other machines reach these: */
                                      "host.lan:80", "0.0.0.0:80", "[::]:80", "127.a.lan:80",
                                      "unix:", "unix:web.sock"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good) + ARRAY_LEN(bad); i++) {
        bool is_good = i < ARRAY_LEN(good);
        const char *address = is_good ? good[i] : bad[i - ARRAY_LEN(good)];
        CLEANUP_FREE char *text = xasprintf("web: \"%s\"\n", address);
        CLEANUP_FREE char *said = NULL;
        struct config *c = parse(text, &said);

        if (is_good != (c != NULL))
            fail_msg("%s: %s", address, said);
        if (c)
            assert_string_equal(c->web, address);
        config_free(c);
    }
}

static char *padded(size_t len)
{
    static const char head[] = "limits: { jobs: 9 }\n#";
    char *text = xcalloc(len + 1, 1);

    memset(text, '.', len);
    memcpy(text, head, sizeof(head) - 1);
    return text;
}

static void large_files_are_refused(void **state)
{
    CLEANUP_FREE char *most = padded(CONFIG_TEXT_MAX);
    CLEANUP_FREE char *more = padded(CONFIG_TEXT_MAX + 1);
    CLEANUP_FREE char *said = NULL, *why = NULL;
    struct config *c = parse(most, &said);

    (void)state;
    assert_non_null(c);
    assert_int_equal(c->limits.jobs, 9);
    config_free(c);
    assert_null(parse(more, &why));
    assert_string_equal(why, "f: larger than 1048576 bytes: not a configuration\n");
}

/* A megabyte of nonsense takes no time that an administrator would notice. */
static void nonsense_is_cheap(void **state)
{
    static const char *const units[] = {"a: b\n", "- a\n", "x%zu: *a\n", "? ",
                                        "{",      "\"",    "&a\n",       "- name: n%zu\n"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        CLEANUP_FREE char *text = NULL, *said = NULL;
        size_t len = 0;
        FILE *f = open_memstream(&text, &len);

        assert_non_null(f);
        for (size_t k = 0; ftell(f) < CONFIG_TEXT_MAX - 32; k++)
            fprintf(f, units[i], k);
        fclose(f);
        assert_null(parse(text, &said));
    }
}

/* In the order of the file, whatever found them. */
static void diagnostics_are_sorted(void **state)
{
    CLEANUP_FREE char *said = NULL;

    (void)state;
    assert_null(parse("policies:\n"
                      "  - { name: p, domains: x, repository: r }\n"
                      "repositories: [{ name: a, path: /r }]\n"
                      "web: x\n"
                      "bew: x\n",
                      &said));
    assert_string_equal(said, "f:2:40: policies[0] 'p': repository: no repository is called 'r'; "
                              "did you mean 'a'? known: a (line 3)\n"
                              "f:4:6: web: 'x' is not ADDRESS:PORT (such as 127.0.0.1:9810 or "
                              "[::1]:9810), nor unix:PATH\n"
                              "f:5:1: bew: unknown key; did you mean 'web'?\n");
}

static void texts_are_one_line_of_utf8(void **state)
{
    struct diagnostics d = {0};
    CLEANUP_FREE char *line = NULL;

    (void)state;
    diagnostics_add(&d, "f", 1, 2, true, "%s",
                    "a\tb\n\xc3\xa9 \xc3 \xff \xe2\x82\xac \xe2\x82 \xed\xa0\x80 \xf0\x9f\x92\xbe "
                    "\xf4\x90\x80\x80 \xc0\x80 \xc2\x85 \x7f");
    line = diagnostic_format(&d.items[0]);
    assert_string_equal(line, "f:1:2: warning: a?b?\xc3\xa9 ? ? \xe2\x82\xac ?? ??? "
                              "\xf0\x9f\x92\xbe ???? ?? ?? ?");
    diagnostics_done(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_files_are_read),
        cmocka_unit_test(invalid_files_say_why),
        cmocka_unit_test(the_example_shows_every_key),
        cmocka_unit_test(defaults),
        cmocka_unit_test(every_key_reaches_its_member),
        cmocka_unit_test(words),
        cmocka_unit_test(addresses),
        cmocka_unit_test(large_files_are_refused),
        cmocka_unit_test(nonsense_is_cheap),
        cmocka_unit_test(diagnostics_are_sorted),
        cmocka_unit_test(texts_are_one_line_of_utf8),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
