/* op_cases.h - test cases of ops, as rows.
 *
 * Every op of the registry has a group here, a function that op_harness.c names by the registry itself: an op without one
 * does not link. A group holds rows; a row is an expression over in[0], in[1], ... and what its inputs are:
 *
 *     OP_CASES(softmax)
 *     {
 *         CASE(ct_softmax(in[0], 1), .shapes = {SIZES(2, 3, 5)}, .smooth = true);
 *         REFUSED(0, "axis", ct_softmax(in[0], 2), .shapes = {SIZES(2)});
 *     }
 *
 * What the harness makes of a row is listed in op_harness.c. */
#ifndef COTANGENT_OP_CASES_H
#define COTANGENT_OP_CASES_H
#include <math.h>
#include <stdbool.h>

#include "cotangent.h"

enum { CASE_INPUTS = 4, CASE_VALUES = 24 };

/* What a group's rows must show, unless a REFUSED row proves that the op takes no such input. */
enum trait { CONTIGUOUS = 1, STRIDED = 2, BROADCAST = 4, ZERO_D = 8, ZERO_SIZE = 16, LARGE = 32, ALL_TRAITS = 63 };

struct list { int count; double at[CASE_VALUES]; };
struct shape { int axes; int64_t size[CT_MAX_RANK]; }; /* axes: 1 more than the rank; 0: no such input */
struct range { double low, high; };

struct op_case {
    const char *text, *file;
    int line;
    struct shape shapes[CASE_INPUTS];
    const char *kinds;                          /* a letter an input: f floating (where none is given), i int64, b bool */
    struct range range[CASE_INPUTS];            /* of the values made up; both 0: -2 to 2, integers 0 to 3 */
    struct list values[CASE_INPUTS];            /* in place of values made up */
    struct list expect;                         /* values of the result, row-major */
    bool smooth;                                /* second derivatives in other layouts than the plain one too */
    bool split;                                 /* large enough for eight threads, and run for their sake alone */
    double tolerance;                           /* float32 against float64; 0: 1e-5 */
    const char *refused;                        /* the case must fail, and the error contain this */
    enum trait trait;                           /* which trait the refusal excuses the group from */
    const char *no_layouts, *no_same, *no_float32, *no_gradcheck; /* left out, and why */
    const char *no_second;                      /* there is no second derivative: asking for it fails with this */
};

struct op_turn {                                /* asks a group for its row number `wanted`; with inputs, runs it too */
    int wanted;
    ct_tensor *const *in;
    const struct op_case *found;
    ct_tensor *out;
};
typedef void op_group(struct op_turn *at);

static inline bool case_turn(struct op_turn *at, const struct op_case *row)
{
    if (at->wanted-- != 0)
        return false;
    at->found = row;
    return at->in != NULL;
}

#define SIZES(...) {1 + sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t), {__VA_ARGS__}}
#define SCALAR {1, {0}}
#define LIST(...) {sizeof((const double[]){__VA_ARGS__}) / sizeof(double), {__VA_ARGS__}}

#define OP_CASES(name)                                                                                                   \
    static void name##_rows(struct op_turn *at, ct_tensor *const *in);                                                   \
    void op_cases_##name(struct op_turn *at);                                                                            \
    void op_cases_##name(struct op_turn *at)                                                                             \
    {                                                                                                                    \
        name##_rows(at, at->in);                                                                                         \
    }                                                                                                                    \
    static void name##_rows(struct op_turn *at, ct_tensor *const *in)
#define CASE(expression, ...) CASE_AS_(#expression, expression, __VA_ARGS__)
#define CASE_AS_(text_, expression, ...)                                                                                 \
    do {                                                                                                                 \
        static const struct op_case row_ = {.text = text_, .file = __FILE__, .line = __LINE__, __VA_ARGS__};             \
        if (case_turn(at, &row_))                                                                                        \
            at->out = (expression);                                                                                      \
    } while (0)
#define REFUSED(trait_, error, expression, ...) CASE_AS_(#expression, expression, .refused = error, .trait = trait_, __VA_ARGS__)

/* The shapes that an elementwise op of one tensor must see, and of two. */
#define ONE_INPUT(expression, ...)                                                                                       \
    CASE_AS_(#expression, expression, .shapes = {SIZES(2, 3)}, __VA_ARGS__);                                             \
    CASE_AS_(#expression, expression, .shapes = {SIZES(2, 1, 5)}, __VA_ARGS__);                                          \
    CASE_AS_(#expression, expression, .shapes = {SCALAR}, __VA_ARGS__);                                                  \
    CASE_AS_(#expression, expression, .shapes = {SIZES(2, 0, 3)}, __VA_ARGS__);                                          \
    CASE_AS_(#expression, expression, .shapes = {SIZES(93, 101)}, __VA_ARGS__);                                             \
    CASE_AS_(#expression, expression, .shapes = {SIZES(311, 211)}, .split = true, __VA_ARGS__)
#define TWO_INPUTS(expression, ...)                                                                                      \
    CASE_AS_(#expression, expression, .shapes = {SIZES(2, 3), SIZES(2, 3)}, __VA_ARGS__);                                \
    CASE_AS_(#expression, expression, .shapes = {SIZES(2, 1, 3), SIZES(4, 1)}, __VA_ARGS__);                             \
    CASE_AS_(#expression, expression, .shapes = {SCALAR, SIZES(3)}, __VA_ARGS__);                                        \
    CASE_AS_(#expression, expression, .shapes = {SIZES(2, 2), SCALAR}, __VA_ARGS__);                                     \
    CASE_AS_(#expression, expression, .shapes = {SCALAR, SCALAR}, __VA_ARGS__);                                          \
    CASE_AS_(#expression, expression, .shapes = {SIZES(0, 3), SIZES(1, 3)}, __VA_ARGS__);                                \
    CASE_AS_(#expression, expression, .shapes = {SIZES(2, 1), SIZES(2, 0)}, __VA_ARGS__);                                \
    CASE_AS_(#expression, expression, .shapes = {SIZES(93, 101), SIZES(93, 101)}, __VA_ARGS__);                          \
    CASE_AS_(#expression, expression, .shapes = {SIZES(101), SIZES(93, 1)}, __VA_ARGS__);                                   \
    CASE_AS_(#expression, expression, .shapes = {SIZES(311, 211), SIZES(211)}, .split = true, __VA_ARGS__);              \
    CASE_AS_(#expression, expression, .shapes = {SIZES(2, 3), SIZES(2)}, .refused = "do not broadcast", __VA_ARGS__);    \
    CASE_AS_(#expression, expression, .shapes = {SIZES(0), SIZES(2)}, .refused = "do not broadcast", __VA_ARGS__)
#endif
