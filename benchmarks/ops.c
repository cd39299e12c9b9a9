/* ops.c - time of every op: forward, and forward with its gradient; torch_ops.py times the same rows in PyTorch.
 *
 * Prints lines of row, size, microseconds and bytes: of each input, result, cotangent and gradient once, the least that must move. */
#include "autograd/kernels/pool.h"
#include "cotangent.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { K = 1, M = 2, T = 4, OWN = 8 };
enum { BATCHES = 5, FEWEST = 3 };

/* ---- Inputs: letters, each a function of its place alone, so that PyTorch gets the same ------------------------------------ */
enum kind { REAL, INTEGER, FLAG, SIGN, RISING };
static ct_tensor *x, *z, *y, *u, *U, *v, *e, *f, *A, *m, *q, *Q, *h, *k, *r, *s, *c, *p, *t, *g, *w, *o, *j, *i, *n, *d, *S, *N, *l, *I, *a, *b, *places;
static int64_t elements, R, C, P, own[4];

static const struct input {
    char letter;
    ct_tensor **at;
    const char *shape;                          /* n elements; R C and P Q C are n, too */
    enum kind kind;
    double low, high;                           /* NAN: the size beside it */
} inputs[] = {
    {'x', &x, "n", REAL, -2, 2},      {'z', &z, "n", REAL, -2, 2},     {'y', &y, "n", REAL, 0.5, 2},    {'u', &u, "n", REAL, 0.05, 0.95},
    {'U', &U, "n", REAL, 0.05, 0.95}, {'v', &v, "n", REAL, 1.1, 3},    {'e', &e, "n", FLAG, 0, 1},      {'f', &f, "n", FLAG, 0, 1},
    {'A', &A, "n", SIGN, 0, 1},       {'m', &m, "RC", REAL, -2, 2},    {'q', &q, "RC", REAL, -2, 2},    {'Q', &Q, "RC", REAL, -2, 2},
    {'h', &h, "CR", REAL, -2, 2},     {'k', &k, "PQC", REAL, -2, 2},   {'r', &r, "C", REAL, -2, 2},     {'s', &s, "R", REAL, -2, 2},
    {'c', &c, "R1", REAL, -2, 2},     {'p', &p, "1", REAL, 0.25, 0.25}, {'t', &t, "R", REAL, -2, 2},    {'g', &g, "RR", REAL, -2, 2},
    {'w', &w, "PP", REAL, -2, 2},     {'o', &o, "QO", REAL, -2, 2},    {'j', &j, "RC", INTEGER, 0, 'C'}, {'i', &i, "RC", INTEGER, 0, 'R'},
    {'n', &n, "R", INTEGER, 0, 'R'},  {'d', &d, "R", INTEGER, 0, 'C'}, {'S', &S, "R", SIGN, 0, 1},      {'N', &N, "n", INTEGER, 0, 'L'},
    {'l', &l, "L", RISING, -2, 2},    {'I', &I, "I", INTEGER, 0, 'J'}, {'a', &a, "ab", REAL, -2, 2},    {'b', &b, "cd", REAL, -2, 2},
};
enum { INPUTS = sizeof inputs / sizeof *inputs };

static int64_t size_of(char name)
{
    switch (name) {
    case 'n': return elements;
    case 'R': return R;
    case 'C': return C;
    case 'P': return P;
    case 'Q': return R / P;
    case 'O': return C / P;
    case 'L': return 1000;
    case 'I': return 8192;
    case 'J': return 4096;
    case '1': return 1;
    default:  return own[name - 'a'];
    }
}

static double unit(uint64_t seed, uint64_t at)  /* splitmix64's finaliser: [0, 1) */
{
    uint64_t h_ = (seed << 32) + at;
    h_ = (h_ ^ h_ >> 30) * 0xbf58476d1ce4e5b9;
    h_ = (h_ ^ h_ >> 27) * 0x94d049bb133111eb;
    return (double)((h_ ^ h_ >> 31) >> 40) * 0x1p-24;
}

static void fill(ct_tensor *to, uint64_t seed, enum kind kind, double low, double high)
{
    const int64_t count = ct_numel(to);
    void *data = ct_mutable_data(to);
    for (int64_t at = 0; data && at < count; at++) {
        double from = kind == RISING ? (double)at / (double)count : unit(seed, (uint64_t)at), value = low + (high - low) * from;
        switch (ct_dtype_of(to)) {
        case CT_FLOAT32: ((float *)data)[at] = (float)(kind == SIGN ? from < 0.5 ? -1 : 1 : value); break;
        case CT_FLOAT64: ((double *)data)[at] = value; break;
        case CT_INT64:   ((int64_t *)data)[at] = (int64_t)value; break;
        case CT_BOOL:    ((bool *)data)[at] = from < 0.5; break;
        }
    }
}

static bool make(const struct input *in)
{
    int64_t sizes[CT_MAX_RANK];
    size_t rank = strlen(in->shape);
    for (size_t axis = 0; axis < rank; axis++)
        sizes[axis] = size_of(in->shape[axis]);
    *in->at = ct_keep((ct_empty)(sizes, rank, in->kind == INTEGER ? CT_INT64 : in->kind == FLAG ? CT_BOOL : CT_FLOAT32));
    if (*in->at)
        fill(*in->at, (uint64_t)in->letter, in->kind, in->low, in->kind == INTEGER ? (double)size_of((char)in->high) : in->high);
    return *in->at;
}

static void drop_inputs(void)
{
    for (size_t at = 0; at < INPUTS; at++)
        ct_release(*inputs[at].at), *inputs[at].at = NULL;
}

static size_t bytes_of(ct_tensor *of)
{
    return of ? (size_t)ct_numel(of) * ct_dtype_size(ct_dtype_of(of)) : 0;
}

/* ---- Rows ---------------------------------------------------------------------------------------------------------------------- */
static ct_tensor *second_half(ct_tensor *of)
{
    ct_tensor *parts[2];
    return ct_split(of, ct_size(of, 1) / 2, 1, parts, 2) ? parts[1] : NULL;
}

static ct_tensor *few_labels(void)              /* for a batch of R / P sequences of P */
{
    const int64_t batch = R / P, labels = P / 5;
    return ct_reshape(ct_arange((int64_t)1, batch * labels + 1), batch, labels);
}

#define EACH(name, sizes, wants, others, expression)                                                                     \
    static ct_tensor *row_##name(void)                                                                                   \
    {                                                                                                                    \
        return expression;                                                                                               \
    }
#define SHAPE(name, wants, others, a_rows, a_columns, b_rows, b_columns, expression) EACH(name, OWN, wants, others, expression)
#include "ops_rows.def"
#undef EACH
#undef SHAPE

static const struct row {
    const char *name;
    int sizes;
    const char *wants, *others;
    ct_tensor *(*run)(void);
    int64_t own[4];
} rows[] = {
#define EACH(name, sizes, wants, others, expression) {#name, sizes, wants, others, row_##name, {0}},
#define SHAPE(name, wants, others, a_rows, a_columns, b_rows, b_columns, expression)                                     \
    {#name, OWN, wants, others, row_##name, {a_rows, a_columns, b_rows, b_columns}},
#include "ops_rows.def"
#undef EACH
#undef SHAPE
};
enum { ROWS = sizeof rows / sizeof *rows };

/* An op of the registry without a row does not compile. */
enum {
#define EACH(name, ...) HAS_##name,
#define SHAPE(name, ...) HAS_##name,
#include "ops_rows.def"
#undef EACH
#undef SHAPE
    HAS_linear_recurrence,                      /* an inner op: cumprod's gradient */
#define OP(name) REGISTERED_##name = HAS_##name,
#include "autograd/ops/ops.def"
#undef OP
};

/* ---- Timing ---------------------------------------------------------------------------------------------------------------------- */
struct call {
    const struct row *row;
    ct_tensor *cotangent, *wanted[4];
    size_t wanted_count, bytes;
    bool with_gradient;
};

static double now(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + 1e-9 * (double)at.tv_nsec;
}

static int by_value(const void *left, const void *right)
{
    double first = *(const double *)left, second = *(const double *)right;
    return (first > second) - (first < second);
}

static bool call(const struct call *of)
{
    CT_SCOPE;
    if (!of->with_gradient) {
        CT_NO_GRAD;
        return of->row->run();
    }
    ct_tensor *result = of->row->run(), *gradients[4];
    return result && ct_grads(&result, 1, of->wanted, of->wanted_count, gradients, .cotangents = &of->cotangent);
}

/* The median over batches of some milliseconds; a call that takes long is a batch of its own. 0: it failed. */
static double time_of(const struct call *of, double seconds)
{
    double took[BATCHES], start = now();
    if (!call(of))
        return 0;
    double once = now() - start;
    long repeats = 1;
    for (double batch = once; batch < seconds / BATCHES && repeats < 1L << 20; repeats *= 2) {
        start = now();
        for (long at = 0; at < repeats; at++)
            if (!call(of))
                return 0;
        batch = now() - start;
    }
    if (repeats > 1)
        repeats /= 2;
    const size_t batches = once > seconds ? FEWEST : BATCHES;
    for (size_t batch = 0; batch < batches; batch++) {
        start = now();
        for (long at = 0; at < repeats; at++)
            if (!call(of))
                return 0;
        took[batch] = (now() - start) / (double)repeats;
    }
    qsort(took, batches, sizeof *took, by_value);
    return took[batches / 2];
}

static bool prepare(struct call *of)
{
    CT_SCOPE;
    const char *lists[] = {of->row->wants, of->row->others};
    for (int list = 0; list < 2; list++)
        for (const char *letter = lists[list]; *letter; letter++)
            for (size_t at = 0; at < INPUTS; at++)
                if (inputs[at].letter == *letter) {
                    if (!*inputs[at].at && !make(&inputs[at]))
                        return false;
                    if (ct_dtype_of(*inputs[at].at) <= CT_FLOAT64)
                        ct_require_grad(*inputs[at].at, list == 0);
                    of->bytes += bytes_of(*inputs[at].at);
                    if (list == 0)
                        of->wanted[of->wanted_count++] = *inputs[at].at;
                }
    ct_tensor *result = of->row->run();
    if (!result)
        return false;
    int64_t sizes[CT_MAX_RANK];
    for (int axis = 0; axis < ct_rank(result); axis++)
        sizes[axis] = ct_size(result, axis);
    of->bytes += bytes_of(result);
    if (of->wanted_count) {
        of->cotangent = ct_keep((ct_empty)(sizes, (size_t)ct_rank(result), ct_dtype_of(result)));
        fill(of->cotangent, 'G', REAL, -1, 1);
    }
    return ct_ok();
}

static bool run_row(const struct row *row, const char *size, double seconds)
{
    struct call of = {.row = row};
    memcpy(own, row->own, sizeof own);
    bool ok = prepare(&of);
    for (int gradient = 0; ok && gradient <= (of.wanted_count > 0); gradient++) {
        if (!gradient && of.wanted_count && !strcmp(size, "1e3"))
            continue;                           /* what an op costs is asked for with recording and gradient */
        of.with_gradient = gradient;
        if (gradient) {
            of.bytes += bytes_of(of.cotangent);
            for (size_t at = 0; at < of.wanted_count; at++)
                of.bytes += bytes_of(of.wanted[at]);
        }
        double took = time_of(&of, seconds);
        if ((ok = took > 0))
            printf("%s%s\t%s\t%.3f\t%zu\n", row->name, gradient ? "+grad" : "", size, took * 1e6, of.bytes);
    }
    ct_release(of.cotangent);
    if (!ok)
        fprintf(stderr, "ops: %s at %s: %s\n", row->name, size, ct_error());
    fflush(stdout);
    return ok;
}

/* ---- Bandwidth: GB/s of a copy and of a[i] = b[i] + 3 c[i] beyond the caches, the better one; counted as for the rows ------------- */
enum { STREAM = 1 << 25, PIECES = 64 };
static float *stream[3];

static void copy_piece(size_t piece, void *unused)
{
    (void)unused;
    memcpy(stream[0] + piece * (STREAM / PIECES), stream[1] + piece * (STREAM / PIECES), STREAM / PIECES * sizeof **stream);
}

static void add_piece(size_t piece, void *unused)
{
    (void)unused;
    for (size_t at = piece * (STREAM / PIECES); at < (piece + 1) * (STREAM / PIECES); at++)
        stream[0][at] = stream[1][at] + 3 * stream[2][at];
}

static double bandwidth(void)
{
    double best = 0;
    for (int at = 0; at < 3; at++) {
        if (!(stream[at] = malloc(STREAM * sizeof **stream)))
            return 0;
        memset(stream[at], 0, STREAM * sizeof **stream);
    }
    for (int round = 0; round < 10; round++) {
        double start = now();
        pool_run(PIECES, copy_piece, NULL);
        double copied = 2.0 * STREAM * sizeof **stream / (now() - start);
        start = now();
        pool_run(PIECES, add_piece, NULL);
        double added = 3.0 * STREAM * sizeof **stream / (now() - start);
        best = copied > best ? copied : best;
        best = added > best ? added : best;
    }
    for (int at = 0; at < 3; at++)
        free(stream[at]);
    return best * 1e-9;
}

/* ---- The program ------------------------------------------------------------------------------------------------------------------- */
static bool selected(const char *name, int count, char **filters)
{
    bool any = count == 0;
    for (int at = 0; at < count; at++) {
        size_t length = strlen(filters[at]);
        any |= !fnmatch(filters[at], name, 0) || (!strncmp(name, filters[at], length) && !strncmp(name + length, "__", 2));
    }
    return any;
}

static int usage(const char *program, int status)
{
    fprintf(status ? stderr : stdout,
            "usage: %s [--threads N] [--seconds S] [--sizes LIST] [--list] [row ...]\n"
            "Prints row, size, microseconds and bytes, tab-separated; the first line gives the memory's GB/s.\n"
            "  --threads N   threads to use (default: OMP_NUM_THREADS or all CPUs)\n"
            "  --seconds S   time for each figure (default 0.04)\n"
            "  --sizes LIST  of 1e3,1e6,1e7,own (default: all)\n"
            "  --list        names the rows and sizes, and times none\n"
            "  row           a name (softmax: softmax__columns, too) or a pattern ('scatter*'); default: all\n", program);
    return status;
}

int main(int count, char **words)
{
    static const struct { const char *name; int bit; int64_t elements, rows, planes; } all[] = {
        {"1e3", K, 1000, 25, 5}, {"1e6", M, 1000000, 1000, 20}, {"1e7", T, 10000000, 2500, 50}, {"own", OWN, 0, 0, 1}};
    double seconds = 0.04;
    const char *sizes = "1e3,1e6,1e7,own";
    bool list = false;
    int at = 1;
    for (; at < count && words[at][0] == '-'; at++) {
        bool more = at + 1 < count;
        if (!strcmp(words[at], "--help"))
            return usage(words[0], 0);
        if (!strcmp(words[at], "--list"))
            list = true;
        else if (more && !strcmp(words[at], "--threads") && atoi(words[at + 1]) > 0)
            ct_set_num_threads(atoi(words[++at]));
        else if (more && !strcmp(words[at], "--seconds") && atof(words[at + 1]) > 0)
            seconds = atof(words[++at]);
        else if (more && !strcmp(words[at], "--sizes"))
            sizes = words[++at];
        else
            return usage(words[0], 2);
    }
    int found = 0;
    bool ok = true;
    if (!list)
        printf("# %s\n# %.1f GB/s\n", ct_build_info(), bandwidth());
    for (size_t size = 0; size < sizeof all / sizeof *all; size++) {
        if (!strstr(sizes, all[size].name))
            continue;
        elements = all[size].elements, R = all[size].rows, C = R ? elements / R : 0, P = all[size].planes;
        for (size_t row = 0; row < ROWS; row++) {
            if (!(rows[row].sizes & all[size].bit) || !selected(rows[row].name, count - at, words + at))
                continue;
            found++;
            if (list)
                printf("%s\t%s\n", rows[row].name, all[size].name);
            else
                ok &= run_row(&rows[row], all[size].name, seconds);
            ct_error_clear();
            if (rows[row].sizes & OWN)
                drop_inputs();
        }
        drop_inputs();
        ct_memory_trim();
    }
    if (!found)
        fprintf(stderr, "ops: no such row or size\n");
    ct_shutdown();
    return !ok || !found;
}
