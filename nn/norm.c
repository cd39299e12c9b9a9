/* Batch, group and instance normalisation. */
#include <math.h>

#include "nn/layer.h"
#include "nn/onnx.h"

/* ---- Batch normalisation --------------------------------------------------------------------------------------------- */
struct batch_norm {
    ct_tensor *weight, *bias, *mean, *var, *batches;
    double momentum, eps;
    ct_activation activation;
    bool cumulative, counting;                  /* counting: cumulative for a while, whatever the option says */
    int axes;                                   /* of an image: 2, or 1 */
};

const ct_nn_batch_norm_options ct_nn_batch_norm_defaults = {CT_NN_BATCH_NORM_DEFAULTS .end_ = 0};

static ct_tensor *normalize(ct_module *self, ct_tensor *x, ct_tensor *add, ct_activation activation)
{
    const struct batch_norm *m = ct_module_state(self);
    const bool training = ct_module_is_training(self);
    char text[MODULE_PATH_BYTES];
    if (x && ct_rank(x) != m->axes + 2 && (m->axes == 2 || ct_rank(x) != 2))
        return ct_fail("batch_norm%dd: %s, want %s", m->axes, module_shape_text(text, x), m->axes == 2 ? "(N, C, H, W)" : "(N, C, L) or (N, C)");
    double momentum = m->momentum;
    if (training && (m->cumulative || m->counting))
        momentum = 1 / (1 + (double)ct_item_int(m->batches));
    ct_tensor *y = ct_batch_norm(x, m->mean, m->var, m->weight, m->bias, .training = training, .momentum = momentum, .eps = m->eps,
                                 .add = add, .activation = activation);
    CT_NO_GRAD;
    return y && training && !ct_recomputing() && !ct_add_(m->batches, 1) ? NULL : y;
}

static ct_tensor *batch_norm_forward(ct_module *self, ct_tensor *x)
{
    return normalize(self, x, NULL, ((const struct batch_norm *)ct_module_state(self))->activation);
}

ct_tensor *batch_norm_run(ct_module *self, ct_tensor *x, ct_tensor *add, ct_activation activation)
{
    const ct_scope scope = ct_module_enter(self);
    ct_tensor *y = scope ? normalize(self, x, add, activation) : NULL;
    return ct_module_leave(self, scope, y) ? y : NULL;
}

bool batch_norm_count(ct_module *self, bool on)
{
    bool good = true;
    for (size_t i = 0; i < self->count; i++)
        good = (!self->entries[i].child || batch_norm_count(self->entries[i].child, on)) && good;
    if (self->forward != batch_norm_forward)
        return good;
    struct batch_norm *m = ct_module_state(self);
    m->counting = on;
    CT_SCOPE;
    CT_NO_GRAD;
    return good && (!on || (ct_fill_(m->mean, 0) && ct_fill_(m->var, 1) && ct_fill_(m->batches, 0)));
}

struct batch_norm_settings {
    int64_t channels;
    ct_nn_batch_norm_options options;
};
static const ct_setting batch_norm_settings_list[] = {
    REQUIRED(batch_norm_settings, INTEGER, channels), OPTION(batch_norm_settings, NUMBER, momentum), OPTION(batch_norm_settings, NUMBER, eps),
    OPTION(batch_norm_settings, BOOL, cumulative),    OPTION(batch_norm_settings, BOOL, no_affine),  ACTIVATION(batch_norm_settings),
};

const char *batch_norm_onnx(ct_onnx *g, ct_module *self, const char *x, const char *add, ct_activation activation)
{
    const struct batch_norm_settings *s = self->settings;
    const char *weight = ct_onnx_weight(g, self, "weight"), *bias = ct_onnx_weight(g, self, "bias");
    if (s->options.no_affine)
        weight = onnx_filled(g, s->channels, 1), bias = onnx_filled(g, s->channels, 0);
    const char *y = ONNX_WITH("BatchNormalization", ONNX_ATTRIBUTES(ONNX_NUMBER("epsilon", s->options.eps)), x, weight, bias,
                              ct_onnx_weight(g, self, "running_mean"), ct_onnx_weight(g, self, "running_var"));
    return onnx_activation(g, activation, add ? ONNX("Add", y, add) : y);
}

static const char *batch_norm_form(ct_onnx *g, ct_module *self, const char *x)
{
    return batch_norm_onnx(g, self, x, NULL, ((const struct batch_norm_settings *)self->settings)->options.activation);
}
MODULE_TYPE(batch_norm1d, "BatchNorm1d", batch_norm_settings, batch_norm_form, (ct_nn_batch_norm1d)(s->channels, &s->options), CT_NN_BATCH_NORM_DEFAULTS)
MODULE_TYPE(batch_norm2d, "BatchNorm2d", batch_norm_settings, batch_norm_form, (ct_nn_batch_norm2d)(s->channels, &s->options), CT_NN_BATCH_NORM_DEFAULTS)

static ct_module *batch_norm(int axes, int64_t channels, const ct_nn_batch_norm_options *options)
{
    const ct_nn_batch_norm_options *o = options ? options : &ct_nn_batch_norm_defaults;
    const char *call = axes == 2 ? "batch_norm2d" : "batch_norm1d", *note = layer_activation(call, o->activation);
    if (!note)
        return NULL;
    if (channels < 1)
        return ct_fail("%s: %lld channels: want at least 1", call, (long long)channels);
    if (!(o->momentum >= 0 && o->momentum <= 1) || !(o->eps >= 0 && isfinite(o->eps)))
        return ct_fail("%s: momentum %g, eps %g: want a momentum of 0 to 1 and an eps of at least 0", call, o->momentum, o->eps);
    CT_SCOPE;
    ct_module *self = ct_module_new(axes == 2 ? "BatchNorm2d" : "BatchNorm1d", batch_norm_forward, sizeof(struct batch_norm));
    if (!self)
        return NULL;
    struct batch_norm *m = ct_module_state(self);
    *m = (struct batch_norm){.momentum = o->momentum, .eps = o->eps, .activation = o->activation, .cumulative = o->cumulative, .axes = axes};
    if (!o->no_affine)
        layer_affine(self, channels, &m->weight, &m->bias);
    m->mean = ct_module_add_buffer(self, "running_mean", ct_zeros(channels));
    m->var = ct_module_add_buffer(self, "running_var", ct_ones(channels));
    m->batches = ct_module_add_buffer(self, "num_batches_tracked", (ct_zeros)(NULL, 0, CT_INT64));
    ct_module_describe(self, "%lld%s%s", (long long)channels, o->no_affine ? ", no affine" : "", note);
    return ct_module_ready_as(self, axes == 2 ? &batch_norm2d_type : &batch_norm1d_type, &(struct batch_norm_settings){channels, *o});
}

ct_module *(ct_nn_batch_norm1d)(int64_t channels, const ct_nn_batch_norm_options *options)
{
    return batch_norm(1, channels, options);
}

ct_module *(ct_nn_batch_norm2d)(int64_t channels, const ct_nn_batch_norm_options *options)
{
    return batch_norm(2, channels, options);
}

/* ---- Group and instance normalisation: the latter is by groups of one channel --------------------------------------------- */
struct group_norm {
    ct_tensor *weight, *bias;
    double eps;
    int64_t groups, channels;
    bool images;                                /* InstanceNorm2d: these alone */
};

const ct_nn_group_norm_options ct_nn_group_norm_defaults = {CT_NN_GROUP_NORM_DEFAULTS .end_ = 0};
const ct_nn_instance_norm_options ct_nn_instance_norm_defaults = {CT_NN_INSTANCE_NORM_DEFAULTS .end_ = 0};

static ct_tensor *group_norm_forward(ct_module *self, ct_tensor *x)
{
    const struct group_norm *m = ct_module_state(self);
    char text[MODULE_PATH_BYTES];
    if (m->images && ct_rank(x) != 4)
        return ct_fail("instance_norm2d: %s, want (N, C, H, W)", module_shape_text(text, x));
    if (ct_rank(x) > 1 && ct_size(x, 1) != m->channels)
        return ct_fail("%s: %s has %lld channels, want %lld", m->images ? "instance_norm2d" : "group_norm", module_shape_text(text, x),
                       (long long)ct_size(x, 1), (long long)m->channels);
    return ct_group_norm(x, m->groups, m->weight, m->bias, .eps = m->eps);
}

static ct_module *group_norm(const char *kind, const char *call, int64_t groups, int64_t channels, double eps, bool affine)
{
    if (groups < 1 || channels < 1 || channels % groups)
        return ct_fail("%s: %lld channels, %lld groups: want at least 1, and channels that are a multiple of the groups", call,
                       (long long)channels, (long long)groups);
    if (!(eps >= 0 && isfinite(eps)))
        return ct_fail("%s: eps %g: want at least 0", call, eps);
    CT_SCOPE;
    ct_module *self = ct_module_new(kind, group_norm_forward, sizeof(struct group_norm));
    if (!self)
        return NULL;
    struct group_norm *m = ct_module_state(self);
    *m = (struct group_norm){.eps = eps, .groups = groups, .channels = channels};
    if (affine)
        layer_affine(self, channels, &m->weight, &m->bias);
    return self;
}

/* InstanceNormalization knows channels only: groups become such. */
static const char *group_norm_onnx(ct_onnx *g, ct_module *self, const char *x)
{
    const struct group_norm *m = ct_module_state(self);
    int64_t each[CT_MAX_RANK] = {m->channels, 1, 1, 1, 1, 1, 1, 1};
    const int rank = onnx_rank(g, self);
    const char *y = ONNX("Reshape", x, ONNX_CONSTANT(0, m->groups, -1));
    y = ONNX_WITH("InstanceNormalization", ONNX_ATTRIBUTES(ONNX_NUMBER("epsilon", m->eps)), y, onnx_filled(g, m->groups, 1), onnx_filled(g, m->groups, 0));
    y = ONNX("Reshape", y, ONNX("Shape", x));
    if (!m->weight)
        return y;
    const char *sizes = onnx_list(g, each, rank > 1 ? (size_t)rank - 1 : 1);
    y = ONNX("Mul", y, ONNX("Reshape", ct_onnx_weight(g, self, "weight"), sizes));
    return ONNX("Add", y, ONNX("Reshape", ct_onnx_weight(g, self, "bias"), sizes));
}

struct group_norm_settings {
    int64_t groups, channels;
    ct_nn_group_norm_options options;
};
static const ct_setting group_norm_settings_list[] = {
    REQUIRED(group_norm_settings, INTEGER, groups), REQUIRED(group_norm_settings, INTEGER, channels), OPTION(group_norm_settings, NUMBER, eps),
    OPTION(group_norm_settings, BOOL, no_affine),
};
MODULE_TYPE(group_norm, "GroupNorm", group_norm_settings, group_norm_onnx, (ct_nn_group_norm)(s->groups, s->channels, &s->options), CT_NN_GROUP_NORM_DEFAULTS)

ct_module *(ct_nn_group_norm)(int64_t groups, int64_t channels, const ct_nn_group_norm_options *options)
{
    const ct_nn_group_norm_options *o = options ? options : &ct_nn_group_norm_defaults;
    ct_module *self = group_norm("GroupNorm", "group_norm", groups, channels, o->eps, !o->no_affine);
    ct_module_describe(self, "%lld in %lld groups%s", (long long)channels, (long long)groups, o->no_affine ? ", no affine" : "");
    return self ? ct_module_ready_as(self, &group_norm_type, &(struct group_norm_settings){groups, channels, *o}) : NULL;
}

struct instance_norm_settings {
    int64_t channels;
    ct_nn_instance_norm_options options;
};
static const ct_setting instance_norm_settings_list[] = {REQUIRED(instance_norm_settings, INTEGER, channels), OPTION(instance_norm_settings, NUMBER, eps),
                                                         OPTION(instance_norm_settings, BOOL, affine)};
MODULE_TYPE(instance_norm2d, "InstanceNorm2d", instance_norm_settings, group_norm_onnx, (ct_nn_instance_norm2d)(s->channels, &s->options),
            CT_NN_INSTANCE_NORM_DEFAULTS)

ct_module *(ct_nn_instance_norm2d)(int64_t channels, const ct_nn_instance_norm_options *options)
{
    const ct_nn_instance_norm_options *o = options ? options : &ct_nn_instance_norm_defaults;
    ct_module *self = group_norm("InstanceNorm2d", "instance_norm2d", channels, channels, o->eps, o->affine);
    if (!self)
        return NULL;
    ((struct group_norm *)ct_module_state(self))->images = true;
    ct_module_describe(self, "%lld%s", (long long)channels, o->affine ? ", affine" : "");
    return ct_module_ready_as(self, &instance_norm2d_type, &(struct instance_norm_settings){channels, *o});
}
