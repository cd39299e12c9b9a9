/* Invariant 2: errors travel. A bad input is an error that says where, what and what was wanted; the process goes on, what
 * was there before is as it was, and no memory is lost. */
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine.h"

/* ---- Rows: a call that must fail, and its text ------------------------------------------------------------------- */
static ct_tensor *a, *b, *v, *n, *flags, *x;    /* (2, 3), (4, 5), (3), int64 (2), bool (3), a leaf (2) */

static void make_operands(void)
{
    a = (ct_arange)(0, 6, 1, CT_FLOAT32), a = ct_reshape(a, 2, 3);
    b = ct_ones(4, 5);
    v = ct_vector(1, 2, 3);
    n = ct_vector_int(0, 1);
    flags = ct_gt(v, 1.5);
    x = leaf(2, 3);
}

static void check_operands(const char *file, int line)
{
    check_values(a, (const double[]){0, 1, 2, 3, 4, 5}, 6, 0, file, line);
    check_values(v, (const double[]){1, 2, 3}, 3, 0, file, line);
    check_values(n, (const double[]){0, 1}, 2, 0, file, line);
    check_values(flags, (const double[]){0, 1, 1}, 3, 0, file, line);
    check_values(x, (const double[]){2, 3}, 2, 0, file, line);
}

#define FAILS(failed, expression, message)                                                                               \
    do {                                                                                                                 \
        const size_t live_ = ct_memory().live;                                                                           \
        ct_scope scope_ = ct_scope_open();                                                                               \
        const bool failed_ = (expression) failed;                                                                        \
        if (!failed_)                                                                                                    \
            fail_msg("%s: it works, want \"%s\"", #expression, message);                                                 \
        assert_false(ct_ok());                                                                                           \
        check_error(message, __FILE__, __LINE__);                                                                        \
        ct_scope_close(scope_);                                                                                          \
        assert_int_equal(ct_memory().live, live_);                                                                       \
        check_operands(__FILE__, __LINE__);                                                                              \
    } while (0)
#define BAD(expression, message) FAILS(== NULL, expression, message)   /* a call that returns a tensor */
#define FALSE(expression, message) FAILS(== false, expression, message) /* a status call */

static void test_shapes_that_do_not_fit(void **state)
{
    (void)state;
    make_operands();
    BAD(ct_add(a, b), "add: (2, 3) and (4, 5) do not broadcast");
    BAD(ct_add(a, n), "add: (2, 3) and (2) do not broadcast: sizes 3 and 2 differ");
    BAD(ct_where(flags, a, b), "where: ");
    BAD(ct_matmul(a, b), "matmul: (2, 3) x (4, 5): inner dimensions 3 and 4 differ");
    BAD(ct_matmul(a, 2.0), "matmul: (2, 3) x (): want at least one axis each");
    BAD(ct_matmul(ct_ones(2, 3, 4), ct_ones(5, 4, 6)), "matmul: ");
    BAD(ct_linear(a, b, NULL), "linear: input (2, 3), weight (4, 5): want (..., in) and (out, in)");
    BAD(ct_linear(b, ct_ones(2, 5), v), "linear: bias (3) for weight (2, 5): want (out)");
    BAD(ct_reshape(a, 4, 2), "reshape: (2, 3) has 6 elements, which do not fill (4, 2)");
    BAD(ct_reshape(a, -1, 4), "reshape: (2, 3) has 6 elements, which do not fill (-1, 4)");
    BAD(ct_reshape(a, -1, -1), "only one size may be -1");
    BAD(ct_reshape(ct_ones(0, 2), -1, 0), "the size -1 could be anything");
    BAD(ct_expand(a, 4, 3), "expand: (2, 3) to (4, 3): axis 0 cannot become 4");
    BAD(ct_expand(a, 3), "expand: (2, 3) to (3): want 2 to 8 axes");
    BAD(ct_sum_to(a, 4), "sum_to: (2, 3) does not sum to the shape asked for");
    BAD(ct_cat(CT_TENSORS(a, b), 0), "cat: (2, 3) and (4, 5) differ in an axis other than 0");
    BAD(ct_stack(CT_TENSORS(a, b), 0), "stack: (2, 3) and (4, 5) differ");
    BAD(ct_mse(a, b), "mse: input (2, 3) and target (4, 5) differ");
    BAD(ct_cross_entropy(a, v), "want a floating input and int64 class indices");
    BAD(ct_cross_entropy(b, n), "cross_entropy: input (4, 5), target (2): want (N, C, ...) and (N, ...)");
    BAD(ct_masked_fill(a, flags, v), "masked_fill: the value has shape (3)");
    BAD(ct_ones(1, 1, 1, 1, 1, 1, 1, 1, 1), "ones: 9 axes, want at most 8");
}

static void test_axes_out_of_range(void **state)
{
    (void)state;
    make_operands();
    BAD(ct_sum(a, 2), "sum: axis 2 is out of range for (2, 3) with 2 axes");
    BAD(ct_sum(a, -3), "sum: axis -3 is out of range for (2, 3) with 2 axes");
    BAD(ct_sum(a, CT_AXES(0, 0)), "sum: axis 0 is named twice for (2, 3)");
    BAD(ct_sum(a, CT_AXES(0, -2)), "is named twice");
    BAD(ct_mean(a, 100000), "is out of range");
    BAD(ct_softmax(a, 2), "softmax: axis 2 is out of range");
    BAD(ct_argmax(a, 5), "argmax: axis 5 is out of range");
    BAD(ct_transpose(a, 0, 2), "transpose: axis 2 is out of range");
    BAD(ct_permute(a, 0), "permute: 1 axes named for (2, 3), want 2");
    BAD(ct_permute(a, 1, 1), "permute: axis 1 is named twice");
    BAD(ct_unsqueeze(a, 4), "unsqueeze: axis 4 is out of range for (2, 3)");
    BAD(ct_flatten(a, 1, 0), "flatten: axis 1 comes after 0 in (2, 3)");
    BAD(ct_narrow(a, 1, 2, 2), "narrow: 2 elements from 2 on axis 1 of (2, 3)");
    BAD(ct_narrow(a, 0, -1, 1), "narrow: 1 elements from -1");
    BAD(ct_cat(CT_TENSORS(a, a), 2), "cat: axis 2 is out of range");
    FAILS(< 0, ct_size(a, 2), "size: axis 2 is out of range for (2, 3) with 2 axes");
    ct_tensor *parts[2];
    FALSE(ct_split(a, 1, 1, parts, 2), "split: axis 1 of (2, 3) in parts of 1 makes 3 parts");
    FALSE(ct_split(a, 0, 1, parts, 2), "split: (2, 3) into parts of 0");
}

static void test_dtypes_that_do_not_fit(void **state)
{
    (void)state;
    make_operands();
    BAD(ct_where(a, a, a), "where: the condition is float32, want bool");
    BAD(ct_masked_fill(a, v, 0.0), "masked_fill: the mask is float32, want bool");
    BAD(ct_sub(flags, flags), "sub: not defined for bool; cast an operand");
    BAD(ct_matmul(flags, flags), "want float32, float64 or int64");
    BAD(ct_cross_entropy(n, n), "want a floating input and int64 class indices");
    BAD(ct_dropout(n), "dropout: the operand is int64, want float32 or float64");
    BAD(ct_bernoulli(n, NULL), "bernoulli: the probabilities is int64");
    BAD(ct_require_grad(n, true), "require_grad: int64 has no gradient, want float32 or float64");
    BAD(ct_one_hot(v, 3), "one_hot: float32 (3) into 3 classes");
    BAD(ct_cast(a, (ct_dtype)17), "cast: 17 is no dtype");
    BAD(ct_zeros_as((ct_dtype)-1, 2), "zeros: -1 is no dtype");
    BAD(ct_rand_as(CT_INT64, 2), "rand: int64, want float32 or float64");
    BAD(ct_pow(n, ct_vector_int(1, -1)), "pow: integers to the negative power -1");
    FALSE(ct_set_default_dtype(CT_INT64), "set_default_dtype: int64, want float32 or float64");
    BAD(ct_add_(n, 0.5), "add_: the result is float32, which the target of int64 cannot hold");
}

static void test_values_out_of_range(void **state)
{
    (void)state;
    make_operands();
    BAD(ct_cross_entropy(a, ct_vector_int(0, 3)), "cross_entropy: target 3 at index 1 is not in [0, 3)");
    BAD(ct_cross_entropy(a, ct_vector_int(-1, 0)), "cross_entropy: target -1 at index 0 is not in [0, 3)");
    BAD(ct_nll(a, ct_vector_int(0, 7)), "nll: target 7 at index 1 is not in [0, 3)");
    BAD(ct_one_hot(n, 1), "one_hot: target 1 at index 1 is not in [0, 1)");
    BAD(ct_dropout(a, .p = 1.5), "dropout: p = 1.5, want 0 to 1");
    BAD(ct_dropout(a, .p = NAN), "want 0 to 1");
    BAD(ct_bernoulli(v, NULL), "bernoulli: 2 probabilities are outside [0, 1]");
    BAD(ct_binary_cross_entropy(a, a), "binary_cross_entropy: the input or the target has values outside [0, 1]");
    BAD(ct_randint(3, 3, 2), "randint: [3, 3) is empty");
    BAD((ct_arange)(0, 1, 0, CT_FLOAT32), "arange: a step of 0 does not lead from 0 to 1");
    BAD(ct_arange(1, 0), "arange: a step of 1 does not lead from 1 to 0");
    BAD(ct_arange(INFINITY), "want finite numbers");
    BAD((ct_arange)(0.5, 3, 1, CT_INT64), "arange: int64 wants a whole start and step");
    BAD(ct_max(ct_zeros(2, 0), 1), "max: ");
    BAD(ct_argmin(ct_zeros(0)), "argmin: ");
    BAD(ct_cross_entropy(a, n, .reduction = (ct_reduction)9), "cross_entropy: reduction 9, want CT_MEAN");
    BAD(ct_linear(a, a, NULL, .activation = (ct_activation)99), "linear: 99 is no activation");
    FALSE(ct_set_num_threads(0), "set_num_threads: 0, want 1 to 256");
    FALSE(ct_set_num_threads(257), "set_num_threads: 257, want 1 to 256");
    double two[2];
    FALSE(ct_to_array(a, two, sizeof two), "to_array: (2, 3) of float32 takes 24 bytes, the array has 16");
    FALSE(ct_to_array(a, NULL, 24), "to_array: the array is NULL");
    FAILS(!= 0, isnan(ct_item(a)), "item: (2, 3) has 6 elements, want one");
    BAD(ct_data(ct_transpose(a, 0, 1)), "data: (3, 2) is not contiguous");
}

static void test_sizes_that_are_negative_or_overflow(void **state)
{
    (void)state;
    make_operands();
    const int64_t huge = INT64_MAX / 2;
    BAD(ct_zeros(2, -1), "zeros: size -1 of axis 1 is negative in (2, -1)");
    BAD(ct_rand(-5), "rand: size -5 of axis 0 is negative in (-5)");
    BAD(ct_zeros(huge, 4), "zeros: Storage size calculation overflowed with sizes (4611686018427387903, 4)");
    BAD(ct_ones(huge), "overflowed");           /* the elements fit, their bytes do not */
    BAD(ct_ones(1L << 50), "ones: out of memory: (1125899906842624) of float32 takes 4503599627370496 bytes");
    BAD(ct_expand(ct_ones(1, 1), huge, huge), "expand: Storage size calculation overflowed");
    BAD(ct_reshape(a, huge, huge), "overflowed");
    BAD(ct_pad(v, 0.0, INT64_MAX, 1), "pad: ");
    BAD(ct_pad(v, 0.0, 1), "pad: 1 widths for (3)");
    BAD(ct_pad(v, 0.0, -2, -2), "pad: -2 and -2 on axis 0 of (3)");
    BAD(ct_arange(1e300), "overflowed");
    BAD((ct_linspace)(0, 1, -1, CT_FLOAT32), "linspace: -1 points, want at least 0");
    BAD(ct_eye(-1), "eye: size -1");
    BAD(ct_randperm(-1, NULL), "randperm: -1 elements");
    assert_shape(ct_zeros(0, 1L << 40), 0, 1L << 40); /* no elements: nothing to overflow */
}

static void test_malformed_subscripts(void **state)
{
    (void)state;
    make_operands();
    static const char *const malformed[] = {
        "a", ",", ",1", "1,,1", "1;1", "1:2:1:1", "--1", "+-1", "1 1", "1:-", ":+", "::--1", "(0)", "[0]", "1.5", "0x1", "1e0", "None1",
        "...1", "None None", "newaxi", "....", "..", "\xff", "1:2,:a", "99999999999999999999", ":99999999999999999999",
        "::-99999999999999999999", "1,2,", "*", "\"", "%s%n", "-", "+", "0,,",
    };
    for (size_t i = 0; i < COUNT(malformed); i++)
        if (strcmp(malformed[i], "1,2,") != 0)  /* a comma may end the list, as in Python */
            BAD(ct_slice(a, malformed[i]), "slice: \"");
    BAD(ct_slice(a, "1:2:3:4"), "slice: \"1:2:3:4\" is malformed at character 5");
    BAD(ct_slice(a, "0:1:0"), "slice: \"0:1:0\": a step of 0");
    BAD(ct_slice(a, "..., ..."), "only one ... may stand");
    BAD(ct_slice(a, "0, 0, 0"), "slice: \"0, 0, 0\": 3 subscripts for (2, 3) with 2 axes");
    BAD(ct_slice(a, "2"), "slice: \"2\": index 2 is out of range for axis 0 of (2, 3)");
    BAD(ct_slice(a, ":, -4"), "slice: \":, -4\": index -4 is out of range for axis 1 of (2, 3)");
    BAD(ct_slice(a, "None, None, None, None, None, None, None"), "would have more than 8 axes");
    BAD(ct_slice(a, "None,None,None,None,None,None,None,None,None,None,None,None,None,None,None,None,None,None,None,None,None,None,"
                    "None,None,None,None,None"), "slice: ");
    BAD(ct_slice(a, NULL), "slice: the subscript is NULL");
    assert_values(ct_slice(a, "1, 2,"), 5);
}

/* ---- NULL -------------------------------------------------------------------------------------------------------- */
static void test_null_in_a_required_operand_is_a_failure(void **state)
{
    (void)state;
    make_operands();
    BAD(ct_matmul(a, NULL), "matmul: second operand is NULL");
    BAD(ct_add(NULL, a), "add: first operand is NULL");
    BAD(ct_where(NULL, a, a), "where: the condition is NULL");
    BAD(ct_tanh(NULL), "tanh: ");
    BAD(ct_sum(NULL), "sum: the operand is NULL");
    BAD(ct_linear(a, NULL, NULL), "linear: the weight is NULL");
    BAD(ct_cat(CT_TENSORS(a, NULL), 0), "cat: a tensor of the list is NULL");
    BAD(ct_require_grad(NULL, true), "require_grad: the operand is NULL");
    BAD(ct_from_array((float *)NULL, 3), "from_array: the array is NULL");
    BAD(ct_borrow_array((float *)NULL, 3), "borrow_array: the array is NULL");
    FALSE(ct_backward(NULL), "backward: the root is NULL");
    FALSE(ct_print(NULL), "print: the operand is NULL");
    FALSE(ct_fprint(NULL, a), "print: the file is NULL");
    FALSE(ct_equal(a, NULL), "equal: second operand is NULL");
}

static void test_null_is_quiet_while_a_failure_is_pending(void **state)
{
    (void)state;
    make_operands();
    ct_tensor *none = ct_matmul(a, b);
    ct_tensor *y = ct_sum(ct_mul(ct_tanh(ct_add(none, 1.0)), ct_softmax(none, -1)));
    assert_null(y);
    assert_null(ct_linear(a, ct_ones(4, 3), none)); /* the trace of a failure, not a bias left out */
    assert_false(ct_backward(y));
    assert_false(ct_to_array(y, NULL, 0));
    assert_true(isnan(ct_item(y)));
    assert_int_equal(ct_rank(y), -1);
    assert_error("matmul: (2, 3) x (4, 5): inner dimensions 3 and 4 differ");
}

static void test_an_optional_null_is_absent_without_a_failure(void **state)
{
    (void)state;
    make_operands();
    assert_values(ct_linear(a, ct_ones(1, 3), NULL), 3, 12);
    ct_fail("mine");
    assert_null(ct_linear(a, ct_ones(1, 3), NULL));
    assert_error("mine");
}

/* ---- The pending failure ----------------------------------------------------------------------------------------- */
static void test_the_first_failure_is_kept(void **state)
{
    (void)state;
    make_operands();
    assert_string_equal(ct_error(), "");
    assert_null(ct_sum(a, 7));
    assert_null(ct_matmul(a, b));
    assert_null(ct_fail("another"));
    assert_error("sum: axis 7 is out of range for (2, 3) with 2 axes");
    assert_true(ct_ok());
    assert_string_equal(ct_error(), "");
}

static void test_a_call_that_works_says_so_while_a_failure_is_pending(void **state)
{
    (void)state;
    make_operands();
    assert_null(ct_fail("step %d of %s", 3, "mine"));
    assert_non_null(ct_add(a, 1.0));
    assert_true(ct_backward(ct_sum(ct_mul(x, x))));
    float got[6];
    assert_true(ct_to_array(a, got, sizeof got));
    assert_true(ct_set_num_threads(ct_num_threads()));
    assert_false(ct_ok());
    assert_error("step 3 of mine");
    assert_values(ct_gradient(x), 4, 6);
}

static int calls;
static char seen[512];
static void handle(const char *text)
{
    calls++;
    snprintf(seen, sizeof seen, "%s", text);
}

static void test_the_handler_is_called_once_a_failure(void **state)
{
    (void)state;
    make_operands();
    ct_error_handler(handle);
    calls = 0;
    ct_tanh(ct_sum(ct_matmul(a, b), 3));
    ct_sum(a, 9);
    assert_int_equal(calls, 1);
    assert_string_equal(seen, "matmul: (2, 3) x (4, 5): inner dimensions 3 and 4 differ");
    ct_error_clear();
    ct_sum(a, 9);
    assert_int_equal(calls, 2);
    ct_error_handler(NULL);
    ct_error_clear();
    ct_sum(a, 9);
    assert_int_equal(calls, 2);
    ct_error_clear();
}

static void test_a_long_text_is_cut_not_overrun(void **state)
{
    (void)state;
    char text[5000];
    memset(text, 'y', sizeof text - 1), text[sizeof text - 1] = 0;
    ct_fail("%s", text);
    assert_true(strlen(ct_error()) > 100 && strlen(ct_error()) < 1000);
    assert_error("yyyy");
    ct_fail("%s", "");
    assert_false(ct_ok());
    ct_error_clear();
    ct_slice(ct_zeros(2), text);
    assert_error("slice: \"yyyy");
}

/* What a function writes on stderr, and how the child ended that ran it. */
static int in_child(void (*run)(void), char *text, size_t bytes)
{
    int ends[2], status;
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        signal(SIGABRT, SIG_DFL);
        dup2(ends[1], 2), close(ends[0]), close(ends[1]);
        run();
        _exit(7);
    }
    close(ends[1]);
    size_t used = 0;
    for (ssize_t got; (got = read(ends[0], text + used, bytes - 1 - used)) > 0;)
        used += (size_t)got;
    text[used] = 0;
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void fail_with_abort(void)
{
    setenv("COTANGENT_ABORT_ON_ERROR", "1", 1);
    ct_matmul(ct_ones(2, 3), ct_ones(4, 5));
}

static void fail_without_abort(void)
{
    setenv("COTANGENT_ABORT_ON_ERROR", "0", 1);
    ct_matmul(ct_ones(2, 3), ct_ones(4, 5));
}

static void report_twice(void)
{
    ct_matmul(ct_ones(2, 3), ct_ones(4, 5));
    int first = ct_report_error(), second = ct_report_error();
    _exit(10 * first + second);
}

static void test_abort_on_error_stops_at_the_site(void **state)
{
    (void)state;
    char text[4096];
    int status = in_child(fail_with_abort, text, sizeof text);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_non_null(strstr(text, "matmul: (2, 3) x (4, 5): inner dimensions 3 and 4 differ"));
}

static void test_nothing_prints_on_its_own(void **state)
{
    (void)state;
    char text[4096];
    int status = in_child(fail_without_abort, text, sizeof text);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    assert_string_equal(text, "");
}

static void test_report_error_prints_once(void **state)
{
    (void)state;
    char text[4096];
    int status = in_child(report_twice, text, sizeof text);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 10);
    assert_string_equal(text, "matmul: (2, 3) x (4, 5): inner dimensions 3 and 4 differ\n");
    assert_int_equal(ct_report_error(), 0);
}

/* ---- Backward ---------------------------------------------------------------------------------------------------- */
static void test_backward_wants_a_cotangent_for_more_than_one_element(void **state)
{
    (void)state;
    make_operands();
    FALSE(ct_backward(ct_mul(x, x)), "backward: the root has shape (2); only one element goes without a cotangent");
    FALSE(ct_backward(ct_mul(x, x), .cotangent = v), "backward: the cotangent has shape (3), the root (2)");
    FALSE(ct_backward(ct_mul(x, x), .cotangent = ct_ones_as(CT_FLOAT64, 2)), "backward: the cotangent is float64, the root float32");
    FALSE(ct_backward(ct_sum(v)), "backward: the root wants no gradient: no leaf that does went into it");
    FALSE(ct_backward(ct_argmax(x)), "backward: the root wants no gradient: argmax is not differentiable");
    BAD(ct_grad(ct_sum(ct_mul(x, x)), v), "grad: input 0, (3), wants no gradient");
    assert_null(ct_gradient(x));
}

static void test_second_backward_names_the_freed_op(void **state)
{
    (void)state;
    make_operands();
    ct_tensor *y = ct_tanh(x), *first = ct_sum(y), *second = ct_sum(ct_square(y));
    assert_true(ct_backward(first));
    assert_false(ct_backward(second));
    const char *at = strstr(ct_error(), "backward: tanh (op ");
    assert_non_null(at);
    assert_true(strtol(at + strlen("backward: tanh (op "), NULL, 10) > 0);
    assert_error(") was freed by an earlier backward; give that one .retain_graph = true");
    assert_false(ct_backward(first));
    assert_error("backward: sum (op ");
}

static void test_a_value_changed_in_place_is_named(void **state)
{
    (void)state;
    make_operands();
    ct_tensor *y = ct_tanh(x), *loss = ct_sum(y);
    {
        CT_NO_GRAD;
        assert_ptr_equal(ct_add_(y, 1.0), y);
    }
    assert_false(ct_backward(loss));
    assert_non_null(strstr(ct_error(), "backward: tanh (op "));
    assert_error(") needs a value that was changed in place by add_");
    assert_null(ct_gradient(x));
}

/* ---- In place ---------------------------------------------------------------------------------------------------- */
static void test_in_place_on_what_must_not_change(void **state)
{
    (void)state;
    make_operands();
    BAD(ct_add_(x, 1.0), "add_: the target wants a gradient and recording is on; use CT_NO_GRAD");
    BAD(ct_mul_(ct_slice(x, "0:1"), 1.0), "mul_: the target wants a gradient");
    BAD(ct_add_(v, ct_expand(ct_slice(x, "0"), 3)), "add_: the operand wants a gradient");
    BAD(ct_add_(ct_expand(v, 2, 3), 1.0), "add_: elements of the target (2, 3) share memory (an expanded view?)");
    BAD(ct_fill_(ct_expand(v, 2, 3), 1.0), "fill_: elements of the target (2, 3) share memory");
    BAD(ct_add_(ct_slice(v, "1:"), ct_slice(v, ":-1")), "add_: target and operand overlap in part");
    BAD(ct_copy_(v, ct_slice(v, "::-1")), "copy_: target and operand overlap in part");
    BAD(ct_add_(v, a), "add_: (2, 3) does not broadcast to the target (3)");
    BAD(ct_fill_(v, a), "fill_: the value has shape (2, 3), want a number or a 0-d tensor");
    BAD(ct_fill_(v, NULL), "fill_: the value is NULL");
}

/* ---- Memory ------------------------------------------------------------------------------------------------------ */
static void test_an_allocation_over_the_limit_is_an_error(void **state)
{
    (void)state;
    make_operands();
    size_t limit = ct_memory().live + (1 << 20);
    ct_memory_set_limit(limit);
    assert_int_equal(ct_memory().limit, limit);
    BAD(ct_zeros(1 << 20), "zeros: out of memory: (1048576) of float32 takes 4194304 bytes");
    BAD(ct_exp(ct_expand(v, 1 << 20, 3)), "and the limit is");
    assert_values(ct_add(v, 1.0), 2, 3, 4);     /* what fits goes on */
    ct_memory_set_limit(SIZE_MAX);
    assert_non_null(ct_zeros(1 << 20));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_shapes_that_do_not_fit),
        TEST(test_axes_out_of_range),
        TEST(test_dtypes_that_do_not_fit),
        TEST(test_values_out_of_range),
        TEST(test_sizes_that_are_negative_or_overflow),
        TEST(test_malformed_subscripts),
        TEST(test_null_in_a_required_operand_is_a_failure),
        TEST(test_null_is_quiet_while_a_failure_is_pending),
        TEST(test_an_optional_null_is_absent_without_a_failure),
        TEST(test_the_first_failure_is_kept),
        TEST(test_a_call_that_works_says_so_while_a_failure_is_pending),
        TEST(test_the_handler_is_called_once_a_failure),
        TEST(test_a_long_text_is_cut_not_overrun),
        TEST(test_abort_on_error_stops_at_the_site),
        TEST(test_nothing_prints_on_its_own),
        TEST(test_report_error_prints_once),
        TEST(test_backward_wants_a_cotangent_for_more_than_one_element),
        TEST(test_second_backward_names_the_freed_op),
        TEST(test_a_value_changed_in_place_is_named),
        TEST(test_in_place_on_what_must_not_change),
        TEST(test_an_allocation_over_the_limit_is_an_error),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    ct_shutdown();
    return failed;
}
