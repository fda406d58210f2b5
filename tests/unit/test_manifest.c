/* SPDX-License-Identifier: MIT */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "storage/repository/manifest.h"

#define CONTENT "sha256-tree:0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a"

static const char good[] =
    "{\"format\": 1, \"id\": \"local/web01/2026-11-23T02-30-00Z.nightly\", \"host\": \"local\","
    " \"domain\": \"web01\", \"policy\": \"nightly\", \"repository\": \"main\","
    " \"kind\": \"incremental\", \"parent\": \"local/web01/2026-11-22T02-30-00Z.nightly\","
    " \"created\": \"2026-11-23T02:30:00Z\", \"checkpoint\": \"vmkeep-0123abcd-1\","
    " \"mode\": \"push\", \"quiesced\": true, \"why\": \"scheduled\", \"disks\": ["
    "{\"name\": \"vda\", \"path\": \"vda.qcow2\", \"format\": \"qcow2\", \"capacity\": 1073741824,"
    " \"bytes\": 65536, \"length\": 393216, \"digest\": \"blake3:00\", \"content\": \"" CONTENT
    "\","
    " \"backing\": \"local/web01/2026-11-22T02-30-00Z.nightly\"},"
    "{\"name\": \"vdb\", \"path\": \"vdb.qcow2\", \"format\": \"qcow2\", \"capacity\": 1,"
    " \"bytes\": 0, \"digest\": null, \"backing\": null}], \"unknown\": [\"a newer field\"]}";

static enum err_code read_text(const char *text, struct point *ret)
{
    struct err err = ERR_INIT;
    int rc = manifest_read(text, strlen(text), "point.json", ret, &err);

    assert_int_equal(rc, err.code == ERR_NONE ? 0 : -1);
    if (rc < 0) {
        assert_true(starts_with(err.msg, "point.json"));
        assert_null(ret->id);
    }
    return err.code;
}

/* The good one, with one text replaced by another, which must be there. */
static char *changed(const char *from, const char *to)
{
    const char *at = strstr(good, from);

    if (!at)
        fail_msg("the manifest has no %s", from);
    return xasprintf("%.*s%s%s", (int)(at - good), good, to, at + strlen(from));
}

static void reading(void **state)
{
    CLEANUP(point_done) struct point p = {0};

    (void)state;
    assert_int_equal(read_text(good, &p), ERR_NONE);
    assert_string_equal(p.host, "local");
    assert_int_equal(p.level, LEVEL_INCREMENTAL);
    assert_int_equal(p.mode, MODE_PUSH);
    assert_int_equal(p.state, POINT_GOOD);
    assert_int_equal(p.created, 1795401000);
    assert_true(p.quiesced);
    assert_int_equal(p.disks.n, 2);
    assert_int_equal(p.disks.items[0].capacity, 1 << 30);
    assert_int_equal(p.disks.items[0].length, 393216);
    assert_string_equal(p.disks.items[0].digest, "blake3:00");
    assert_string_equal(p.disks.items[0].content, CONTENT);
    assert_null(p.disks.items[1].content);
    assert_null(p.disks.items[1].backing);
    assert_int_equal(p.disks.items[1].length, 0);
}

static void what_is_written_can_be_read(void **state)
{
    CLEANUP(point_done) struct point p = {0};
    CLEANUP(point_done) struct point q = {0};
    CLEANUP_FREE char *one = NULL;
    CLEANUP_FREE char *two = NULL;

    (void)state;
    assert_int_equal(read_text(good, &p), ERR_NONE);
    free(p.why);
    strlist_add(&p.missing, "vdc");
    left_out_add(&p.left_out, "cd0", "an empty drive");
    p.why = xstrdup("the hypervisor said \"no\\\n\t\xc3\xa4\" and was cut \xe2\x82");
    one = manifest_write(&p);
    assert_int_equal(read_text(one, &q), ERR_NONE);
    two = manifest_write(&q);
    assert_string_equal(one, two);
    assert_string_equal(q.missing.items[0], "vdc");
    assert_int_equal(q.left_out.n, 1);
    assert_string_equal(q.left_out.items[0].name, "cd0");
    assert_string_equal(q.left_out.items[0].why, "an empty drive");
    assert_true(starts_with(q.why, "the hypervisor said \"no\\\n\t"));
}

static void damaged(void **state)
{
    static const struct {
        const char *from, *to;
        enum err_code code;
    } cases[] = {
        {"{\"format\": 1", "{\"format\": 2", ERR_UNSUPPORTED},
        {"{\"format\": 1", "{\"format\": 1, \"left_out\": 5", ERR_CORRUPT},
        {"{\"format\": 1", "{\"format\": 1, \"left_out\": [5]", ERR_CORRUPT},
        {"{\"format\": 1", "{\"format\": 1, \"left_out\": [{\"name\": \"cd\"}]", ERR_CORRUPT},
        {"{\"format\": 1", "{\"format\": 0", ERR_CORRUPT},
        {"{\"format\": 1", "{\"format\": \"1\"", ERR_CORRUPT},
        {"{\"format\": 1", "{\"x\": 1", ERR_CORRUPT},
        {"{\"format\": 1", "{\"format\": 1, \"format\": 1", ERR_CORRUPT},
        {"\"id\": ", "\"ID\": ", ERR_CORRUPT},
        {"\"id\": \"local", "\"id\": \"..", ERR_CORRUPT},
        {"\"id\": \"local/web01", "\"id\": \"local/web02", ERR_CORRUPT},
        {"\"host\": \"local\"", "\"host\": \"\"", ERR_CORRUPT},
        {"\"host\": \"local\"", "\"host\": null", ERR_CORRUPT},
        {"\"host\": \"local\"", "\"host\": 5", ERR_CORRUPT},
        {"\"domain\": \"web01\"", "\"domain\": \"..\"", ERR_CORRUPT},
        {"\"domain\": \"web01\"", "\"domain\": \"web01\\u0000\"", ERR_CORRUPT},
        {"\"policy\": \"nightly\"", "\"policy\": \"hourly\"", ERR_CORRUPT},
        {"\"kind\": \"incremental\"", "\"kind\": \"full\"", ERR_CORRUPT},
        {"\"kind\": \"incremental\"", "\"kind\": \"half\"", ERR_CORRUPT},
        {"\"mode\": \"push\"", "\"mode\": true", ERR_CORRUPT},
        {"\"quiesced\": true", "\"quiesced\": \"yes\"", ERR_CORRUPT},
        {"\"quiesced\": true, ", "", ERR_CORRUPT},
        {"02:30:00Z\"", "02:30:01Z\"", ERR_CORRUPT},
        {"02:30:00Z\"", "\"", ERR_CORRUPT},
        {"\"parent\": \"local/web01/2026-11-22", "\"parent\": \"../web01/2026-11-22", ERR_CORRUPT},
        {"\"parent\": \"local/web01/2026-11-22", "\"parent\": \"local/web02/2026-11-22",
         ERR_CORRUPT},
        {"\"parent\": \"local/web01/2026-11-22", "\"parent\": \"local/web01/2026-11-23",
         ERR_CORRUPT},
        {"\"backing\": \"local/web01/", "\"backing\": \"local/../", ERR_CORRUPT},
        {"\"backing\": \"local/web01/", "\"backing\": \"local/web02/", ERR_CORRUPT},
        {"\"backing\": \"local/web01/2026-11-22T02-30-00Z.nightly\"", "\"backing\": null",
         ERR_CORRUPT},
        {"\"disks\": [", "\"disks\": {}, \"x\": [", ERR_CORRUPT},
        {"\"disks\": [", "\"disks\": [1, ", ERR_CORRUPT},
        {"\"name\": \"vdb\"", "\"name\": \"vda\"", ERR_CORRUPT},
        {"\"path\": \"vdb.qcow2\"", "\"path\": \"vda.qcow2\"", ERR_CORRUPT},
        {"\"path\": \"vda.qcow2\"", "\"path\": \"../vda.qcow2\"", ERR_CORRUPT},
        {"\"path\": \"vda.qcow2\"", "\"path\": \"/etc/passwd\"", ERR_CORRUPT},
        {"\"path\": \"vda.qcow2\"", "\"path\": \"..\"", ERR_CORRUPT},
        {"\"path\": \"vda.qcow2\"", "\"path\": \".\"", ERR_CORRUPT},
        {"\"path\": \"vda.qcow2\"", "\"path\": \"json:{}\"", ERR_CORRUPT},
        {"\"path\": \"vda.qcow2\"", "\"path\": \"point.json\"", ERR_CORRUPT},
        {"\"path\": \"vda.qcow2\"", "\"path\": \"domain.xml\"", ERR_CORRUPT},
        {"\"format\": \"qcow2\"", "\"format\": \"vmdk\"", ERR_UNSUPPORTED},
        {"\"capacity\": 1073741824", "\"capacity\": -1", ERR_CORRUPT},
        {"\"capacity\": 1073741824", "\"capacity\": 1e3", ERR_CORRUPT},
        {"\"capacity\": 1073741824", "\"capacity\": 99999999999999999999", ERR_CORRUPT},
        {"\"bytes\": 65536, ", "", ERR_CORRUPT},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP_FREE char *text = changed(cases[i].from, cases[i].to);
        CLEANUP(point_done) struct point p = {0};

        if (read_text(text, &p) != cases[i].code)
            fail_msg("%s -> %s: should be %s", cases[i].from, cases[i].to,
                     err_code_name(cases[i].code));
    }
}

static void cut_off_or_not_json(void **state)
{
    static const char *const texts[] = {"", "{", "[]", "null", "\"x\"", "{}", "\xff\xfe{}"};
    CLEANUP(point_done) struct point p = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        assert_int_equal(read_text(texts[i], &p), ERR_CORRUPT);
    for (size_t len = 0; len < sizeof(good) - 1; len++) {
        CLEANUP_FREE char *part = strndup(good, len);

        assert_int_equal(read_text(part, &p), ERR_CORRUPT);
    }
}

static void names_the_place(void **state)
{
    CLEANUP_FREE char *text = changed("\"capacity\": 1,", "\"capacity\": \"x\",");
    CLEANUP(point_done) struct point p = {0};
    struct err err = ERR_INIT;

    (void)state;
    assert_int_equal(manifest_read(text, strlen(text), "/r/point.json", &p, &err), -1);
    assert_string_equal(err.msg, "/r/point.json: disk 2: capacity: is not a number of bytes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reading),         cmocka_unit_test(what_is_written_can_be_read),
        cmocka_unit_test(damaged),         cmocka_unit_test(cut_off_or_not_json),
        cmocka_unit_test(names_the_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
