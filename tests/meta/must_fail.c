/* SPDX-License-Identifier: BSD-2-Clause */
/* Test cases that must fail, each by its name on the command line; runner.py checks that they do. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void passes(void **state)
{
    assert_int_equal(1, 1);
}

static void asserts(void **state)
{
    assert_int_equal(1, 2);
}

static void crashes(void **state)
{
    raise(SIGSEGV);
}

static void aborts(void **state)
{
    abort();
}

/* cmocka counts the blocks of its own allocator. */
static void leaks(void **state)
{
    assert_non_null(test_malloc(16));
}

static void skips(void **state)
{
    skip();
}

static const struct CMUnitTest cases[] = {
    cmocka_unit_test(passes), cmocka_unit_test(asserts), cmocka_unit_test(crashes),
    cmocka_unit_test(aborts), cmocka_unit_test(leaks),   cmocka_unit_test(skips),
};

int main(int argc, char **argv)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (argc == 2 && strcmp(argv[1], cases[i].name) == 0) {
            const struct CMUnitTest tests[] = {cases[i]};
            return cmocka_run_group_tests_name("must_fail", tests, NULL, NULL);
        }
    }
    fprintf(stderr, "usage: must_fail CASE\n");
    return 2;
}
