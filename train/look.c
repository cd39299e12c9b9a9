/* What a person wants to know of a run years later: the options, the network, what it was fed. */
#define _POSIX_C_SOURCE 200809L
#include "train/look.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/memory.h"
#include "data/dataset.h"
#include "data/loader.h"
#include "io/io.h"
#include "nn/module.h"
#include "optim/optimizer.h"
#include "optim/schedule.h"
#include "train/number.h"
#include "train/run.h"

enum { TEXT_BYTES = 1024 };

struct list {
    look_option *each;
    void *context;
    bool good;
};

static void say(struct list *list, const char *name, const char *format, ...) CT_FORMAT(3, 4);
static void say(struct list *list, const char *name, const char *format, ...)
{
    char text[TEXT_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    list->good = list->good && list->each(list->context, name, text);
}

static void say_number(struct list *list, const char *name, double value)
{
    char text[NUMBER_TEXT];
    say(list, name, "%s", number_text(text, value));
}

static const char *name_of_loss(ct_train_loss *loss)
{
    static const struct { ct_train_loss *loss; const char *name; } names[] = {
        {ct_loss_cross_entropy, "cross-entropy"}, {ct_loss_next_token, "cross-entropy of the next token"}, {ct_loss_mse, "mean squared error"},
        {ct_loss_l1, "mean absolute error"}, {ct_loss_huber, "Huber"}, {ct_loss_binary_cross_entropy, "binary cross-entropy"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].loss == loss)
            return names[i].name;
    return "of your own";
}

/* "adam: lr 0.001, weight_decay 0, ..." of the first group, with the learning rate that it began with. */
static void say_optimizer(struct list *list, const ct_optimizer *optimizer)
{
    char text[TEXT_BYTES], number[NUMBER_TEXT];
    const struct group *group = optimizer->groups;
    snprintf(text, sizeof text, "%s", optimizer->kind.name);
    for (int i = 0; optimizer->kind.options && optimizer->kind.options[i].name; i++) {
        const bool moved = i == LR && !isnan(group->initial_lr);
        const size_t length = strlen(text);
        snprintf(text + length, sizeof text - length, "%s%s %s", i ? ", " : ": ", optimizer->kind.options[i].name,
                 number_text(number, moved ? group->initial_lr : group->options[i]));
    }
    say(list, "optimizer", "%s", text);
}

static void say_metrics(struct list *list, const ct_metrics *metrics)
{
    char text[TEXT_BYTES] = "";
    for (size_t i = 0; i < metrics->count && strlen(text) < sizeof text - 1; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", i ? ", " : "", metrics->list[i].name);
    say(list, "metrics", "%s", text);
}

bool look_options(const ct_run *run, look_option *each, void *context)
{
    const ct_train_fit_options *o = &run->o;
    const struct loader_facts facts = loader_facts(run->loader);
    struct list list = {each, context, true};
    say(&list, "network", "%s, %lld parameters", run->net->kind, (long long)ct_module_count_parameters(run->net));
    say_optimizer(&list, run->optimizer);
    if (o->schedule)
        say(&list, "schedule", "%s", o->schedule->kind->name);
    say(&list, "loss", "%s%s", name_of_loss(o->loss), o->class_weights ? ", classes weighted" : "");
    if (o->metrics.count)
        say_metrics(&list, &o->metrics);
    say(&list, "monitored", "%s", run->monitor);
    say(&list, "epochs", "%lld of %lld batches", (long long)run->epochs, (long long)run->batches);
    say(&list, "batch size", "%lld, samples %s", (long long)facts.batch_size, facts.order);
    if (run->optimizer->batches > 1)
        say(&list, "accumulated batches", "%lld", (long long)run->optimizer->batches);
    say(&list, "training samples", "%lld", (long long)facts.samples);
    if (run->validation_loader)
        say(&list, "validation samples", "%lld", (long long)loader_facts(run->validation_loader).samples);
    if (o->clip_norm > 0)
        say_number(&list, "gradient norm at most", o->clip_norm);
    if (o->clip_value > 0)
        say_number(&list, "gradient values at most", o->clip_value);
    if (o->average)
        say(&list, "validated weights", "averages");
    say(&list, "seed", "%llu", (unsigned long long)facts.seed);
    if (o->resume)
        say(&list, "went on from", "%s", o->resume);
    say(&list, "library", "%s", ct_build_info());
    return list.good;
}

/* ---- Samples ------------------------------------------------------------------------------------------------------------------------ */
bool look_keep_samples(const ct_run *run, int64_t count, ct_tensor **samples)
{
    if (*samples)
        return true;
    CT_SCOPE;
    CT_NO_GRAD;
    ct_tensor *x = run->current->x;
    const int64_t there = ct_size(x, 0);
    *samples = ct_keep(ct_clone(ct_narrow(x, 0, 0, count < there ? count : there)));
    return *samples;
}

static char *summary_or_reason(ct_run *run, ct_tensor *samples)
{
    char *text = NULL, *copy = NULL;
    size_t bytes;
    FILE *file = open_memstream(&text, &bytes);
    if (!file)
        return NULL;
    if (!ct_module_summary_of(run->net, file, ct_narrow(samples, 0, 0, 1))) {
        fprintf(file, "There is no summary: %s\n", ct_error());
        ct_error_clear();
    }
    if (!fclose(file))
        copy = heap_copy_text(text);
    free(text);
    return copy;
}

/* A network may want more than its input, which is no reason to end a run. */
char *look_summary(ct_run *run, ct_tensor *samples)
{
    CT_SCOPE;
    CT_NO_GRAD;
    return summary_or_reason(run, samples);
}

bool look_is_image(const ct_tensor *samples)
{
    return ct_io_has_png() && ct_rank(samples) == 4 && (ct_size(samples, 1) == 1 || ct_size(samples, 1) == 3) && ct_size(samples, 2) > 0 &&
           ct_size(samples, 3) > 0 && (ct_dtype_of(samples) == CT_FLOAT32 || ct_dtype_of(samples) == CT_FLOAT64);
}

ct_tensor *look_at_image(ct_tensor *image)
{
    ct_tensor *flat = ct_nan_to_num(ct_cast(image, CT_FLOAT64), .nan = 0, .posinf = 0, .neginf = 0);
    if (!flat)
        return NULL;
    const double low = ct_item(ct_min(flat)), high = ct_item(ct_max(flat));
    if (low >= 0 && high <= 1)
        return flat;
    return high > low ? ct_div(ct_sub(flat, low), high - low) : ct_zeros_like(flat);
}
