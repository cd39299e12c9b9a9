/* Autoencoders: decoder(encoder(x)), children of these names. What comes out lies in (0, 1), as the pixels. */
#include "nn/layer.h"
#include "nn/onnx.h"

struct autoencoder {
    ct_module *encoder, *decoder;
    int64_t latent;
};

const ct_nn_autoencoder_options ct_nn_autoencoder_defaults = {CT_NN_AUTOENCODER_DEFAULTS .end_ = 0};

/* (N, pixels) -> (N, C, size, size) */
struct shape {
    int64_t channels, size;
};

static ct_tensor *image_forward(ct_module *self, ct_tensor *x)
{
    const struct shape *m = ct_module_state(self);
    return ct_reshape(x, -1, m->channels, m->size, m->size);
}

static ct_module *image(int64_t channels, int64_t size);
static ct_module *image_make(const void *settings)
{
    const struct shape *s = settings;
    if (s->channels < 1 || s->channels > 1 << 15 || s->size < 1 || s->size > 1 << 15)
        return ct_fail("image: %lld channels, size %lld: want 1 to 32768", (long long)s->channels, (long long)s->size);
    return image(s->channels, s->size);
}
static const ct_setting image_list[] = {REQUIRED(shape, INTEGER, channels), REQUIRED(shape, INTEGER, size)};
static const char *image_onnx(ct_onnx *g, ct_module *self, const char *x)
{
    const struct shape *m = ct_module_state(self);
    return ONNX("Reshape", x, ONNX_CONSTANT(-1, m->channels, m->size, m->size));
}
const ct_module_type image_type = {"Image", image_list, 2, sizeof(struct shape), NULL, image_make, image_onnx};

static ct_module *image(int64_t channels, int64_t size)
{
    ct_module *self = ct_module_new("Image", image_forward, sizeof(struct shape));
    if (self)
        *(struct shape *)ct_module_state(self) = (struct shape){channels, size};
    ct_module_describe(self, "%lldx%lldx%lld", (long long)channels, (long long)size, (long long)size);
    return ct_module_ready_as(self, &image_type, &(struct shape){channels, size});
}

static ct_tensor *autoencoder_forward(ct_module *self, ct_tensor *x)
{
    const struct autoencoder *m = ct_module_state(self);
    return ct_forward(m->decoder, ct_forward(m->encoder, x));
}

struct autoencoder_settings {
    ct_nn_autoencoder_options options;
};
static const ct_setting autoencoder_settings_list[] = {OPTION(autoencoder_settings, INTEGER, channels), OPTION(autoencoder_settings, INTEGER, size),
                                                       OPTION(autoencoder_settings, INTEGER, hidden), OPTION(autoencoder_settings, INTEGER, latent)};

static const char *variational_onnx(ct_onnx *g, ct_module *self, const char *x)
{
    const struct autoencoder *m = ct_module_state(self);
    return ct_onnx_forward(g, m->decoder, onnx_slice(g, ct_onnx_forward(g, m->encoder, x), 1, 0, m->latent)); /* the means */
}
MODULE_TYPE(autoencoder, "Autoencoder", autoencoder_settings, onnx_chain, (ct_nn_autoencoder)(&s->options), CT_NN_AUTOENCODER_DEFAULTS)
MODULE_TYPE(conv_autoencoder, "ConvAutoencoder", autoencoder_settings, onnx_chain, (ct_nn_conv_autoencoder)(&s->options), CT_NN_AUTOENCODER_DEFAULTS)
MODULE_TYPE(variational_autoencoder, "VariationalAutoencoder", autoencoder_settings, variational_onnx,
            (ct_nn_variational_autoencoder)(&s->options), CT_NN_AUTOENCODER_DEFAULTS)

static ct_module *autoencoder(const ct_module_type *type, ct_module_forward *forward, const ct_nn_autoencoder_options *o, ct_module *encoder,
                              ct_module *decoder)
{
    ct_module *self = ct_module_new(type->kind, forward, sizeof(struct autoencoder));
    ct_module *parts[] = {ct_module_add_child(self, "encoder", encoder), ct_module_add_child(self, "decoder", decoder)};
    if (!self)
        return NULL;
    *(struct autoencoder *)ct_module_state(self) = (struct autoencoder){parts[0], parts[1], o->latent};
    return ct_module_ready_as(self, type, o);
}

static bool check(const char *call, const ct_nn_autoencoder_options *o, int64_t multiple)
{
    if (o->channels >= 1 && o->size >= 1 && o->size <= 1 << 15 && o->size % multiple == 0 && o->hidden >= 1 && o->latent >= 1 &&
        o->channels <= 1 << 15 && o->latent <= INT64_MAX / 2) /* the mean and the variance of each */
        return true;
    ct_fail("%s: %lld channels, size %lld, hidden %lld, latent %lld: want at least 1%s", call, (long long)o->channels, (long long)o->size,
            (long long)o->hidden, (long long)o->latent, multiple > 1 ? ", and a size that is a multiple of 4" : "");
    return false;
}

static ct_module *dense_encoder(const ct_nn_autoencoder_options *o, int64_t out)
{
    return ct_nn_sequential(ct_nn_flatten(), ct_nn_linear(o->channels * o->size * o->size, o->hidden, .activation = CT_RELU),
                            ct_nn_linear(o->hidden, out));
}

static ct_module *dense_decoder(const ct_nn_autoencoder_options *o)
{
    return ct_nn_sequential(ct_nn_linear(o->latent, o->hidden, .activation = CT_RELU),
                            ct_nn_linear(o->hidden, o->channels * o->size * o->size, .activation = CT_SIGMOID), image(o->channels, o->size));
}

ct_module *(ct_nn_autoencoder)(const ct_nn_autoencoder_options *options)
{
    const ct_nn_autoencoder_options *o = options ? options : &ct_nn_autoencoder_defaults;
    if (!check("autoencoder", o, 1))
        return NULL;
    return autoencoder(&autoencoder_type, autoencoder_forward, o, dense_encoder(o, o->latent), dense_decoder(o));
}

/* ---- Convolutional: two halvings of the size and back --------------------------------------------------------------------- */
ct_module *(ct_nn_conv_autoencoder)(const ct_nn_autoencoder_options *options)
{
    const ct_nn_autoencoder_options *o = options ? options : &ct_nn_autoencoder_defaults;
    if (!check("conv_autoencoder", o, 4))
        return NULL;
    const int64_t size = o->size / 4, flat = 32 * size * size;
    ct_module *encoder =
        ct_nn_sequential(ct_nn_conv2d(o->channels, 16, 3, .stride = 2, .padding = 1, .activation = CT_RELU),
                         ct_nn_conv2d(16, 32, 3, .stride = 2, .padding = 1, .activation = CT_RELU), ct_nn_flatten(),
                         ct_nn_linear(flat, o->hidden, .activation = CT_RELU), ct_nn_linear(o->hidden, o->latent));
    ct_module *decoder =
        ct_nn_sequential(ct_nn_linear(o->latent, o->hidden, .activation = CT_RELU), ct_nn_linear(o->hidden, flat, .activation = CT_RELU),
                         image(32, size), ct_nn_conv_transpose2d(32, 16, 4, .stride = 2, .padding = 1), ct_nn_relu(),
                         ct_nn_conv_transpose2d(16, o->channels, 4, .stride = 2, .padding = 1), ct_nn_sigmoid());
    return autoencoder(&conv_autoencoder_type, autoencoder_forward, o, encoder, decoder);
}

/* ---- Variational, arXiv:1312.6114: the encoder gives mean and log variance of a normal distribution --------------------------------- */
static ct_tensor *run(ct_module *self, ct_tensor *x, ct_tensor **mean, ct_tensor **log_var)
{
    const struct autoencoder *m = ct_module_state(self);
    ct_tensor *code = ct_forward(m->encoder, x);
    *mean = ct_narrow(code, 1, 0, m->latent), *log_var = ct_narrow(code, 1, m->latent, m->latent);
    ct_tensor *z = *mean;
    if (ct_module_is_training(self))
        z = ct_add(z, ct_mul(ct_exp(ct_mul(*log_var, 0.5)), ct_randn_like(z)));
    return ct_forward(m->decoder, z);
}

static ct_tensor *variational_forward(ct_module *self, ct_tensor *x)
{
    ct_tensor *mean, *log_var;
    return run(self, x, &mean, &log_var);
}

ct_tensor *ct_nn_variational_run(ct_module *self, ct_tensor *x, ct_tensor **mean, ct_tensor **log_var)
{
    if (!mean || !log_var)
        return ct_fail("variational_run: the place for %s is NULL", mean ? "log_var" : "mean");
    *mean = *log_var = NULL;
    if (self && self->forward != variational_forward)
        return ct_fail("variational_run: the module is a %s, want a VariationalAutoencoder", self->kind);
    const ct_scope scope = ct_module_enter(self);
    if (!scope)
        return NULL;
    ct_tensor *y = run(self, x, mean, log_var);
    if (ct_module_leave(self, scope, y, *mean, *log_var))
        return y;
    *mean = *log_var = NULL;
    return NULL;
}

ct_module *(ct_nn_variational_autoencoder)(const ct_nn_autoencoder_options *options)
{
    const ct_nn_autoencoder_options *o = options ? options : &ct_nn_autoencoder_defaults;
    if (!check("variational_autoencoder", o, 1))
        return NULL;
    return autoencoder(&variational_autoencoder_type, variational_forward, o, dense_encoder(o, 2 * o->latent), dense_decoder(o));
}
