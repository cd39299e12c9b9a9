/* One row under test: its inputs in some layout, a run of it forward and backward, and how near two results are. */
#ifndef COTANGENT_TESTS_OP_TRIAL_H
#define COTANGENT_TESTS_OP_TRIAL_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "autograd/internal.h"
#include "op_cases.h"

struct entry { const char *name; const struct op *op; op_group *group; };

enum layout { PLAIN, EVERY_SECOND, TRANSPOSED, REVERSED, OFFSET, GROWN_FIRST, GROWN_ALL, LAYOUTS };

struct trial {
    const struct entry *entry;
    const struct op_case *row;
    int number, inputs;
    enum layout layout;
    bool same;                                  /* in[0] stands for in[1] too */
    bool copied;                                /* the op gets contiguous copies */
    bool differentiable, large;                 /* large: for several threads, and beyond differences entry by entry */
};

extern int failures, checks_run;
void wrong(const struct trial *t, const char *what);
bool check(const struct trial *t, bool right, const char *what); /* counts, and reports if not */

char kind_of(const struct op_case *row, int i); /* 'f', 'i', 'b' */
int64_t numel(const struct shape *s);
bool make_inputs(const struct trial *t, ct_dtype floats, ct_tensor **inputs);
ct_tensor *run_row(ct_tensor *const *leaves, void *context);
const double *numbers(ct_tensor *x); /* in row-major order, for as long as the scope is open */
bool same_bits(ct_tensor *a, ct_tensor *b);

/* One forward and backward: the result, and one gradient an input (NULL where none is wanted). */
struct outcome { ct_tensor *y, *gradients[CASE_INPUTS]; };
bool run_both_ways(const struct trial *t, ct_tensor *const *leaves, enum layout cotangent, struct outcome *o);
bool near_outcomes(const struct trial *t, const struct outcome *found, const struct outcome *wanted, double tolerance, const char *what);
#endif
