/* What is counted over a pass: sums that each batch adds to, and a number made of them at the end. */
#include <math.h>

#include "nn/module.h"
#include "train/run.h"

/* ---- Classes ---------------------------------------------------------------------------------------------------------------------- */
struct classes {
    ct_tensor *scores;                          /* (N, C); NULL: one logit a sample */
    ct_tensor *told, *truth;                    /* int64 (N) */
    int64_t count;
};

static bool refuse(const char *what, const ct_tensor *outputs, const ct_tensor *y)
{
    char a[MODULE_PATH_BYTES], b[MODULE_PATH_BYTES];
    return ct_fail("%s: outputs %s, targets %s %s: want (N, C), and int64 (N) or one-hot (N, C); (N, T, C) and int64 (N, T); or a logit for each target",
                   what, module_shape_text(a, outputs), ct_dtype_name(ct_dtype_of(y)), module_shape_text(b, y)) != NULL;
}

static bool same_shape(const ct_tensor *a, const ct_tensor *b, int axes)
{
    for (int i = 0; i < axes; i++)
        if (ct_size(a, i) != ct_size(b, i))
            return false;
    return true;
}

/* Targets that ct_cross_entropy leaves out are left out here. */
static bool drop_ignored(struct classes *c)
{
    ct_tensor *counts = ct_ne(c->truth, ct_cross_entropy_defaults.ignore_index), *sum = ct_sum(counts);
    if (!sum || ct_item_int(sum) == ct_numel(c->truth))
        return sum;
    c->truth = ct_masked_select(c->truth, counts);
    c->scores = ct_index(c->scores, CT_AT(counts));
    return c->truth && c->scores;
}

static bool read_classes(const char *what, ct_tensor *outputs, ct_tensor *y, struct classes *c)
{
    const int rank = ct_rank(outputs), y_rank = ct_rank(y);
    const bool whole = ct_dtype_of(y) == CT_INT64;
    *c = (struct classes){0};
    if (rank == y_rank + 1 && rank >= 2 && whole && same_shape(outputs, y, y_rank) && ct_size(outputs, -1) > 1) {
        c->count = ct_size(outputs, -1);
        c->scores = rank == 2 ? outputs : ct_reshape(outputs, -1, c->count);
        c->truth = rank == 2 ? y : ct_reshape(y, -1);
    } else if (rank == 2 && y_rank == 2 && same_shape(outputs, y, 2) && ct_size(outputs, 1) > 1) {
        c->count = ct_size(outputs, 1);
        c->scores = outputs;
        c->truth = ct_argmax(y, 1);
    } else {
        ct_tensor *logits = train_like_target(outputs, y);
        if (!logits || ct_rank(logits) != y_rank || !same_shape(logits, y, y_rank))
            return refuse(what, outputs, y);
        c->count = 2;
        c->told = ct_cast(ct_reshape(ct_gt(logits, 0), -1), CT_INT64);
        c->truth = ct_cast(ct_reshape(ct_gt(ct_cast(y, CT_FLOAT64), 0.5), -1), CT_INT64);
    }
    if (c->scores && !drop_ignored(c))
        return false;
    if (c->scores)
        c->told = ct_argmax(c->scores, 1);
    return c->told && c->truth;
}

static bool add_counts(ct_metric_state *state, ct_tensor *right)
{
    ct_tensor *sum = ct_sum(right);
    if (!sum)
        return false;
    state->sums[0] += (double)ct_item_int(sum);
    state->sums[1] += (double)ct_numel(right);
    return true;
}

static double mean(const ct_metric_state *state)
{
    return state->sums[0] / state->sums[1];
}

static bool accuracy_add(ct_metric_state *state, ct_tensor *outputs, ct_tensor *y)
{
    struct classes c;
    return read_classes("accuracy", outputs, y, &c) && add_counts(state, ct_eq(c.told, c.truth));
}

static bool top_k_add(ct_metric_state *state, ct_tensor *outputs, ct_tensor *y)
{
    struct classes c;
    ct_tensor *indices;
    if (!read_classes("top_k", outputs, y, &c))
        return false;
    const int64_t k = (int64_t)state->option;
    if (k < 1 || k > c.count || !c.scores)
        return ct_fail("top_k: the %lld largest of %lld classes%s", (long long)k, (long long)c.count, c.scores ? "" : ", which are one logit") != NULL;
    if (!ct_topk(c.scores, k, 1, .indices = &indices))
        return false;
    return add_counts(state, ct_any(ct_eq(indices, ct_unsqueeze(c.truth, 1)), 1));
}

/* Row: the true class, column: the told one. */
ct_tensor *train_confusion_of(ct_tensor *outputs, ct_tensor *y)
{
    struct classes c;
    if (!read_classes("confusion", outputs, y, &c))
        return NULL;
    ct_tensor *outside = ct_logical_or(ct_lt(c.truth, 0), ct_ge(c.truth, c.count));
    if (!outside || ct_item_int(ct_sum(outside)))
        return outside ? ct_fail("confusion: a target is not in [0, %lld)", (long long)c.count), NULL : NULL;
    ct_tensor *pairs = ct_bincount(ct_add(ct_mul(c.truth, c.count), c.told), .minlength = c.count * c.count);
    return ct_reshape(pairs, c.count, c.count);
}

static bool confusion_add(ct_metric_state *state, ct_tensor *outputs, ct_tensor *y)
{
    ct_tensor *table = train_confusion_of(outputs, y);
    if (table && state->table)
        return ct_add_(state->table, table) != NULL;
    return (state->table = ct_keep(table)) != NULL;
}

bool metric_keeps(const ct_metric *metric, const ct_tensor *table)
{
    return metric->add != confusion_add || (ct_dtype_of(table) == CT_INT64 && ct_rank(table) == 2 && ct_size(table, 0) == ct_size(table, 1));
}

enum { PRECISION, RECALL, F1 };

/* Of a binary table too: the mean over both classes. */
static double macro(const ct_metric_state *state)
{
    if (!state->table)
        return NAN;
    const int64_t classes = ct_size(state->table, 0), *n = ct_data(state->table);
    double sum = 0;
    int64_t seen = 0;
    for (int64_t i = 0; i < classes; i++) {
        int64_t told = 0, truth = 0;
        for (int64_t j = 0; j < classes; j++)
            told += n[j * classes + i], truth += n[i * classes + j];
        if (!told && !truth)
            continue;
        const double right = (double)n[i * classes + i];
        const double part = state->option == PRECISION ? (double)told : state->option == RECALL ? (double)truth : 0.5 * (double)(told + truth);
        sum += part > 0 ? right / part : 0;
        seen++;
    }
    return seen ? sum / (double)seen : NAN;
}

static bool perplexity_add(ct_metric_state *state, ct_tensor *outputs, ct_tensor *y)
{
    struct classes c;
    if (!read_classes("perplexity", outputs, y, &c))
        return false;
    if (!c.scores)
        return refuse("perplexity", outputs, y);
    ct_tensor *loss = ct_cross_entropy(c.scores, c.truth, .reduction = CT_SUM);
    if (!loss)
        return false;
    state->sums[0] += ct_item(loss);
    state->sums[1] += (double)ct_numel(c.truth);
    return true;
}

static double exp_mean(const ct_metric_state *state)
{
    return exp(mean(state));
}

/* ---- Numbers ------------------------------------------------------------------------------------------------------------------------ */
static bool difference(const char *what, ct_tensor *outputs, ct_tensor *y, ct_tensor **d)
{
    ct_tensor *told = train_like_target(outputs, y);
    if (!told || ct_rank(told) != ct_rank(y) || !same_shape(told, y, ct_rank(y))) {
        char a[MODULE_PATH_BYTES], b[MODULE_PATH_BYTES];
        return ct_fail("%s: outputs %s and targets %s differ in shape", what, module_shape_text(a, outputs), module_shape_text(b, y)) != NULL;
    }
    *d = ct_sub(ct_cast(told, CT_FLOAT64), ct_cast(y, CT_FLOAT64));
    return *d;
}

static bool add_sum(ct_metric_state *state, int at, ct_tensor *terms)
{
    ct_tensor *sum = ct_sum(terms);
    if (!sum)
        return false;
    state->sums[at] += ct_item(sum);
    return true;
}

static bool mae_add(ct_metric_state *state, ct_tensor *outputs, ct_tensor *y)
{
    ct_tensor *d;
    if (!difference("mae", outputs, y, &d))
        return false;
    state->sums[1] += (double)ct_numel(d);
    return add_sum(state, 0, ct_abs(d));
}

static bool add_squares(const char *what, ct_metric_state *state, ct_tensor *outputs, ct_tensor *y)
{
    ct_tensor *d;
    if (!difference(what, outputs, y, &d))
        return false;
    state->sums[1] += (double)ct_numel(d);
    return add_sum(state, 0, ct_square(d));
}

static bool mse_add(ct_metric_state *state, ct_tensor *outputs, ct_tensor *y)
{
    return add_squares("mse", state, outputs, y);
}

static double root_mean(const ct_metric_state *state)
{
    return sqrt(mean(state));
}

/* The spread of y about its mean, batch by batch (Chan et al. 1979): sums[2] the mean so far, sums[3] the squares about it. */
static bool r2_add(ct_metric_state *state, ct_tensor *outputs, ct_tensor *y)
{
    const double before = state->sums[1];
    if (!add_squares("r2", state, outputs, y))
        return false;
    const double count = state->sums[1] - before;
    ct_tensor *wide = ct_cast(y, CT_FLOAT64);
    if (!count || !wide)
        return wide;
    const double here = ct_item(ct_mean(wide)), apart = here - state->sums[2];
    if (!add_sum(state, 3, ct_square(ct_sub(wide, here))))
        return false;
    state->sums[2] += apart * count / state->sums[1];
    state->sums[3] += apart * apart * before * count / state->sums[1];
    return true;
}

static double r2(const ct_metric_state *state)
{
    return state->sums[3] > 0 ? 1 - state->sums[0] / state->sums[3] : NAN;
}

/* ---- The list ------------------------------------------------------------------------------------------------------------------------- */
const ct_metric ct_metric_accuracy = {"accuracy", accuracy_add, mean, true, 0};
const ct_metric ct_metric_precision = {"precision", confusion_add, macro, true, PRECISION};
const ct_metric ct_metric_recall = {"recall", confusion_add, macro, true, RECALL};
const ct_metric ct_metric_f1 = {"f1", confusion_add, macro, true, F1};
const ct_metric ct_metric_perplexity = {"perplexity", perplexity_add, exp_mean, false, 0};
const ct_metric ct_metric_mae = {"mae", mae_add, mean, false, 0};
const ct_metric ct_metric_mse = {"mse", mse_add, mean, false, 0};
const ct_metric ct_metric_rmse = {"rmse", mse_add, root_mean, false, 0};
const ct_metric ct_metric_r2 = {"r2", r2_add, r2, true, 0};

ct_metric ct_metric_top_k(int k)
{
    ct_metric metric = {"", top_k_add, mean, true, k};
    snprintf(metric.name, sizeof metric.name, "top%d", k);
    return metric;
}
