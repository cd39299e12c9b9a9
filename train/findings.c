/* One pass by the loop of evaluation: the "loss" that it is given looks at the outputs. */
#include <math.h>
#include <string.h>

#include "autograd/memory.h"
#include "train/findings.h"
#include "train/run.h"

struct looker {
    struct findings *findings;
    const ct_run *run;
};

/* ---- Lists ----------------------------------------------------------------------------------------------------------------------------- */
static void add(struct findings *f, const struct finding *one, bool is_bad)
{
    if (f->first_count < f->most)
        f->first[f->first_count++] = *one;
    if (!is_bad || isnan(one->score))
        return;
    int64_t at = f->worst_count;
    while (at > 0 && f->worst[at - 1].score < one->score)
        at--;
    if (at == f->most)
        return;
    const int64_t moved = (f->worst_count < f->most ? f->worst_count : f->most - 1) - at;
    memmove(&f->worst[at + 1], &f->worst[at], (size_t)moved * sizeof *f->worst);
    f->worst[at] = *one;
    f->worst_count += f->worst_count < f->most;
}

/* ---- Classes: (N, C) with int64 (N) or one-hot (N, C); a logit for each target ------------------------------------------------------------ */
static bool add_confusion(struct findings *f, ct_tensor *outputs, ct_tensor *y)
{
    ct_tensor *table = train_confusion_of(outputs, y);
    if (table && f->confusion)
        return ct_add_(f->confusion, table) != NULL;
    return (f->confusion = ct_keep(table)) != NULL;
}

static bool add_scores(struct findings *f, ct_tensor *outputs, ct_tensor *y)
{
    ct_tensor *told = ct_argmax(outputs, 1), *truth = ct_rank(y) == 2 ? ct_argmax(y, 1) : y;
    ct_tensor *sure = ct_contiguous(ct_max(ct_softmax(ct_cast(outputs, CT_FLOAT64), 1), 1));
    const int64_t *a = ct_data(ct_contiguous(told)), *b = ct_data(ct_contiguous(truth));
    const double *p = ct_data(sure);
    if (!a || !b || !p)
        return false;
    for (int64_t i = 0; i < ct_numel(sure); i++)
        if (b[i] >= 0)                          /* else it is to be ignored */
            add(f, &(struct finding){.index = f->seen + i, .told = a[i], .truth = b[i], .score = p[i]}, a[i] != b[i]);
    return true;
}

static bool add_logits(struct findings *f, ct_tensor *outputs, ct_tensor *y)
{
    ct_tensor *logits = ct_contiguous(ct_cast(train_like_target(outputs, y), CT_FLOAT64)), *targets = ct_contiguous(ct_cast(y, CT_FLOAT64));
    const double *l = ct_data(logits), *t = ct_data(targets);
    if (!l || !t)
        return false;
    for (int64_t i = 0; i < ct_numel(logits); i++) {
        const struct finding one = {.index = f->seen + i, .told = l[i] > 0, .truth = t[i] > 0.5, .score = 1 / (1 + exp(-fabs(l[i])))};
        add(f, &one, one.told != one.truth);
    }
    return true;
}

static bool look_at_classes(struct findings *f, ct_tensor *outputs, ct_tensor *y)
{
    if (ct_rank(y) == 2 && ct_size(y, 1) > 1 && f->labels)
        return ct_fail("a sample has several labels") != NULL;
    if (!add_confusion(f, outputs, y))
        return false;
    if (ct_rank(outputs) == 2 && ct_size(outputs, 1) > 1 && (ct_rank(y) == 1 || ct_size(y, 1) == ct_size(outputs, 1)))
        return add_scores(f, outputs, y);
    return ct_rank(y) != 1 || add_logits(f, outputs, y);
}

/* ---- Numbers ----------------------------------------------------------------------------------------------------------------------------- */
static bool look_at_numbers(struct findings *f, ct_tensor *outputs, ct_tensor *y)
{
    ct_tensor *told = ct_contiguous(ct_cast(train_like_target(outputs, y), CT_FLOAT64)), *truth = ct_contiguous(ct_cast(y, CT_FLOAT64));
    const double *a = ct_data(told), *b = ct_data(truth);
    if (!a || !b)
        return false;
    const int64_t samples = ct_size(y, 0), width = ct_numel(y) / samples;
    if (ct_numel(told) != ct_numel(truth) || !width)
        return ct_fail("outputs and targets differ in shape") != NULL;
    for (int64_t i = 0; i < samples; i++) {
        struct finding one = {.index = f->seen + i, .numbers = width < FINDING_NUMBERS ? (int)width : FINDING_NUMBERS};
        for (int64_t k = 0; k < width; k++)
            one.score += fabs(a[i * width + k] - b[i * width + k]) / (double)width;
        memcpy(one.told_numbers, a + i * width, (size_t)one.numbers * sizeof *a);
        memcpy(one.true_numbers, b + i * width, (size_t)one.numbers * sizeof *b);
        add(f, &one, true);
    }
    return true;
}

/* ---- The pass ---------------------------------------------------------------------------------------------------------------------------- */
static bool tells_classes(const ct_run *run, const ct_tensor *outputs, const ct_tensor *y)
{
    ct_train_loss *const loss = run->o.loss;
    return loss == ct_loss_cross_entropy || loss == ct_loss_next_token || loss == ct_loss_binary_cross_entropy ||
           (ct_dtype_of(y) == CT_INT64 && ct_rank(outputs) == ct_rank(y) + 1);
}

/* A network or a set for which this makes no sense is no failure of the run. */
static void give_up(struct findings *f)
{
    snprintf(f->reason, sizeof f->reason, "%s", ct_ok() ? "it failed without saying why" : ct_error());
    ct_error_clear();
    f->kind = FOUND_NOTHING;
}

static ct_tensor *look(ct_module *net, const ct_batch *batch, ct_tensor **outputs, void *context)
{
    const struct looker *looker = context;
    struct findings *f = looker->findings;
    (void)outputs;
    if (!*f->reason) {
        ct_tensor *told = batch->y ? ct_forward(net, batch->x) : ct_fail("the data set has no targets");
        if (told && !f->seen)
            f->kind = tells_classes(looker->run, told, batch->y) ? FOUND_CLASSES : FOUND_NUMBERS;
        if (!told || !(f->kind == FOUND_CLASSES ? look_at_classes : look_at_numbers)(f, told, batch->y))
            give_up(f);
    }
    f->seen += ct_size(batch->x, 0);
    return ct_scalar(0);
}

bool findings_make(struct findings *f, ct_run *run, ct_dataset *dataset, int64_t most)
{
    static const ct_metrics none = {0};
    *f = (struct findings){.most = most, .labels = run->o.loss == ct_loss_binary_cross_entropy};
    f->first = heap_zeroed((size_t)most + 1, sizeof *f->first);
    f->worst = heap_zeroed((size_t)most + 1, sizeof *f->worst);
    if (!f->first || !f->worst)
        return ct_fail("out of memory") != NULL;
    ct_loader *loader = ct_loader_new(dataset, .batch_size = run->o.batch_size);
    struct pass pass = {0};
    bool good = loader && run_show_averages(run);
    if (good) {
        good = pass_begin(&pass, &none) && pass_run(&pass, run->net, loader, look, &(struct looker){f, run}, 0);
        good = run_show_averages(run) && good;
    }
    if (pass.states)
        pass_end(&pass);
    (ct_free)(loader);
    return good;
}

void findings_clear(struct findings *f)
{
    ct_release(f->confusion);
    heap_free(f->first);
    heap_free(f->worst);
    *f = (struct findings){0};
}
