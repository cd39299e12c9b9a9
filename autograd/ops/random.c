/* Generators, random tensors, and dropout. A call takes as many blocks of its generator's stream as it needs, at once; the
 * elements are then made in any order. */
#include "../checkpoint.h"
#include "../inspecting.h"
#include "../kernels/pool.h"
#include "../object.h"
#include "../random.h"
#include "ops.h"

struct ct_generator {
    struct object object;
    _Atomic uint64_t seed, block;
};
static struct ct_generator process;

void ct_seed(uint64_t seed)
{
    atomic_store(&process.seed, seed);
    atomic_store(&process.block, 0);
}

ct_generator *ct_generator_new(uint64_t seed)
{
    ct_generator *g = object_new(sizeof *g, NULL);
    if (g)
        atomic_store(&g->seed, seed);
    return g;
}

void ct_generator_state(ct_generator *generator, uint64_t state[2])
{
    struct ct_generator *g = generator ? generator : &process;
    state[0] = atomic_load(&g->seed), state[1] = atomic_load(&g->block);
}

void ct_generator_restore(ct_generator *generator, const uint64_t state[2])
{
    struct ct_generator *g = generator ? generator : &process;
    atomic_store(&g->seed, state[0]), atomic_store(&g->block, state[1]);
}

struct stretch random_take(ct_generator *generator, uint64_t blocks)
{
    struct ct_generator *g = generator ? generator : &process;
    struct taken taken = {.blocks = blocks};
    if (LIKELY(!thread_state.reading) || !tape_read(&taken))
        taken.seed = atomic_load(&g->seed), taken.block = atomic_fetch_add(&g->block, blocks);
    if (UNLIKELY(thread_state.writing != NULL))
        tape_write(taken);
    return (struct stretch){taken.seed, taken.block};
}

uint64_t ct_random_u64(ct_generator *generator)
{
    struct stretch s = random_take(generator, 1);
    int64_t value;
    kernels()->random_below(&value, 1, s.seed, s.block, 0, 0);
    return (uint64_t)value;
}

/* ---- Filling in parallel ------------------------------------------------------------------------------------------------------------- */
enum { PER_PART = LOOP_GRAIN };                 /* a multiple of every block's elements */
struct fill {
    ct_tensor *t;
    struct stretch stream;
    bool normal;
    int64_t low;
    uint64_t span;
};

static void fill_part(size_t part, void *context)
{
    const struct fill *f = context;
    const size_t from = part * PER_PART, left = (size_t)tensor_numel(f->t) - from, n = left < PER_PART ? left : PER_PART;
    const uint64_t seed = f->stream.seed, block = f->stream.block;
    if (f->t->dtype == CT_FLOAT32)
        (f->normal ? kernels()->random_normal : kernels()->random_uniform)[F32]((float *)f->t->data + from, n, seed, block + from / 4);
    else if (f->t->dtype == CT_FLOAT64)
        (f->normal ? kernels()->random_normal : kernels()->random_uniform)[F64]((double *)f->t->data + from, n, seed, block + from / 2);
    else
        kernels()->random_below((int64_t *)f->t->data + from, n, seed, block + from / 2, f->low, f->span);
}

static ct_tensor *fill(ct_tensor *t, ct_generator *generator, struct fill how)
{
    if (!t)
        return NULL;
    const uint64_t n = (uint64_t)tensor_numel(t), per_block = t->dtype == CT_FLOAT32 ? 4 : 2;
    how.t = t, how.stream = random_take(generator, (n + per_block - 1) / per_block);
    pool_run((size_t)((n + PER_PART - 1) / PER_PART), fill_part, &how);
    profile_made(t);
    return t;
}

static ct_tensor *floating_new(const char *op, const int64_t *sizes, size_t rank, ct_dtype dtype)
{
    if (dtype != CT_FLOAT32 && dtype != CT_FLOAT64)
        return ct_fail("%s: %s, want float32 or float64", op, ct_dtype_name(dtype));
    return tensor_new(op, dtype, rank, sizes, NULL);
}

ct_tensor *(ct_rand)(const int64_t *sizes, size_t rank, ct_dtype dtype, ct_generator *generator)
{
    return fill(floating_new("rand", sizes, rank, dtype), generator, (struct fill){.normal = false});
}

ct_tensor *random_uniform(const int64_t *sizes, size_t rank, struct stretch from)
{
    struct ct_generator there = {.seed = from.seed, .block = from.block};
    return (ct_rand)(sizes, rank, CT_FLOAT32, &there);
}

ct_tensor *(ct_randn)(const int64_t *sizes, size_t rank, ct_dtype dtype, ct_generator *generator)
{
    return fill(floating_new("randn", sizes, rank, dtype), generator, (struct fill){.normal = true});
}

ct_tensor *ct_rand_like(ct_tensor *x)
{
    return given_shape("rand_like", "the operand", x)
               ? fill(floating_new("rand_like", x->sizes, x->rank, (ct_dtype)x->dtype), NULL, (struct fill){.normal = false})
               : NULL;
}

ct_tensor *ct_randn_like(ct_tensor *x)
{
    return given_shape("randn_like", "the operand", x)
               ? fill(floating_new("randn_like", x->sizes, x->rank, (ct_dtype)x->dtype), NULL, (struct fill){.normal = true})
               : NULL;
}

ct_tensor *(ct_randint)(int64_t low, int64_t high, const int64_t *sizes, size_t rank, ct_generator *generator)
{
    if (low >= high)
        return ct_fail("randint: [%lld, %lld) is empty", (long long)low, (long long)high);
    return fill(tensor_new("randint", CT_INT64, rank, sizes, NULL), generator, (struct fill){.low = low, .span = (uint64_t)high - (uint64_t)low});
}

ct_tensor *ct_randperm(int64_t count, ct_generator *generator)
{
    if (count < 0)
        return ct_fail("randperm: %lld elements, want at least 0", (long long)count);
    ct_tensor *t = tensor_new("randperm", CT_INT64, 1, &count, NULL);
    if (!t)
        return NULL;
    enum { CHUNK = 512, AHEAD = 16 };
    struct stretch s = random_take(generator, ((uint64_t)count + 1) / 2);
    int64_t *p = (int64_t *)t->data, place[CHUNK];
    for (int64_t from = 0; from < count; from += CHUNK, s.block += CHUNK / 2) { /* Fisher and Yates, inside out */
        const int64_t n = count - from < CHUNK ? count - from : CHUNK;
        kernels()->random_below(place, (size_t)n, s.seed, s.block, 0, 0);
        for (int64_t i = 0; i < n; i++)
            place[i] = (int64_t)((__extension__(unsigned __int128)(uint64_t)place[i] * (uint64_t)(from + i + 1)) >> 64);
        for (int64_t i = 0; i < n; i++) {
            if (i + AHEAD < n)
                __builtin_prefetch(p + place[i + AHEAD], 1);
            p[from + i] = p[place[i]];
            p[place[i]] = from + i;
        }
    }
    return t;
}

/* ---- Coins ------------------------------------------------------------------------------------------------------------------------------- */
const struct op op_bernoulli = {"bernoulli", NULL, NULL, 0};
ct_tensor *ct_bernoulli(ct_tensor *p, ct_generator *generator)
{
    if (!given_floating("bernoulli", "the probabilities", p))
        return NULL;
    bool was = ct_set_recording(false);
    ct_tensor *outside = ct_logical_not(ct_logical_and(ct_ge(p, 0.0), ct_le(p, 1.0))), *y = NULL;
    ct_tensor *count = ct_sum(outside);
    if (count && ct_item_int(count) > 0)
        ct_fail("bernoulli: %lld probabilities are outside [0, 1]", (long long)ct_item_int(count));
    else if (count)
        y = ct_cast(ct_lt((ct_rand)(p->sizes, p->rank, (ct_dtype)p->dtype, generator), p), (ct_dtype)p->dtype);
    ct_set_recording(was);
    return graph_record(&op_bernoulli, y, &p, 1, NULL, 0);
}

/* ---- dropout: y = mask x / (1 - p), and the same of g ------------------------------------------------------------------------------------ */
const ct_dropout_options ct_dropout_defaults = {CT_DROPOUT_DEFAULTS .end_ = 0};

static ct_tensor *masked(ct_tensor *x, ct_tensor *mask, double scale);
static void dropout_vjp(ct_node *node, ct_tensor *const *cotangents, ct_tensor **gradients)
{
    gradients[0] = masked(cotangents[0], ct_node_input(node, 1), *(const double *)ct_node_context(node));
}
const struct op op_dropout = {"dropout", dropout_vjp, NULL, READS(1)};

static ct_tensor *masked(ct_tensor *x, ct_tensor *mask, double scale)
{
    if (!x || !mask)
        return NULL;
    ct_tensor *y = tensor_new_like("dropout", (ct_dtype)x->dtype, x);
    if (y)
        run_loop(kernels()->mask_scale[x->dtype], &scale, (ct_tensor *const[]){y, x, mask}, 3);
    return RECORD(&op_dropout, y, &scale, x, mask);
}

/* One draw for all elements that agree along the first `axes` axes. */
static ct_tensor *dropped(const char *op, ct_tensor *x, int axes, const ct_dropout_options *options)
{
    const ct_dropout_options o = options ? *options : ct_dropout_defaults;
    int64_t sizes[CT_MAX_RANK];
    if (!given_floating(op, "the operand", x))
        return NULL;
    if (x->rank < axes && axes < CT_MAX_RANK)
        return ct_fail("%s: %s, want (N, C, ...)", op, SHAPE(x));
    if (!(o.p >= 0 && o.p <= 1))
        return ct_fail("%s: p = %g, want 0 to 1", op, o.p);
    if (o.eval || o.p == 0)
        return x;
    for (int i = 0; i < x->rank; i++)
        sizes[i] = i < axes ? x->sizes[i] : 1;
    ct_tensor *mask = ct_ge((ct_rand)(sizes, x->rank, CT_FLOAT32, o.generator), (float)o.p);
    return masked(x, mask, o.p < 1 ? 1 / (1 - o.p) : 0);
}

ct_tensor *(ct_dropout)(ct_tensor *x, const ct_dropout_options *options)
{
    return dropped("dropout", x, CT_MAX_RANK, options);
}

ct_tensor *(ct_dropout2d)(ct_tensor *x, const ct_dropout_options *options)
{
    return dropped("dropout2d", x, 2, options);
}
