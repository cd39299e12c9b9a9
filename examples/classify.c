/* What a classifier's example does once its parts are made. */
#include "classify.h"

enum { EVALUATION_BATCH = 250 };

int64_t classify_steps(const struct classifier *c, const struct settings *s)
{
    return s->epochs * ct_loader_batches(c->loader);
}

static bool train(const struct classifier *c, const struct settings *s, const struct watch *w)
{
    struct watched watched;
    const ct_callbacks callbacks = watch_callbacks(w, &watched, NULL, ct_module_kind(c->net), c->names);
    ct_history *history = ct_train_fit(c->net, c->optimizer, c->loader, .epochs = s->epochs, .validation = c->sets.validation, .batch_size = EVALUATION_BATCH,
                                       .metrics = CT_METRICS(ct_metric_accuracy), .schedule = c->schedule, .callbacks = callbacks,
                                       .resume = watch_resume(w, &watched));
    ct_free(history);
    return ct_ok();
}

static void run(const struct classifier *c, const struct settings *s, const struct watch *w)
{
    if (s->load && ct_ok() && ct_module_load(c->net, s->load))
        printf("weights: %s\n", s->load);
    if (!ct_ok())
        return;
    CT_SCOPE;
    ct_tensor *x, *y;
    if (ct_dataset_get(c->sets.testing, 0, &x, &y))
        ct_module_summary_of(c->net, stdout, ct_unsqueeze(x, 0));
    if (!s->evaluate && !train(c, s, w))
        return;
    double accuracy = ct_ok() ? ct_train_accuracy(c->net, c->sets.testing, EVALUATION_BATCH) : 0;
    if (s->save && ct_ok() && ct_module_save(c->net, s->save))
        printf("saved: %s\n", s->save);
    if (ct_ok())
        printf("test accuracy: %.4f\n", accuracy);
}

int classify(struct classifier *c, const struct settings *s, const struct watch *w)
{
    run(c, s, w);
    ct_free(c->schedule), ct_free(c->optimizer), ct_free(c->net), ct_free(c->loader);
    sets_free(&c->sets);
    int failed = ct_report_error();
    ct_shutdown();
    return failed;
}
