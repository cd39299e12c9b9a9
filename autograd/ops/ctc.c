/* Connectionist temporal classification: the probability that a network's outputs spell a target, however they are aligned. */
#include <math.h>

#include "../kernels/ctc.h"
#include "../kernels/pool.h"
#include "loss.h"

#define VJP(name)                                                                                                        \
    static void name(ct_node *node, ct_tensor *const *cotangents, ct_tensor **gradients)

struct batch {
    const ct_tensor *log_p, *target, *times, *lengths; /* (T, N, C), (N, S) or (sum of lengths), (N), (N); all contiguous */
    int64_t blank, longest;                     /* of the lengths */
    bool zero_infinity;
    ct_tensor *out, *work;                      /* work: (N, what a sequence needs) */
};

static struct ctc sequence(const struct batch *b, int64_t n)
{
    const int64_t *lengths = (const int64_t *)b->lengths->data, classes = b->log_p->sizes[2];
    int64_t start = b->target->rank == 2 ? n * b->target->sizes[1] : 0;
    for (int64_t i = 0; i < n && b->target->rank == 1; i++)
        start += lengths[i];
    return (struct ctc){.log_p = b->log_p->data + n * classes * (int64_t)ct_dtype_size((ct_dtype)b->log_p->dtype),
                        .times = ((const int64_t *)b->times->data)[n], .step = b->log_p->sizes[1] * classes, .classes = classes,
                        .target = (const int64_t *)b->target->data + start, .length = lengths[n], .blank = b->blank};
}

static double *work_of(const struct batch *b, size_t n)
{
    return (double *)b->work->data + (int64_t)n * b->work->sizes[1];
}

static void loss_part(size_t n, void *context)
{
    const struct batch *b = context;
    const struct ctc c = sequence(b, (int64_t)n);
    double loss = ctc_loss[b->log_p->dtype](&c, work_of(b, n));
    loss = b->zero_infinity && loss == INFINITY ? 0 : loss;
    if (b->out->dtype == CT_FLOAT32)
        ((float *)b->out->data)[n] = (float)loss;
    else
        ((double *)b->out->data)[n] = loss;
}

static void slope_part(size_t n, void *context)
{
    const struct batch *b = context;
    const struct ctc c = sequence(b, (int64_t)n);
    if (!b->zero_infinity || ctc_loss[b->log_p->dtype](&c, work_of(b, n)) != INFINITY)
        ctc_slope[b->log_p->dtype](&c, work_of(b, n), b->out->data + n * (size_t)c.classes * ct_dtype_size((ct_dtype)b->log_p->dtype));
}

static bool run(struct batch *b, int64_t rows, void (*part)(size_t n, void *context))
{
    const int64_t n = b->log_p->sizes[1], sizes[] = {n, rows * (2 * b->longest + 1)};
    if (!b->out || !(b->work = tensor_new("ctc", CT_FLOAT64, 2, sizes, NULL)))
        return false;
    pool_run((size_t)n, part, b);
    return true;
}

/* dx = g (e^x - share of the paths), which is PyTorch's: right behind a log_softmax, whose rows it leaves at a sum of 0 */
VJP(no_second_derivative)
{
    (void)node, (void)cotangents, (void)gradients;
    ct_fail("ctc: has no second derivative");
}
static const struct op op_ctc_gradient = {"ctc", no_second_derivative, NULL, 0};

VJP(ctc_vjp)
{
    struct batch b = *(const struct batch *)ct_node_context(node);
    ct_tensor *x = ct_node_input(node, 0);
    b.log_p = x, b.target = ct_node_input(node, 1), b.times = ct_node_input(node, 2), b.lengths = ct_node_input(node, 3);
    b.out = zeros_of("ctc", (ct_dtype)x->dtype, x->sizes, 3);
    if (run(&b, x->sizes[0] + 2, slope_part))
        gradients[0] = ct_mul(RECORD0(&op_ctc_gradient, b.out, x), ct_unsqueeze(cotangents[0], -1));
}
const struct op op_ctc = {"ctc", ctc_vjp, NULL, READS(0) | READS(1) | READS(2) | READS(3)};

/* ---- What may be asked ------------------------------------------------------------------------------------------------------- */
static ct_tensor *lengths_of(const char *which, ct_tensor *t, int64_t n)
{
    if (t->dtype != CT_INT64 || tensor_numel(t) != n || t->rank > 1)
        return ct_fail("ctc: %s %s %s: want int64 (%lld), one for each sequence", which, ct_dtype_name((ct_dtype)t->dtype), SHAPE(t), (long long)n);
    return ct_contiguous((ct_reshape)(t, &n, 1));
}

static bool check_lengths(const char *which, const ct_tensor *lengths, int64_t most, int64_t *sum, int64_t *longest)
{
    const int64_t *length = (const int64_t *)lengths->data;
    *sum = *longest = 0;
    for (int64_t i = 0; i < tensor_numel(lengths); i++) {
        if (length[i] < 0 || length[i] > most)
            return ct_fail("ctc: %s %lld at index %lld is not in [0, %lld]", which, (long long)length[i], (long long)i, (long long)most) != NULL;
        *sum += length[i];
        *longest = length[i] > *longest ? length[i] : *longest;
    }
    return true;
}

static bool check_labels(const struct batch *b)
{
    for (int64_t n = 0; n < b->log_p->sizes[1]; n++) {
        const struct ctc c = sequence(b, n);
        for (int64_t i = 0; i < c.length; i++)
            if (c.target[i] < 0 || c.target[i] >= c.classes || c.target[i] == c.blank)
                return ct_fail("ctc: label %lld at index %lld of target %lld is %s", (long long)c.target[i], (long long)i, (long long)n,
                               c.target[i] == c.blank ? "the blank" : "no class") != NULL;
    }
    return true;
}

ct_tensor *(ct_ctc)(ct_tensor *log_p, ct_tensor *target, ct_tensor *input_lengths, ct_tensor *target_lengths, const ct_ctc_options *options)
{
    const ct_ctc_options o = options ? *options : (ct_ctc_options){.reduction = CT_MEAN};
    ct_tensor *x = log_p, *t = target, *times = input_lengths, *lengths = target_lengths;
    if (!loss_reduction_known("ctc", o.reduction) || !given_floating("ctc", "the input", x) || !given("ctc", "the target", t) ||
        !given("ctc", "the input lengths", times) || !given("ctc", "the target lengths", lengths))
        return NULL;
    if (x->rank != 2 && x->rank != 3)
        return ct_fail("ctc: input %s: want log-probabilities (T, N, C) or (T, C)", SHAPE(x));
    const bool alone = x->rank == 2;
    const int64_t n = alone ? 1 : x->sizes[1], classes = x->sizes[x->rank - 1];
    const bool padded = t->rank == 2 && !alone;
    if (t->dtype != CT_INT64 || !(t->rank == 1 || padded) || (padded && t->sizes[0] != n))
        return ct_fail("ctc: target %s %s for %lld sequences: want int64 (N, S), or all labels in a row", ct_dtype_name((ct_dtype)t->dtype), SHAPE(t), (long long)n);
    if (o.blank < 0 || o.blank >= classes)
        return ct_fail("ctc: blank %lld is not in [0, %lld)", (long long)o.blank, (long long)classes);
    if (!(times = lengths_of("input lengths", times, n)) || !(lengths = lengths_of("target lengths", lengths, n)))
        return NULL;
    struct batch b = {.blank = o.blank, .zero_infinity = o.zero_infinity};
    const int64_t room = t->sizes[t->rank - 1];
    int64_t sum;
    if (!check_lengths("input length", times, x->sizes[0], &sum, &b.longest) || !check_lengths("target length", lengths, room, &sum, &b.longest))
        return NULL;
    if (!padded && sum != room)
        return ct_fail("ctc: target %s holds %lld labels, target lengths sum to %lld", SHAPE(t), (long long)room, (long long)sum);
    x = ct_contiguous(alone ? ct_unsqueeze(x, 1) : x), t = ct_contiguous(t);
    if (!x || !t)
        return NULL;
    b.log_p = x, b.target = t, b.times = times, b.lengths = lengths;
    if (!check_labels(&b))
        return NULL;
    b.out = tensor_new("ctc", (ct_dtype)x->dtype, 1, &n, NULL);
    if (!run(&b, 2, loss_part))
        return NULL;
    ct_tensor *terms = RECORD(&op_ctc, b.out, &b, x, t, times, lengths);
    if (o.reduction == CT_MEAN)                 /* of the losses a label */
        terms = ct_div(terms, ct_cast(ct_clamp(lengths, 1, INFINITY), ct_dtype_of(x)));
    if (alone && o.reduction == CT_NONE)
        return (ct_reshape)(terms, NULL, 0);
    return loss_reduced(terms, o.reduction);
}
