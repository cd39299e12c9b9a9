/* Losses of a batch. Each asks the network for its outputs and hands them to the metrics. */
#include "train/run.h"

static ct_tensor *outputs_of(ct_module *net, const ct_batch *batch, ct_tensor **outputs)
{
    return *outputs = ct_forward(net, batch->x);
}

ct_tensor *train_like_target(ct_tensor *outputs, ct_tensor *y)
{
    const bool one_more = outputs && y && ct_rank(outputs) == ct_rank(y) + 1 && ct_size(outputs, -1) == 1;
    return one_more ? ct_squeeze(outputs, -1) : outputs;
}

static ct_tensor *numbers_of(ct_module *net, const ct_batch *batch, ct_tensor **outputs)
{
    return *outputs = train_like_target(ct_forward(net, batch->x), batch->y);
}

ct_tensor *ct_loss_cross_entropy(ct_module *net, const ct_batch *batch, ct_tensor **outputs, void *context)
{
    return (ct_cross_entropy)(outputs_of(net, batch, outputs), batch->y, context ? context : &ct_cross_entropy_defaults);
}

ct_tensor *ct_loss_next_token(ct_module *net, const ct_batch *batch, ct_tensor **outputs, void *context)
{
    ct_tensor *logits = outputs_of(net, batch, outputs);
    if (!logits)
        return NULL;
    return (ct_cross_entropy)(ct_reshape(logits, -1, ct_size(logits, -1)), ct_reshape(batch->y, -1), context ? context : &ct_cross_entropy_defaults);
}

ct_tensor *ct_loss_mse(ct_module *net, const ct_batch *batch, ct_tensor **outputs, void *context)
{
    (void)context;
    return ct_mse(numbers_of(net, batch, outputs), batch->y);
}

ct_tensor *ct_loss_l1(ct_module *net, const ct_batch *batch, ct_tensor **outputs, void *context)
{
    (void)context;
    return ct_l1(numbers_of(net, batch, outputs), batch->y);
}

ct_tensor *ct_loss_huber(ct_module *net, const ct_batch *batch, ct_tensor **outputs, void *context)
{
    return (ct_huber)(numbers_of(net, batch, outputs), batch->y, context ? context : &ct_huber_defaults);
}

ct_tensor *ct_loss_binary_cross_entropy(ct_module *net, const ct_batch *batch, ct_tensor **outputs, void *context)
{
    (void)context;
    ct_tensor *logits = numbers_of(net, batch, outputs);
    return logits ? ct_binary_cross_entropy_with_logits(logits, ct_cast(batch->y, ct_dtype_of(logits))) : NULL;
}
