/* SPDX-License-Identifier: MIT */
#include "tests/support/test.h"

#include <string.h>

#include "base/observers.h"

/* A listener that writes its name down, and may do something once. */
struct listener {
    struct observer o;
    char name;
    void (*once)(struct listener *self);
};

static struct {
    struct observers list;
    struct listener a, b, c;
    char heard[64];
} t;

static void hear(void *ctx, const void *event)
{
    struct listener *l = ctx;
    void (*once)(struct listener *) = l->once;
    size_t n = strlen(t.heard);

    t.heard[n] = l->name;
    t.heard[n + 1] = *(const char *)event;
    l->once = NULL;
    if (once)
        once(l);
}

static struct listener listener(struct listener *self, char name)
{
    return (struct listener){.o = {.hear = hear, .ctx = self}, .name = name};
}

static int setup(void **state)
{
    (void)state;
    memset(&t, 0, sizeof(t));
    t.a = listener(&t.a, 'a');
    t.b = listener(&t.b, 'b');
    t.c = listener(&t.c, 'c');
    return 0;
}

static void add_all(void)
{
    observers_add(&t.list, &t.a.o);
    observers_add(&t.list, &t.b.o);
    observers_add(&t.list, &t.c.o);
}

static void in_their_order(void **state)
{
    (void)state;
    observers_tell(&t.list, "1");
    add_all();
    observers_tell(&t.list, "2");
    observers_remove(&t.list, &t.b.o);
    observers_remove(&t.list, &t.b.o);
    observers_tell(&t.list, "3");
    observers_remove(&t.list, &t.c.o);
    observers_remove(&t.list, &t.a.o);
    observers_tell(&t.list, "4");
    assert_string_equal(t.heard, "a2b2c2a3c3");
}

static void remove_self(struct listener *self)
{
    observers_remove(&t.list, &self->o);
    memset(&self->o, 0xff, sizeof(self->o)); /* as if it had been freed */
}

static void remove_b(struct listener *self)
{
    (void)self;
    remove_self(&t.b);
}

static void remove_all(struct listener *self)
{
    (void)self;
    remove_self(&t.a);
    remove_self(&t.b);
    remove_self(&t.c);
}

static void one_goes_while_it_is_told(void **state)
{
    (void)state;
    add_all();
    t.b.once = remove_self;
    observers_tell(&t.list, "1");
    observers_tell(&t.list, "2");
    assert_string_equal(t.heard, "a1b1c1a2c2");
}

static void one_sends_others_away(void **state)
{
    (void)state;
    add_all();
    t.a.once = remove_b;
    observers_tell(&t.list, "1");
    observers_tell(&t.list, "2");
    assert_string_equal(t.heard, "a1c1a2c2");
}

static void all_go_while_the_first_is_told(void **state)
{
    (void)state;
    add_all();
    t.a.once = remove_all;
    observers_tell(&t.list, "1");
    observers_tell(&t.list, "2");
    assert_string_equal(t.heard, "a1");
}

static void add_c(struct listener *self)
{
    (void)self;
    observers_add(&t.list, &t.c.o);
}

static void one_comes_while_another_is_told(void **state)
{
    (void)state;
    observers_add(&t.list, &t.a.o);
    observers_add(&t.list, &t.b.o);
    t.b.once = add_c;
    observers_tell(&t.list, "1");
    observers_tell(&t.list, "2");
    assert_string_equal(t.heard, "a1b1a2b2c2");
}

static void tell_2(struct listener *self)
{
    (void)self;
    observers_tell(&t.list, "2");
}

/* What b does while it hears of 2 holds for the 1 that is still being told. */
static void an_event_within_an_event(void **state)
{
    (void)state;
    observers_add(&t.list, &t.a.o);
    observers_add(&t.list, &t.b.o);
    t.a.once = tell_2;
    t.b.once = remove_self;
    observers_tell(&t.list, "1");
    assert_string_equal(t.heard, "a1a2b2");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(in_their_order, setup),
        cmocka_unit_test_setup(one_goes_while_it_is_told, setup),
        cmocka_unit_test_setup(one_sends_others_away, setup),
        cmocka_unit_test_setup(all_go_while_the_first_is_told, setup),
        cmocka_unit_test_setup(one_comes_while_another_is_told, setup),
        cmocka_unit_test_setup(an_event_within_an_event, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
