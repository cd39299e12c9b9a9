/* Products: matmul and the fused linear layer. */
#include "../kernels/gemm.h"
#include "../kernels/pool.h"
#include "ops.h"

#define VJP(name)                                                                                                        \
    static void name(ct_node *node, ct_tensor *const *cotangents, ct_tensor **gradients)

/* ---- matmul: C = A B over the last two axes. dA = G B^T, dB = A^T G -------------------------------------------------------------------- */
VJP(matmul_vjp)
{
    ct_tensor *a = ct_node_input(node, 0), *b = ct_node_input(node, 1), *g = cotangents[0];
    if (ct_node_wants(node, 0))
        gradients[0] = ct_matmul(g, ct_transpose(b, -2, -1));
    if (ct_node_wants(node, 1))
        gradients[1] = ct_matmul(ct_transpose(a, -2, -1), g);
}
const struct op op_matmul = {"matmul", matmul_vjp, NULL, READS(0) | READS(1)};

static struct gemm gemm_of(const ct_tensor *a, const ct_tensor *b, const ct_tensor *c)
{
    const int i = c->rank - 2, j = c->rank - 1;
    return (struct gemm){.m = (size_t)c->sizes[i], .n = (size_t)c->sizes[j], .k = (size_t)a->sizes[j],
                         .a = a->data, .a_row = a->strides[i], .a_column = a->strides[j],
                         .b = b->data, .b_row = b->strides[i], .b_column = b->strides[j],
                         .c = c->data, .c_row = c->strides[i], .c_column = c->strides[j]};
}

static int64_t offset_of(const ct_tensor *t, int64_t batch)
{
    int64_t offset = 0;
    for (int i = t->rank - 2; i-- > 0; batch /= t->sizes[i])
        offset += batch % t->sizes[i] * t->strides[i];
    return offset * (int64_t)ct_dtype_size((ct_dtype)t->dtype);
}

/* Row by row of c, each the sum of b's rows times the elements of a's. Unsigned: integers wrap. */
struct integers {
    struct gemm job;
    size_t per_part;
};

static void multiply_integer_rows(size_t part, void *context)
{
    const struct integers *w = context;
    const struct gemm *j = &w->job;
    for (size_t row = part * w->per_part; row < j->m && row < (part + 1) * w->per_part; row++) {
        uint64_t *c = (uint64_t *)j->c + (ptrdiff_t)row * j->c_row;
        memset(c, 0, j->n * sizeof *c);
        for (size_t i = 0; i < j->k; i++) {
            const uint64_t a = ((const uint64_t *)j->a)[(ptrdiff_t)row * j->a_row + (ptrdiff_t)i * j->a_column];
            const uint64_t *b = (const uint64_t *)j->b + (ptrdiff_t)i * j->b_row;
            if (j->b_column == 1)
                for (size_t k = 0; k < j->n; k++)
                    c[k] += a * b[k];
            else
                for (size_t k = 0; k < j->n; k++)
                    c[k] += a * b[(ptrdiff_t)k * j->b_column];
        }
    }
}

static void multiply_integers(const ct_tensor *a, const ct_tensor *b, const ct_tensor *c, int64_t batch)
{
    struct integers w = {.job = gemm_of(a, b, c)};
    w.job.a = (const char *)w.job.a + offset_of(a, batch);
    w.job.b = (const char *)w.job.b + offset_of(b, batch);
    w.job.c = (char *)w.job.c + offset_of(c, batch);
    const size_t work = w.job.n * (w.job.k ? w.job.k : 1);
    w.per_part = work < LOOP_GRAIN ? LOOP_GRAIN / work : 1;
    pool_run((w.job.m + w.per_part - 1) / w.per_part, multiply_integer_rows, &w);
}

/* Equal leading axes, any strides. */
static bool multiply(const ct_tensor *a, const ct_tensor *b, const ct_tensor *c)
{
    int64_t batches = 1;
    for (int i = 0; i + 2 < c->rank; i++)
        batches *= c->sizes[i];
    if (c->dtype == CT_INT64) {
        for (int64_t batch = 0; batch < batches; batch++)
            multiply_integers(a, b, c, batch);
        return true;
    }
    const bool f32 = c->dtype == CT_FLOAT32;
    struct gemm job = gemm_of(a, b, c);
    if (batches == 1) {
        (f32 ? kernel_gemm_f32 : kernel_gemm_f64)(&job);
        return true;
    }
    enum { AT_ONCE = 64 };
    struct gemm jobs[AT_ONCE];
    for (int64_t first = 0; first < batches; first += AT_ONCE) {
        size_t count = (size_t)(batches - first < AT_ONCE ? batches - first : AT_ONCE);
        for (size_t i = 0; i < count; i++) {
            jobs[i] = job;
            jobs[i].a = (const char *)job.a + offset_of(a, first + (int64_t)i);
            jobs[i].b = (const char *)job.b + offset_of(b, first + (int64_t)i);
            jobs[i].c = (char *)job.c + offset_of(c, first + (int64_t)i);
        }
        (f32 ? kernel_gemm_batch_f32 : kernel_gemm_batch_f64)(jobs, count);
    }
    return true;
}

static bool floating_pair(const char *op, const ct_tensor *a, const ct_tensor *b)
{
    if (!is_floating(a) || a->dtype != b->dtype)
        return ct_fail("%s: %s %s x %s %s: want float32 or float64, the same for both", op, ct_dtype_name((ct_dtype)a->dtype), SHAPE(a),
                       ct_dtype_name((ct_dtype)b->dtype), SHAPE(b)) != NULL;
    return true;
}

ct_tensor *(ct_matmul)(ct_tensor *a, ct_tensor *b)
{
    if (!given("matmul", "first operand", a) || !given("matmul", "second operand", b))
        return NULL;
    if (!a->rank || !b->rank)
        return ct_fail("matmul: %s x %s: want at least one axis each", SHAPE(a), SHAPE(b));
    const int64_t inner = a->sizes[a->rank - 1], other = b->sizes[b->rank > 1 ? b->rank - 2 : 0];
    if (inner != other)
        return ct_fail("matmul: %s x %s: inner dimensions %lld and %lld differ", SHAPE(a), SHAPE(b), (long long)inner, (long long)other);
    if (a->dtype != b->dtype || a->dtype == CT_BOOL)
        return ct_fail("matmul: %s %s x %s %s: want float32, float64 or int64, the same for both", ct_dtype_name((ct_dtype)a->dtype), SHAPE(a),
                       ct_dtype_name((ct_dtype)b->dtype), SHAPE(b));
    const bool row = a->rank == 1, column = b->rank == 1;
    a = row ? ct_unsqueeze(a, 0) : a;
    b = column ? ct_unsqueeze(b, 1) : b;
    if (!a || !b)
        return NULL;
    int64_t sizes[CT_MAX_RANK];
    size_t lead = 0;
    ct_tensor *y;
    if (a->rank > 2 && b->rank == 2 && ct_is_contiguous(a)) { /* one tall product instead of many small ones */
        memcpy(sizes, a->sizes, a->rank * sizeof *sizes);
        sizes[a->rank - 1] = b->sizes[1];
        int64_t flat[] = {1, inner};
        for (int i = 0; i + 1 < a->rank; i++)
            flat[0] *= a->sizes[i];
        y = (ct_reshape)(ct_matmul((ct_reshape)(a, flat, 2), b), sizes, a->rank);
    } else {
        if (a->rank > 2 || b->rank > 2) {
            ct_tensor heads[] = {*a, *b};
            heads[0].rank = (uint8_t)(a->rank - 2), heads[1].rank = (uint8_t)(b->rank - 2);
            if (!broadcast_sizes("matmul", (ct_tensor *const[]){&heads[0], &heads[1]}, 2, sizes, &lead))
                return NULL;
            sizes[lead] = a->sizes[a->rank - 2], sizes[lead + 1] = inner;
            a = broadcast_to(a, sizes, lead + 2);
            sizes[lead] = inner, sizes[lead + 1] = b->sizes[b->rank - 1];
            b = broadcast_to(b, sizes, lead + 2);
            if (!a || !b)
                return NULL;
        }
        sizes[lead] = a->sizes[a->rank - 2], sizes[lead + 1] = b->sizes[b->rank - 1];
        y = tensor_new("matmul", (ct_dtype)a->dtype, lead + 2, sizes, NULL);
        if (y && tensor_numel(y))
            multiply(a, b, y);
        y = RECORD0(&op_matmul, y, a, b);
    }
    if (y && (row || column)) {
        int64_t flat[CT_MAX_RANK];
        size_t rank = 0;
        for (int i = 0; i < y->rank; i++)
            if (!(row && i == y->rank - 2) && !(column && i == y->rank - 1))
                flat[rank++] = y->sizes[i];
        y = (ct_reshape)(y, flat, rank);
    }
    return y;
}

/* ---- linear: y = x w^T + b, and with relu in the same pass. G is g where y > 0; dx = G w, dw = G^T x, db = sum of G's rows ---------------- */
/* A weight that lies as (in, out) gets a gradient that does. */
static ct_tensor *weight_gradient(ct_tensor *g, ct_tensor *x, const ct_tensor *w)
{
    if (w->strides[0] == 1 && w->sizes[0] != 1)
        return ct_transpose(ct_matmul(ct_transpose(x, 0, 1), g), 0, 1);
    return ct_matmul(ct_transpose(g, 0, 1), x);
}

static void linear_gradients(ct_node *node, ct_tensor *g, ct_tensor **gradients)
{
    ct_tensor *x = ct_node_input(node, 0), *w = ct_node_input(node, 1);
    if (ct_node_wants(node, 0))
        gradients[0] = ct_matmul(g, w);
    if (ct_node_wants(node, 1))
        gradients[1] = weight_gradient(g, x, w);
    if (ct_node_wants(node, 2))
        gradients[2] = ct_sum(g, 0);
}

VJP(linear_vjp)
{
    linear_gradients(node, cotangents[0], gradients);
}
const struct op op_linear = {"linear", linear_vjp, NULL, READS(0) | READS(1)};

VJP(linear_relu_vjp)
{
    linear_gradients(node, ct_where(ct_le(ct_node_output(node, 0), 0.0), 0.0, cotangents[0]), gradients);
}
VJP(linear_relu_fused)
{
    ct_tensor *y = ct_node_output(node, 0), *g = tensor_new_like("linear", (ct_dtype)y->dtype, y);
    if (!g)
        return;
    run_loop(kernels()->unary_vjp[UNARY_relu][y->dtype], NULL, (ct_tensor *const[]){g, cotangents[0], y, y}, 4);
    linear_gradients(node, g, gradients);
}
const struct op op_linear_relu = {"linear", linear_relu_vjp, linear_relu_fused, READS(0) | READS(1) | READS_OUTPUT};

ct_tensor *(ct_linear)(ct_tensor *x, ct_tensor *w, ct_tensor *b, const ct_linear_options *options)
{
    const ct_activation activation = options ? options->activation : CT_IDENTITY;
    bool failed;
    if (!given("linear", "the input", x) || !given("linear", "the weight", w) || (absent(b, &failed) && failed) ||
        (b && !given("linear", "the bias", b)))
        return NULL;
    if (!known_activation("linear", activation))
        return NULL;
    if (w->rank != 2 || !x->rank || x->sizes[x->rank - 1] != w->sizes[1])
        return ct_fail("linear: input %s, weight %s: want (..., in) and (out, in)", SHAPE(x), SHAPE(w));
    if (b && (b->rank != 1 || b->sizes[0] != w->sizes[0]))
        return ct_fail("linear: bias %s for weight %s: want (out)", SHAPE(b), SHAPE(w));
    if (!floating_pair("linear", x, w) || (b && !floating_pair("linear", b, w)))
        return NULL;
    int64_t sizes[CT_MAX_RANK];
    const size_t rank = x->rank;
    memcpy(sizes, x->sizes, x->rank * sizeof *sizes);
    sizes[rank - 1] = w->sizes[0];
    if (rank != 2) {
        int64_t flat[] = {1, w->sizes[1]};
        for (size_t i = 0; i + 1 < rank; i++)
            flat[0] *= x->sizes[i];
        x = (ct_reshape)(x, flat, 2);
    }
    ct_tensor *bias = b ? ct_contiguous(b) : NULL;
    ct_tensor *y = x && (bias || !b) ? tensor_new("linear", (ct_dtype)x->dtype, 2, (const int64_t[]){x->sizes[0], w->sizes[0]}, NULL) : NULL;
    if (!y)
        return NULL;
    struct gemm job = {.m = (size_t)x->sizes[0], .n = (size_t)w->sizes[0], .k = (size_t)w->sizes[1],
                       .a = x->data, .a_row = x->strides[0], .a_column = x->strides[1],
                       .b = w->data, .b_row = w->strides[1], .b_column = w->strides[0],
                       .c = y->data, .c_row = y->strides[0], .c_column = 1,
                       .bias = bias ? bias->data : NULL, .activation = activation == CT_RELU ? GEMM_RELU : GEMM_IDENTITY};
    (x->dtype == CT_FLOAT32 ? kernel_gemm_f32 : kernel_gemm_f64)(&job);
    y = RECORD0(activation == CT_RELU ? &op_linear_relu : &op_linear, y, x, w, bias);
    if (rank != 2)
        y = (ct_reshape)(y, sizes, rank);
    return activation == CT_RELU ? y : activated(y, activation);
}
