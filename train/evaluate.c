/* How good a network is. */
#include <math.h>

#include "nn/module.h"
#include "train/train.h"

static bool is_class_list(const ct_tensor *y, const ct_tensor *outputs)
{
    return ct_dtype_of(y) == CT_INT64 && ct_rank(y) == 1 && ct_size(y, 0) == ct_size(outputs, 0);
}

static bool is_one_hot(const ct_tensor *y, const ct_tensor *outputs)
{
    return ct_rank(y) == 2 && ct_size(y, 0) == ct_size(outputs, 0) && ct_size(y, 1) == ct_size(outputs, 1);
}

/* Samples of a batch that were told right; -1 on error. */
static int64_t count_right(ct_module *net, const ct_batch *batch)
{
    CT_SCOPE;
    ct_tensor *outputs = ct_forward(net, batch->x);
    if (!outputs)
        return -1;
    bool one_hot = ct_rank(outputs) == 2 && is_one_hot(batch->y, outputs);
    if (ct_rank(outputs) != 2 || !(one_hot || is_class_list(batch->y, outputs))) {
        char a[MODULE_PATH_BYTES], b[MODULE_PATH_BYTES];
        ct_fail("accuracy: outputs %s, targets %s %s: want (N, C), and int64 (N) or one-hot (N, C)",
                module_shape_text(a, outputs), ct_dtype_name(ct_dtype_of(batch->y)), module_shape_text(b, batch->y));
        return -1;
    }
    ct_tensor *classes = one_hot ? ct_argmax(batch->y, 1) : batch->y;
    ct_tensor *right = ct_sum(ct_eq(ct_argmax(outputs, 1), classes));
    return right ? ct_item_int(right) : -1;
}

double ct_train_accuracy(ct_module *net, ct_dataset *dataset, int64_t batch_size)
{
    if (!net || !dataset) {
        if (ct_ok())
            ct_fail("accuracy: %s is NULL", net ? "dataset" : "net");
        return NAN;
    }
    int64_t size = ct_dataset_size(dataset), seen = 0, right = 0;
    if (size < 1)
        return ct_fail("accuracy: the data set has no samples"), NAN;
    ct_loader *loader = ct_loader_new(dataset, .batch_size = batch_size);
    if (!loader)
        return NAN;
    CT_NO_GRAD;
    module_pause_training(net);
    for (ct_batch batch; ct_loader_next(loader, &batch);) {
        int64_t count = count_right(net, &batch);
        if (count < 0)
            break;
        right += count;
        seen += ct_size(batch.x, 0);
    }
    module_resume_training(net);
    (ct_free)(loader);
    return seen == size ? (double)right / (double)size : NAN;
}

bool ct_train_update_batch_norm(ct_module *net, ct_loader *loader)
{
    if (!net || !loader) {
        if (ct_ok())
            ct_fail("update_batch_norm: %s is NULL", net ? "loader" : "net");
        return false;
    }
    CT_NO_GRAD;
    const bool training = ct_module_is_training(net);
    bool good = batch_norm_count(net, true);
    ct_module_train(net);
    int64_t seen = 0;
    for (ct_batch batch; good && ct_loader_next(loader, &batch); seen++) {
        CT_SCOPE;
        good = ct_forward(net, batch.x) != NULL;
    }
    batch_norm_count(net, false);
    if (!training)
        ct_module_eval(net);
    return good && seen == ct_loader_batches(loader);
}
