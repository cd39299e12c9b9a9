/* Cotangent: reverse-mode automatic differentiation on tensors. Each folder's header is its manual. */
#ifndef COTANGENT_H
#define COTANGENT_H
#include <autograd/autograd.h>
#include <autograd/inspect.h>
#include <io/io.h>
#include <nn/nn.h>
#include <optim/optim.h>
#include <data/data.h>
#include <data/table.h>
#include <data/text.h>
#include <train/train.h>
#include <train/fit.h>
#include <train/tensorboard.h>

#ifndef __cplusplus
/* One verb for every kind of object; anything else does not compile. The list stands here because no folder knows them all. */
#define ct_free(object)                                                                                                  \
    (ct_free)(_Generic((object), ct_module *: (object), ct_optimizer *: (object), ct_dataset *: (object),                \
                       ct_loader *: (object), ct_generator *: (object), ct_tensor_file *: (object), ct_schedule *: (object), \
                       ct_average *: (object), ct_nn_cache *: (object), ct_texts *: (object), ct_vocabulary *: (object), \
                       ct_table *: (object), ct_table_encoding *: (object), ct_sampler *: (object), ct_load_report *: (object), \
                       ct_history *: (object), ct_callback *: (object), ct_tensorboard *: (object), void *: (object)))
#define ct_zero_grad(owner) _Generic((owner), ct_module *: ct_zero_grad_module_, ct_optimizer *: ct_zero_grad_optimizer_)(owner)
static inline void ct_zero_grad_module_(void *module)
{
    ct_module_zero_grad((ct_module *)module);
}
static inline void ct_zero_grad_optimizer_(void *optimizer)
{
    ct_optimizer_zero_grad((ct_optimizer *)optimizer);
}
#endif
#endif
