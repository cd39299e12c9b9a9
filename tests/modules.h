/* What the tests of modules share: refusals by their whole text, nearness, and a small net. */
#ifndef COTANGENT_TESTS_MODULES_H
#define COTANGENT_TESTS_MODULES_H
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <cotangent.h>

#define assert_near(got, want, bound) assert_true(fabs((double)(got) - (double)(want)) <= (bound))
#define FAILED(call, message)                     \
    do {                                          \
        assert_true(!(call));                     \
        assert_string_equal(ct_error(), message); \
        ct_error_clear();                         \
    } while (0)

static inline ct_module *small_net(void)
{
    return ct_nn_sequential(ct_nn_linear(3, 4), ct_nn_relu(), ct_nn_linear(4, 2, .no_bias = true));
}
#endif
