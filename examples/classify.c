/* Each epoch: batches in a new order, one step a batch, then the accuracy on what was held out. */
#include "classify.h"

enum { EVALUATION_BATCH = 250 };

int64_t classify_steps(const struct classifier *c, const struct settings *s)
{
    return s->epochs * ct_loader_batches(c->loader);
}

static bool train_epoch(const struct classifier *c, const struct settings *s, int64_t epoch)
{
    char label[48];
    snprintf(label, sizeof label, "epoch %lld/%lld", (long long)epoch, (long long)s->epochs);
    int64_t batches = ct_loader_batches(c->loader), done = 0;
    ct_progress *progress = ct_progress_begin(stdout, label, batches);
    double sum = 0;
    for (ct_batch batch; ct_loader_next(c->loader, &batch);) {
        CT_SCOPE;                               /* owns every tensor made until this brace closes */
        ct_tensor *loss = ct_cross_entropy(ct_forward(c->net, batch.x), batch.y);
        ct_zero_grad(c->optimizer);
        if (!ct_backward(loss) || !ct_step(c->optimizer) || !ct_schedule_next(c->schedule))
            break;
        sum += ct_item(loss);
        done++;
        ct_progress_step(progress, "loss %.4f", sum / (double)done);
    }
    double accuracy = done == batches ? ct_train_accuracy(c->net, c->sets.validation, EVALUATION_BATCH) : 0;
    if (ct_ok())
        ct_progress_end(progress, "loss %.4f, validation accuracy %.4f", sum / (double)done, accuracy);
    else
        ct_progress_end(progress, "stopped");
    return ct_ok();
}

static void run(const struct classifier *c, const struct settings *s)
{
    if (s->load && ct_ok() && ct_module_load(c->net, s->load))
        printf("weights: %s\n", s->load);
    if (!ct_ok())
        return;
    CT_SCOPE;
    ct_tensor *x, *y;
    if (ct_dataset_get(c->sets.testing, 0, &x, &y))
        ct_module_summary_of(c->net, stdout, ct_unsqueeze(x, 0));
    for (int64_t epoch = 1; epoch <= s->epochs && !s->evaluate; epoch++)
        if (!train_epoch(c, s, epoch))
            return;
    double accuracy = ct_ok() ? ct_train_accuracy(c->net, c->sets.testing, EVALUATION_BATCH) : 0;
    if (s->save && ct_ok() && ct_module_save(c->net, s->save))
        printf("saved: %s\n", s->save);
    if (ct_ok())
        printf("test accuracy: %.4f\n", accuracy);
}

int classify(struct classifier *c, const struct settings *s)
{
    run(c, s);
    ct_free(c->schedule), ct_free(c->optimizer), ct_free(c->net), ct_free(c->loader);
    sets_free(&c->sets);
    int failed = ct_report_error();
    ct_shutdown();
    return failed;
}
