/* SPDX-License-Identifier: MIT
 *
 * Which repository a name means, and what becomes of the points when it means another one; and what
 * the catalog keeps of guests and checkpoints beside their rows. */
#include "tests/unit/catalog_support.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "storage/catalog/catalog_allocation.h"
#include "storage/catalog/catalog_frozen.h"
#include "storage/catalog/catalog_room.h"

static void assert_state(struct catalog *c, const char *id, enum point_state state)
{
    const struct point_filter f = {.host = "h", .domain = "d"};
    CLEANUP(point_list_done) struct point_list l = {0};
    const struct point *p;

    OK(catalog_points(c, &f, &l, &err));
    p = point_list_find(&l, id);
    assert_non_null(p);
    if (p->state != state)
        fail_msg("%s is %s", id, point_state_name(p->state));
}

static size_t count_points(struct catalog *c)
{
    const struct point_filter f = {0};
    CLEANUP(point_list_done) struct point_list l = {0};

    OK(catalog_points(c, &f, &l, &err));
    return l.n;
}

static void a_name_means_one_repository(void **state)
{
    CLEANUP(catalog_repository_done) struct catalog_repository r = {0};
    struct catalog *c = open_writer(*state);
    bool found = true;

    OK(catalog_repository(c, "main", &r, &found, &err));
    assert_false(found);
    OK(catalog_repository_see(c, "main", "aa", "/one", 100, &err));
    OK(catalog_repository_see(c, "main", "aa", "/two", 200, &err));
    FAILS(ERR_EXISTS, "repository main is aa, not bb",
          catalog_repository_see(c, "main", "bb", "/one", 300, &err));
    OK(catalog_repository(c, "main", &r, &found, &err));
    assert_true(found);
    assert_string_equal(r.id, "aa");
    assert_string_equal(r.path, "/two");
    assert_int_equal(r.since, 100);
    assert_int_equal(r.seen, 200);
    catalog_close(c);
}

/* The points of the one that is away are missing, and good again when it is back. */
static void another_one_is_adopted_and_the_first_again(void **state)
{
    CLEANUP(point_done) struct point mine = sample_point("h/d/a", "d", "n", 100, NULL, "cp");
    CLEANUP(point_done) struct point there = sample_point("h/d/b", "d", "n", 200, NULL, NULL);
    struct point_list first = {.items = &mine, .n = 1}, second = {.items = &there, .n = 1};
    struct catalog *c = open_writer(*state);

    OK(catalog_repository_see(c, "main", "aa", "/one", 50, &err));
    backup(c, &mine);
    OK(catalog_repository_adopt(c, "main", "bb", "/one", &second, 300, &err));
    assert_state(c, "h/d/a", POINT_MISSING);
    assert_state(c, "h/d/b", POINT_GOOD);
    OK(catalog_repository_adopt(c, "main", "aa", "/one", &first, 400, &err));
    assert_state(c, "h/d/a", POINT_GOOD);
    assert_state(c, "h/d/b", POINT_MISSING);
    catalog_close(c);
}

static enum checkpoint_state state_of(struct catalog *c, const char *checkpoint)
{
    struct checkpoint_list l = {0};
    enum checkpoint_state ret;

    OK(catalog_checkpoints(c, "h", "d", &l, &err));
    assert_non_null(checkpoint_list_find(&l, checkpoint));
    ret = checkpoint_list_find(&l, checkpoint)->state;
    checkpoint_list_done(&l);
    return ret;
}

/* By its id, beside the one that has its name now; then that one, by the name. */
static void lost_ones_are_forgotten(void **state)
{
    CLEANUP(point_done) struct point a = sample_point("h/d/a", "d", "n", 100, NULL, "cp1");
    CLEANUP(point_done) struct point b = sample_point("h/d/b", "d", "n", 200, "h/d/a", "cp2");
    CLEANUP(point_done) struct point there = sample_point("h/d/c", "d", "m", 300, NULL, NULL);
    struct point_list second = {.items = &there, .n = 1};
    CLEANUP(catalog_repository_done) struct catalog_repository r = {0};
    struct catalog *c = open_writer(*state);
    struct job_end end = {0};
    bool found;
    size_t n = 0;

    OK(catalog_repository_see(c, "main", "aa", "/one", 50, &err));
    backup(c, &a);
    backup(c, &b);
    OK(catalog_repository_adopt(c, "main", "bb", "/one", &second, 300, &err));
    FAILS(ERR_NOTFOUND, "no repository of the name or id 'cc'",
          catalog_repository_forget(c, "cc", 400, &n, &err));
    assert_int_equal(count_points(c), 3);
    OK(catalog_repository_forget(c, "aa", 400, &n, &err));
    assert_int_equal(n, 2);
    assert_int_equal(count_points(c), 1);
    assert_int_equal(state_of(c, "cp2"), CHECKPOINT_DROPPING);
    OK(catalog_last_of_kind(c, "h", "d", "n", JOB_FORGET, &end, &err));
    assert_string_equal(end.reason, "repository aa is lost for ever: 2 points left the catalog");
    assert_int_equal(end.ended, 400);
    free(end.reason);
    OK(catalog_repository(c, "main", &r, &found, &err));
    assert_true(found);
    OK(catalog_repository_forget(c, "main", 500, &n, &err));
    assert_int_equal(n, 1);
    OK(catalog_repository(c, "main", &r, &found, &err));
    assert_false(found);
    catalog_close(c);
}

/* They are listed by their dates, which a clock may have turned round. */
static void what_stands_on_nothing_is_left_out(void **state)
{
    struct catalog *c = open_writer(*state);
    struct point points[] = {
        sample_point("h/d/3", "d", "n", 100, "h/d/2", NULL),
        sample_point("h/d/2", "d", "n", 200, "h/d/1", NULL),
        sample_point("h/d/1", "d", "n", 300, NULL, NULL),
        sample_point("h/d/9", "d", "n", 400, "h/d/8", NULL), /* which is not there */
    };
    struct point_list l = {.items = points, .n = 4};

    OK(catalog_repository_adopt(c, "main", "aa", "/one", &l, 500, &err));
    assert_int_equal(count_points(c), 3);
    assert_state(c, "h/d/3", POINT_GOOD);
    for (size_t i = 0; i < 4; i++)
        point_done(&points[i]);
    catalog_close(c);
}

static void a_frozen_guest_keeps_its_time(void **state)
{
    struct catalog *c = open_writer(*state);
    int64_t since = 7;
    bool quiesced = true;
    int64_t job = add_job(c, "d", "n", 100);

    OK(catalog_frozen(c, "h", "d", &since, &err));
    assert_int_equal(since, 0);
    OK(catalog_frozen_put(c, "h", "d", 100, &err));
    OK(catalog_frozen_put(c, "h", "d", 200, &err));
    OK(catalog_frozen(c, "h", "d", &since, &err));
    assert_int_equal(since, 100);
    OK(catalog_frozen_put(c, "h", "d", 0, &err));
    OK(catalog_frozen(c, "h", "d", &since, &err));
    assert_int_equal(since, 0);
    OK(catalog_quiesced(c, job, &quiesced, &err));
    assert_false(quiesced);
    OK(catalog_quiesced_put(c, job, &err));
    OK(catalog_quiesced(c, job, &quiesced, &err));
    assert_true(quiesced);
    catalog_close(c);
}

static void an_allocation_goes_with_its_checkpoint(void **state)
{
    struct catalog *c = open_writer(*state);
    struct checkpoint k = {.host = (char *)"h",
                           .domain = (char *)"d",
                           .name = (char *)"cp",
                           .state = CHECKPOINT_KEPT,
                           .created = 100};
    char *map = NULL;

    OK(catalog_checkpoint_add(c, &k, &err));
    OK(catalog_allocation(c, "h", "d", "cp", "vda", &map, &err));
    assert_null(map);
    OK(catalog_allocation_put(c, "h", "d", "cp", "vda", "total 0 0\n", &err));
    OK(catalog_allocation_put(c, "h", "d", "cp", "vda", "0 65536\ntotal 1 65536\n", &err));
    OK(catalog_allocation(c, "h", "d", "cp", "vda", &map, &err));
    assert_string_equal(map, "0 65536\ntotal 1 65536\n");
    free(map);
    OK(catalog_checkpoint_delete(c, "h", "d", "cp", &err));
    OK(catalog_allocation(c, "h", "d", "cp", "vda", &map, &err));
    assert_null(map);
    catalog_close(c);
}

#define DAY INT64_C(86400)

static void room_is_kept_once_a_day(void **state)
{
    CLEANUP(repository_rooms_done) struct repository_rooms rooms = {0};
    struct catalog *c = open_writer(*state);
    int64_t at = 1795300000 / DAY * DAY;
    const struct room_sample samples[] = {
        {at, 900, 1000}, {at + 3600, 800, 1000}, {at + DAY, 700, 1000}, {at + 399 * DAY, 5, 9}};
    const struct room_list *l;

    for (size_t i = 0; i < ARRAY_LEN(samples); i++)
        OK(catalog_room_put(c, "main one", &samples[i], &err));
    OK(catalog_room_put(c, "other", &samples[0], &err));
    OK(catalog_rooms(c, &rooms, &err));
    l = repository_rooms_find(&rooms, "main one");
    assert_non_null(l);
    assert_int_equal(l->n, 3);
    assert_memory_equal(&l->items[0], &samples[1], sizeof(samples[1])); /* the day's last */
    assert_memory_equal(&l->items[2], &samples[3], sizeof(samples[3]));
    assert_null(repository_rooms_find(&rooms, "main"));
    repository_rooms_done(&rooms);
    /* What is older than 400 days goes, of all of them. */
    OK(catalog_room_put(c, "main one", &(struct room_sample){at + 401 * DAY, 4, 9}, &err));
    OK(catalog_rooms(c, &rooms, &err));
    l = repository_rooms_find(&rooms, "main one");
    assert_int_equal(l->n, 3);
    assert_int_equal(l->items[0].at, at + DAY);
    assert_null(repository_rooms_find(&rooms, "other"));
    catalog_close(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(room_is_kept_once_a_day, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(a_name_means_one_repository, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(lost_ones_are_forgotten, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(another_one_is_adopted_and_the_first_again, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(what_stands_on_nothing_is_left_out, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(a_frozen_guest_keeps_its_time, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(an_allocation_goes_with_its_checkpoint, scratch_make,
                                        scratch_remove),
    };

    return cmocka_run_group_tests_name("catalog_repository", tests, NULL, NULL);
}
