/* What the tests of the engine share. Every test ends with nothing alive and no failure pending. */
#ifndef COTANGENT_TESTS_ENGINE_H
#define COTANGENT_TESTS_ENGINE_H
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <cotangent.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* The pending failure says `part`; it is cleared. */
static inline void check_error(const char *part, const char *file, int line)
{
    char text[512];
    snprintf(text, sizeof text, "%s", ct_error());
    ct_error_clear();
    if (!strstr(text, part) || !*text) {
        print_error("the failure is \"%s\", want \"%s\"\n", text, part);
        _fail(file, line);
    }
}
#define assert_error(part) check_error(part, __FILE__, __LINE__)

static inline void check_fine(const char *file, int line)
{
    if (ct_ok())
        return;
    print_error("%s\n", ct_error());
    ct_error_clear();
    _fail(file, line);
}
#define assert_fine() check_fine(__FILE__, __LINE__)

/* The elements of t in row-major order are exactly these. */
static inline void check_values(ct_tensor *t, const double *want, size_t count, double bound, const char *file, int line)
{
    check_fine(file, line);
    if (!t || ct_numel(t) != (int64_t)count) {
        print_error("%lld elements, want %zu\n", t ? (long long)ct_numel(t) : -1LL, count);
        _fail(file, line);
    }
    double *got = malloc((count ? count : 1) * sizeof *got);
    bool was = ct_set_recording(false);
    ct_scope scope = ct_scope_open();
    bool read = ct_to_array(ct_cast(t, CT_FLOAT64), got, count * sizeof *got);
    ct_scope_close(scope);
    ct_set_recording(was);
    size_t i = 0;
    while (read && i < count && (got[i] == want[i] || fabs(got[i] - want[i]) <= bound || (isnan(got[i]) && isnan(want[i]))))
        i++;
    if (!read || i < count)
        print_error("element %zu is %.9g, want %.9g\n", i, i < count ? got[i] : 0, i < count ? want[i] : 0);
    free(got);
    if (!read || i < count)
        _fail(file, line);
}
#define assert_near_values(t, bound, ...) \
    check_values(t, (const double[]){__VA_ARGS__}, COUNT(((const double[]){__VA_ARGS__})), bound, __FILE__, __LINE__)
#define assert_values(t, ...) assert_near_values(t, 0, __VA_ARGS__)
#define assert_near(got, want, bound) assert_true(fabs((double)(got) - (double)(want)) <= (bound))

static inline void check_shape(ct_tensor *t, const int64_t *want, int rank, const char *file, int line)
{
    check_fine(file, line);
    bool same = ct_rank(t) == rank;
    for (int i = 0; same && i < rank; i++)
        same = ct_size(t, i) == want[i];
    if (!same) {
        print_error("another shape\n");
        _fail(file, line);
    }
}
#define assert_shape(t, ...) \
    check_shape(t, (const int64_t[]){__VA_ARGS__}, (int)COUNT(((const int64_t[]){__VA_ARGS__})), __FILE__, __LINE__)

/* A leaf that wants a gradient. */
#define leaf(...) ct_require_grad(ct_vector(__VA_ARGS__), true)
#define leaf64(...) \
    ct_require_grad((ct_vector)((const double[]){__VA_ARGS__}, COUNT(((const double[]){__VA_ARGS__})), CT_FLOAT64), true)

static inline int finished(void **state)
{
    (void)state;
    bool ok = ct_ok();
    if (!ok)
        print_error("a failure was left behind: %s\n", ct_error());
    ct_error_clear();
    ct_set_recording(true);
    ct_shutdown();
    size_t live = ct_memory().live;
    if (live)
        print_error("%zu bytes are still alive\n", live);
    return ok && !live ? 0 : -1;
}
#define TEST(name) cmocka_unit_test_teardown(name, finished)
#endif
