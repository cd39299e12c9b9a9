/* Where in a sequence a row stands, told to what cannot know: rotations, arXiv:2104.09864, and waves, arXiv:1706.03762. */
#include <math.h>

#include "rows.h"

#define VJP(name)                                                                                                        \
    static void name(ct_node *node, ct_tensor *const *cotangents, ct_tensor **gradients)

struct turn {
    bool interleaved;
    double sign;                                /* -1 turns back: that is the VJP */
};

struct job {
    const ct_tensor *x, *y, *cosine, *sine;     /* cosine, sine: x's leading sizes, half its width */
    struct turn how;
};

static int64_t place(const ct_tensor *t, const ct_tensor *x, size_t row)
{
    int64_t at = 0;
    for (int i = x->rank - 2; i >= 0; row /= (size_t)x->sizes[i], i--)
        at += (int64_t)(row % (size_t)x->sizes[i]) * t->strides[i];
    return at;
}

#define ROTATE(T, name)                                                                                                  \
    static void name(T *restrict y, const T *restrict x, const T *c, const T *s, size_t half, size_t step, size_t apart, T sign) \
    {                                                                                                                    \
        for (size_t i = 0; i < half; i++) {                                                                              \
            const T a = x[i * step], b = x[i * step + apart], sine = sign * s[i];                                        \
            y[i * step] = a * c[i] - b * sine;                                                                           \
            y[i * step + apart] = b * c[i] + a * sine;                                                                   \
        }                                                                                                                \
    }
ROTATE(float, rotate_f32)
ROTATE(double, rotate_f64)

static void rotate_row(size_t row, void *context)
{
    const struct job *j = context;
    const size_t half = (size_t)j->x->sizes[j->x->rank - 1] / 2, step = j->how.interleaved ? 2 : 1, apart = j->how.interleaved ? 1 : half;
    const int64_t x = place(j->x, j->x, row), y = place(j->y, j->x, row), c = place(j->cosine, j->x, row), s = place(j->sine, j->x, row);
    if (j->x->dtype == CT_FLOAT32)
        rotate_f32((float *)j->y->data + y, (const float *)j->x->data + x, (const float *)j->cosine->data + c, (const float *)j->sine->data + s, half, step,
                   apart, (float)j->how.sign);
    else
        rotate_f64((double *)j->y->data + y, (const double *)j->x->data + x, (const double *)j->cosine->data + c, (const double *)j->sine->data + s, half, step,
                   apart, j->how.sign);
}

static ct_tensor *rotated(ct_tensor *x, ct_tensor *cosine, ct_tensor *sine, struct turn how);

VJP(rotary_embedding_vjp)
{
    struct turn back = *(const struct turn *)ct_node_context(node);
    back.sign = -back.sign;
    gradients[0] = rotated(cotangents[0], ct_node_input(node, 1), ct_node_input(node, 2), back);
}
const struct op op_rotary_embedding = {"rotary_embedding", rotary_embedding_vjp, NULL, READS(1) | READS(2)};

static ct_tensor *rotated(ct_tensor *x, ct_tensor *cosine, ct_tensor *sine, struct turn how)
{
    if (x && x->sizes[x->rank - 1] > 1 && x->strides[x->rank - 1] != 1)
        x = ct_contiguous(x);
    ct_tensor *y = x && cosine && sine ? tensor_new_ordered("rotary_embedding", x, x->sizes) : NULL;
    if (!y)
        return NULL;
    struct job j = {x, y, cosine, sine, how};
    if (tensor_numel(x))
        for_rows(row_count(x), row_length(x), rotate_row, &j);
    return RECORD(&op_rotary_embedding, y, &how, x, cosine, sine);
}

/* position base^(-2i/width) for i < half: (positions..., half), float64 */
static ct_tensor *angles(ct_tensor *positions, int64_t width, int64_t half, double base)
{
    ct_tensor *rates = ct_exp(ct_mul((ct_arange)(0, (double)half, 1, CT_FLOAT64), -2 * log(base) / (double)width));
    return positions ? ct_mul(ct_unsqueeze(as_dtype(positions, CT_FLOAT64), -1), rates) : NULL;
}

const ct_rotary_embedding_options ct_rotary_embedding_defaults = {CT_ROTARY_EMBEDDING_DEFAULTS .end_ = 0};

ct_tensor *(ct_rotary_embedding)(ct_tensor *x, ct_tensor *positions, const ct_rotary_embedding_options *options)
{
    const ct_rotary_embedding_options o = options ? *options : ct_rotary_embedding_defaults;
    bool failed;
    if (!given_floating("rotary_embedding", "the operand", x) || (absent(positions, &failed) && failed))
        return NULL;
    if (x->rank < 2 || x->sizes[x->rank - 1] % 2)
        return ct_fail("rotary_embedding: %s, want (..., length, width) of an even width", SHAPE(x));
    if (!(o.base > 0 && isfinite(o.base)))
        return ct_fail("rotary_embedding: base = %g, want more than 0", o.base);
    if (positions && o.offset)
        return ct_fail("rotary_embedding: positions and an offset of %lld, want one of them", (long long)o.offset);
    if (o.offset > INT64_MAX >> 12 || o.offset < -(INT64_MAX >> 12)) /* where float64 would round positions */
        return ct_fail("rotary_embedding: an offset of %lld is out of reach", (long long)o.offset);
    if (positions && !given("rotary_embedding", "positions", positions))
        return NULL;
    bool fits = !positions || (positions->dtype == CT_INT64 && positions->rank < x->rank);
    for (int i = 0; positions && fits && i < positions->rank; i++)
        fits = positions->sizes[i] == 1 || positions->sizes[i] == x->sizes[x->rank - 1 - positions->rank + i];
    if (!fits)
        return ct_fail("rotary_embedding: positions %s %s, want int64 that broadcasts to %s without its last axis", ct_dtype_name((ct_dtype)positions->dtype),
                       SHAPE(positions), SHAPE(x));
    const bool was = ct_set_recording(false);
    if (!positions)
        positions = (ct_arange)((double)o.offset, (double)o.offset + (double)x->sizes[x->rank - 2], 1, CT_INT64);
    int64_t sizes[CT_MAX_RANK];
    memcpy(sizes, x->sizes, sizeof sizes);
    const int64_t half = sizes[x->rank - 1] /= 2;
    ct_tensor *angle = angles(positions, x->sizes[x->rank - 1], half, o.base), *table[2] = {NULL};
    for (int i = 0; angle && i < 2; i++) {
        table[i] = as_dtype(i ? ct_sin(angle) : ct_cos(angle), (ct_dtype)x->dtype);
        table[i] = table[i] ? (ct_expand)(table[i], sizes, x->rank) : NULL;
    }
    ct_set_recording(was);
    return rotated(x, table[0], table[1], (struct turn){o.interleaved, 1});
}

ct_tensor *(ct_sinusoidal_positions)(int64_t length, int64_t width, ct_dtype dtype)
{
    if (length < 0 || width < 0)
        return ct_fail("sinusoidal_positions: (%lld, %lld)", (long long)length, (long long)width);
    if (dtype != CT_FLOAT32 && dtype != CT_FLOAT64)
        return ct_fail("sinusoidal_positions: %s, want float32 or float64", ct_dtype_name(dtype));
    const int64_t half = width / 2 + width % 2;
    ct_tensor *angle = angles((ct_arange)(0, (double)length, 1, CT_INT64), width, half, 10000);
    ct_tensor *both = angle ? ct_stack(CT_TENSORS(ct_sin(angle), ct_cos(angle)), -1) : NULL;
    both = both ? ct_narrow(ct_reshape(both, length, 2 * half), 1, 0, width) : NULL;
    return as_dtype(both ? ct_contiguous(both) : NULL, dtype);
}
