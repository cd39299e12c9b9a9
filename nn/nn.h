/* Modules: parameters with names, and a forward made of the engine's ops.
 *
 * A module owns its parameters, buffers and children; ct_free frees them all. A constructor given a failed (NULL) part frees
 * the parts it took over and returns NULL. Names join with dots, as in PyTorch: "0.weight", "2.bias". */
#ifndef COTANGENT_NN_H
#define COTANGENT_NN_H
#include <autograd/autograd.h>
#include <io/io.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ct_module ct_module;

/* ---- Every module ------------------------------------------------------------------------------------------------------ */
CT_API ct_tensor *ct_forward(ct_module *module, ct_tensor *x); /* in a scope of its own; the result is handed to the caller's */
CT_API void ct_module_train(ct_module *module);  /* training mode (the mode of a new module), children included */
CT_API void ct_module_eval(ct_module *module);   /* evaluation mode: dropout passes its input through */
CT_API bool ct_module_is_training(const ct_module *module);
CT_API const char *ct_module_kind(const ct_module *module); /* "Linear" */
CT_API int64_t ct_module_count_parameters(const ct_module *module); /* elements of all parameters, children included */
CT_API ct_tensor *ct_module_find(const ct_module *module, const char *name); /* parameter or buffer by full name; NULL: none (no error) */
CT_API ct_module *ct_module_child(const ct_module *module, const char *name); /* part by full name: "0.encoder"; NULL: none (no error) */
/* Calls visit for every parameter and buffer, children included, in order of registration, until it returns false. */
typedef bool ct_module_visit(const char *name, ct_tensor *tensor, bool is_parameter, void *context);
CT_API bool ct_module_each(const ct_module *module, ct_module_visit *visit, void *context); /* false: a visit returned false */
CT_API bool ct_module_summary(ct_module *module, FILE *file, const int64_t *sizes, size_t rank); /* a table: layer, output shape, and of its own,
                                                            without its parts: parameters, multiply-adds, bytes of its ops' results. Runs zeros of sizes, in the parameters'
                                                            dtype, through it. Below: the sums, and what a step needs with parameters, gradients, Adam's two averages and what
                                                            the graph keeps for backward. C: ct_module_summary(net, stdout, 1, 784) */
CT_API bool ct_module_summary_of(ct_module *module, FILE *file, ct_tensor *x); /* the same with an input of yours: token numbers, say */
CT_API bool ct_module_graph_dot(const ct_module *module, ct_tensor *root, FILE *file); /* ct_graph_dot(root, file) with the module's parameters by name */
CT_API bool ct_module_save(const ct_module *module, const char *path); /* parameters and buffers by name, as safetensors */
CT_API bool ct_module_save_with(const ct_module *module, const char *path, const ct_metadata *metadata, size_t count); /* the same with metadata
                                                            besides; ct_tensor_file_metadata reads it. C: CT_METADATA({"key", value}) */
CT_API bool ct_module_load(ct_module *module, const char *path); /* names and shapes must match exactly; on failure nothing changes.
                                                            num_batches_tracked may be lacking, as it is in old files of PyTorch */
CT_API void ct_module_zero_grad(ct_module *module); /* ct_zero_grad(module) */

/* Its forwards keep their result alone, and run again in backward: see ct_checkpoint. For the blocks of a deep model; the gradients are the
 * same, bit for bit. Holds for ct_forward, and for a transformer's stacks and blocks however they are called, but with a cache or .weights. */
CT_API bool ct_module_checkpoint(ct_module *module, bool on);

/* ---- A module of your own ------------------------------------------------------------------------------------------------
 * ct_module_new, then parameters and children, then ct_module_ready. state is zeroed memory for your struct; it goes with
 * the module. Each call passes a failure on: given NULL it returns NULL. A forward that differs while training asks
 * ct_module_is_training(self). Tensors stored in state: parameters, buffers and children live as long as the module and may be pointed to;
 * any other wants ct_keep, and ct_release when it is replaced, for it goes with forward's scope otherwise. */
typedef ct_tensor *ct_module_forward(ct_module *self, ct_tensor *x); /* NULL where it only holds parts */
CT_API ct_module *ct_module_new(const char *kind, ct_module_forward *forward, size_t state_bytes);
CT_API void *ct_module_state(const ct_module *self);
CT_API ct_tensor *ct_module_add_parameter(ct_module *self, const char *name, ct_tensor *initial); /* wants a gradient from now on */
CT_API ct_tensor *ct_module_add_buffer(ct_module *self, const char *name, ct_tensor *initial);    /* saved, not trained */
CT_API ct_module *ct_module_add_child(ct_module *self, const char *name, ct_module *child);       /* taken over, also on failure */
CT_API ct_module *ct_module_ready(ct_module *self); /* self; if a part failed, frees self and returns NULL */
CT_API void ct_module_describe(ct_module *self, const char *format, ...) CT_FORMAT(2, 3); /* shown by the summary: "784 -> 128" */
/* A forward with other arguments than one tensor stands between these: they open a scope and hand results to the caller's. */
CT_API ct_scope ct_module_enter(ct_module *self);
CT_API bool ct_module_leave(ct_module *self, ct_scope scope, ct_tensor *const *results, size_t count); /* false if a result is NULL */

/* ---- Layers -------------------------------------------------------------------------------------------------------------- */
typedef struct { bool no_bias; ct_activation activation; char end_; } ct_nn_linear_options;
CT_API ct_module *ct_nn_linear(int64_t in, int64_t out, const ct_nn_linear_options *options); /* (..., in) -> (..., out): x weight^T + bias;
                                                            weight (out, in), bias (out), both uniform in +-1/sqrt(in) */
CT_API ct_module *ct_nn_relu(void);
CT_API ct_module *ct_nn_gelu(void);
CT_API ct_module *ct_nn_silu(void);
CT_API ct_module *ct_nn_tanh(void);
CT_API ct_module *ct_nn_sigmoid(void);
CT_API ct_module *ct_nn_leaky_relu(double slope); /* C: ct_nn_leaky_relu() is slope 0.01, ct_nn_elu() alpha 1, ct_nn_dropout() p 0.5 */
CT_API ct_module *ct_nn_elu(double alpha);
CT_API ct_module *ct_nn_softplus(void);
CT_API ct_module *ct_nn_softmax(int axis);
CT_API ct_module *ct_nn_log_softmax(int axis);
CT_API ct_module *ct_nn_dropout(double p);       /* only in training mode */
CT_API ct_module *ct_nn_dropout2d(double p);     /* of whole channels */
CT_API ct_module *ct_nn_flatten(void);           /* (N, ...) -> (N, rest) */
CT_API ct_module *ct_nn_identity(void);          /* x */
CT_API ct_module *ct_nn_sequential(ct_module *const *parts, size_t count); /* one after another, named "0", "1", ...; takes the parts over */
CT_API ct_module *ct_nn_parameter_list(ct_tensor *const *tensors, size_t count); /* leaf tensors as a module, named "0", "1", ...: for an
                                                            optimizer over plain tensors; no forward */

/* ---- Layers of images: (N, C, H, W). Options are those of the ops in autograd.h, which says what each means ----------------------------------- */
typedef struct { int64_t stride, padding, dilation, groups; bool no_bias; ct_activation activation; char end_; } ct_nn_conv_options; /* 1, 0, 1, 1 */
#define CT_NN_CONV_DEFAULTS .stride = 1, .dilation = 1, .groups = 1,
CT_API extern const ct_nn_conv_options ct_nn_conv_defaults;
CT_API ct_module *ct_nn_conv2d(int64_t in, int64_t out, int64_t kernel, const ct_nn_conv_options *options); /* weight (out, in / groups, kernel), bias (out),
                                                            both uniform in +-1/sqrt(in / groups * kernel's area) */
CT_API ct_module *ct_nn_conv1d(int64_t in, int64_t out, int64_t kernel, const ct_nn_conv_options *options); /* (N, in, L) -> (N, out, ...) */
typedef struct { int64_t stride, padding, output_padding, dilation, groups; bool no_bias; char end_; } ct_nn_conv_transpose_options; /* 1, 0, 0, 1, 1 */
#define CT_NN_CONV_TRANSPOSE_DEFAULTS .stride = 1, .dilation = 1, .groups = 1,
CT_API extern const ct_nn_conv_transpose_options ct_nn_conv_transpose_defaults;
CT_API ct_module *ct_nn_conv_transpose2d(int64_t in, int64_t out, int64_t kernel, const ct_nn_conv_transpose_options *options); /* weight
                                                            (in, out / groups, kernel), in +-1/sqrt(out / groups * kernel's area) */
typedef struct { int64_t stride, padding, dilation; bool ceil_mode; char end_; } ct_nn_max_pool_options; /* 0: the kernel's size, 0, 1 */
#define CT_NN_MAX_POOL_DEFAULTS .dilation = 1,
CT_API extern const ct_nn_max_pool_options ct_nn_max_pool_defaults;
CT_API ct_module *ct_nn_max_pool2d(int64_t kernel, const ct_nn_max_pool_options *options);
CT_API ct_module *ct_nn_avg_pool2d(int64_t kernel, const ct_avg_pool_options *options);
CT_API ct_module *ct_nn_adaptive_avg_pool2d(int64_t size);
CT_API ct_module *ct_nn_upsample(int64_t factor, const ct_interpolate_options *options); /* to factor times the size; ct_interpolate takes sizes */
typedef struct { double momentum, eps; bool cumulative, no_affine; ct_activation activation; char end_; } ct_nn_batch_norm_options; /* 0.1, 1e-5; cumulative:
                                                            running values average all batches alike, PyTorch's momentum=None */
#define CT_NN_BATCH_NORM_DEFAULTS .momentum = 0.1, .eps = 1e-5,
CT_API extern const ct_nn_batch_norm_options ct_nn_batch_norm_defaults;
CT_API ct_module *ct_nn_batch_norm2d(int64_t channels, const ct_nn_batch_norm_options *options); /* weight, bias; running_mean, running_var, num_batches_tracked */
CT_API ct_module *ct_nn_batch_norm1d(int64_t channels, const ct_nn_batch_norm_options *options); /* (N, C) or (N, C, L) */
typedef struct { double eps; bool no_affine; char end_; } ct_nn_group_norm_options; /* 1e-5 */
#define CT_NN_GROUP_NORM_DEFAULTS .eps = 1e-5,
CT_API extern const ct_nn_group_norm_options ct_nn_group_norm_defaults;
CT_API ct_module *ct_nn_group_norm(int64_t groups, int64_t channels, const ct_nn_group_norm_options *options); /* (N, C, ...) */
typedef struct { double eps; bool affine; char end_; } ct_nn_instance_norm_options; /* 1e-5 */
#define CT_NN_INSTANCE_NORM_DEFAULTS .eps = 1e-5,
CT_API extern const ct_nn_instance_norm_options ct_nn_instance_norm_defaults;
CT_API ct_module *ct_nn_instance_norm2d(int64_t channels, const ct_nn_instance_norm_options *options);
typedef struct { int64_t stride; char end_; } ct_nn_block_options; /* 1 */
#define CT_NN_BLOCK_DEFAULTS .stride = 1,
CT_API extern const ct_nn_block_options ct_nn_block_defaults;
/* ReLU(f(x) + x), arXiv:1512.03385, f: convolutions conv1, conv2, ... with batch normalisation bn1, bn2, ...; where sizes differ, x goes through
 * a 1x1 convolution with batch normalisation, `downsample`. */
CT_API ct_module *ct_nn_basic_block(int64_t in, int64_t out, const ct_nn_block_options *options); /* 3x3, 3x3 */
CT_API ct_module *ct_nn_bottleneck(int64_t in, int64_t width, const ct_nn_block_options *options); /* 1x1, 3x3, 1x1, -> 4 width channels */

/* ---- Models of images -------------------------------------------------------------------------------------------------------- */
typedef struct { int64_t channels, size, classes; char end_; } ct_nn_cnn_options; /* of images (N, channels, size, size): 3, 32, 10 */
#define CT_NN_CNN_DEFAULTS .channels = 3, .size = 32, .classes = 10,
CT_API extern const ct_nn_cnn_options ct_nn_cnn_defaults;
CT_API ct_module *ct_nn_lenet5(const ct_nn_cnn_options *options); /* 6 5x5 - pool - 16 5x5 - pool - 120 - 84 - classes, LeCun et al. 1998; size 28 is padded to 32 */
CT_API ct_module *ct_nn_tinycnn(const ct_nn_cnn_options *options); /* 16 3x3 - pool - 32 3x3 - pool - 128 - classes */
CT_API ct_module *ct_nn_simplecnn(const ct_nn_cnn_options *options); /* 64, 64 - pool - 128, 128 - pool - 256, 256 - mean - classes; 3x3, batch-normalised */
typedef struct { int64_t channels, classes; bool imagenet_stem; char end_; } ct_nn_resnet_options; /* 3, 10; the stem is 3x3 for CIFAR's 32x32 images,
                                                            or 7x7 of stride 2 and a max pooling; any size of image fits */
#define CT_NN_RESNET_DEFAULTS .channels = 3, .classes = 10,
CT_API extern const ct_nn_resnet_options ct_nn_resnet_defaults;
CT_API ct_module *ct_nn_resnet18(const ct_nn_resnet_options *options); /* arXiv:1512.03385; torchvision's names and first values: layer2.0.downsample.0.weight */
CT_API ct_module *ct_nn_resnet34(const ct_nn_resnet_options *options);
CT_API ct_module *ct_nn_resnet50(const ct_nn_resnet_options *options);
/* Autoencoders give images (N, channels, size, size) with pixels in (0, 1); ct_module_child(net, "encoder") and "decoder" are the halves, with
 * codes (N, latent) between. */
typedef struct { int64_t channels, size, hidden, latent; char end_; } ct_nn_autoencoder_options; /* 1, 28, 256, 32 */
#define CT_NN_AUTOENCODER_DEFAULTS .channels = 1, .size = 28, .hidden = 256, .latent = 32,
CT_API extern const ct_nn_autoencoder_options ct_nn_autoencoder_defaults;
CT_API ct_module *ct_nn_autoencoder(const ct_nn_autoencoder_options *options); /* pixels - hidden - latent - hidden - pixels */
CT_API ct_module *ct_nn_conv_autoencoder(const ct_nn_autoencoder_options *options); /* 16 and 32 3x3 of stride 2 - hidden - latent, and back; size a multiple of 4 */
CT_API ct_module *ct_nn_variational_autoencoder(const ct_nn_autoencoder_options *options); /* arXiv:1312.6114; the encoder gives (N, 2 latent): means, log variances */
CT_API ct_tensor *ct_nn_variational_run(ct_module *variational, ct_tensor *x, ct_tensor **mean, ct_tensor **log_var); /* its forward with what the loss wants:
                                                            the decoding of a draw, in evaluation mode of the mean; (N, latent) each */

/* ---- Initialisers: fill t in place with random values; true if they could --------------------------------------------------
 * fan_in is the product of all sizes but the first, fan_out of all but the second; both want at least two axes. */
typedef struct { bool fan_out; double gain; ct_generator *generator; char end_; } ct_nn_init_options;
#define CT_NN_INIT_HE_DEFAULTS .gain = 1.4142135623730951,
#define CT_NN_INIT_XAVIER_DEFAULTS .gain = 1,
CT_API extern const ct_nn_init_options ct_nn_init_he_defaults, ct_nn_init_xavier_defaults;
CT_API bool ct_nn_init_he_uniform(ct_tensor *t, const ct_nn_init_options *options);  /* +-gain sqrt(3 / fan), arXiv:1502.01852 */
CT_API bool ct_nn_init_he_normal(ct_tensor *t, const ct_nn_init_options *options);   /* deviation gain / sqrt(fan) */
CT_API bool ct_nn_init_xavier_uniform(ct_tensor *t, const ct_nn_init_options *options); /* +-gain sqrt(6 / (fan_in + fan_out)), Glorot and Bengio 2010 */
CT_API bool ct_nn_init_xavier_normal(ct_tensor *t, const ct_nn_init_options *options);  /* deviation gain sqrt(2 / (fan_in + fan_out)) */
CT_API bool ct_nn_init_uniform(ct_tensor *t, double low, double high, ct_generator *generator);
CT_API bool ct_nn_init_normal(ct_tensor *t, double mean, double deviation, ct_generator *generator);
CT_API bool ct_nn_init_constant(ct_tensor *t, double value);
CT_API bool ct_nn_init_zeros(ct_tensor *t);
CT_API bool ct_nn_init_ones(ct_tensor *t);

#ifdef __cplusplus
}
#else
#define ct_module_summary(module, file, ...) CT_SIZES_(ct_module_summary, (module, file, ), (), __VA_ARGS__)
#define ct_module_leave(self, scope, ...) CT_LIST_(ct_module_leave, (self, scope, ), ct_tensor *, (), __VA_ARGS__)
/* The last number of the two: the default stands first. */
#define CT_NUMBER_(value, ...) ((const double[2]){value, __VA_ARGS__})[sizeof((const double[]){value, __VA_ARGS__}) / sizeof(double) - 1]
#define ct_nn_leaky_relu(...) ct_nn_leaky_relu((CT_NUMBER_(0.01, __VA_ARGS__)))
#define ct_nn_elu(...) ct_nn_elu((CT_NUMBER_(1, __VA_ARGS__)))
#define ct_nn_dropout(...) ct_nn_dropout((CT_NUMBER_(0.5, __VA_ARGS__)))
#define ct_nn_dropout2d(...) ct_nn_dropout2d((CT_NUMBER_(0.5, __VA_ARGS__)))
#define ct_nn_linear(in, ...) CT_WITH_(ct_nn_linear, (in, CT_HEAD_(__VA_ARGS__), ), ct_nn_linear_options, (), CT_TAIL_(__VA_ARGS__))
#define ct_nn_conv2d(in, out, ...) CT_NN_KERNEL_(ct_nn_conv2d, in, out, ct_nn_conv_options, (CT_NN_CONV_DEFAULTS), __VA_ARGS__)
#define ct_nn_conv1d(in, out, ...) CT_NN_KERNEL_(ct_nn_conv1d, in, out, ct_nn_conv_options, (CT_NN_CONV_DEFAULTS), __VA_ARGS__)
#define ct_nn_conv_transpose2d(in, out, ...) \
    CT_NN_KERNEL_(ct_nn_conv_transpose2d, in, out, ct_nn_conv_transpose_options, (CT_NN_CONV_TRANSPOSE_DEFAULTS), __VA_ARGS__)
#define CT_NN_KERNEL_(f, in, out, type, defaults, ...) CT_WITH_(f, (in, out, CT_HEAD_(__VA_ARGS__), ), type, defaults, CT_TAIL_(__VA_ARGS__))
#define ct_nn_max_pool2d(...) CT_WITH1_(ct_nn_max_pool2d, ct_nn_max_pool_options, (CT_NN_MAX_POOL_DEFAULTS), __VA_ARGS__)
#define ct_nn_avg_pool2d(...) CT_WITH1_(ct_nn_avg_pool2d, ct_avg_pool_options, (), __VA_ARGS__)
#define ct_nn_upsample(...) CT_WITH1_(ct_nn_upsample, ct_interpolate_options, (), __VA_ARGS__)
#define ct_nn_batch_norm2d(...) CT_WITH1_(ct_nn_batch_norm2d, ct_nn_batch_norm_options, (CT_NN_BATCH_NORM_DEFAULTS), __VA_ARGS__)
#define ct_nn_batch_norm1d(...) CT_WITH1_(ct_nn_batch_norm1d, ct_nn_batch_norm_options, (CT_NN_BATCH_NORM_DEFAULTS), __VA_ARGS__)
#define ct_nn_group_norm(groups, ...) \
    CT_WITH_(ct_nn_group_norm, (groups, CT_HEAD_(__VA_ARGS__), ), ct_nn_group_norm_options, (CT_NN_GROUP_NORM_DEFAULTS), CT_TAIL_(__VA_ARGS__))
#define ct_nn_instance_norm2d(...) CT_WITH1_(ct_nn_instance_norm2d, ct_nn_instance_norm_options, (CT_NN_INSTANCE_NORM_DEFAULTS), __VA_ARGS__)
#define ct_nn_basic_block(in, ...) \
    CT_WITH_(ct_nn_basic_block, (in, CT_HEAD_(__VA_ARGS__), ), ct_nn_block_options, (CT_NN_BLOCK_DEFAULTS), CT_TAIL_(__VA_ARGS__))
#define ct_nn_bottleneck(in, ...) \
    CT_WITH_(ct_nn_bottleneck, (in, CT_HEAD_(__VA_ARGS__), ), ct_nn_block_options, (CT_NN_BLOCK_DEFAULTS), CT_TAIL_(__VA_ARGS__))
#define ct_nn_lenet5(...) CT_WITH_(ct_nn_lenet5, (), ct_nn_cnn_options, (CT_NN_CNN_DEFAULTS), __VA_ARGS__)
#define ct_nn_tinycnn(...) CT_WITH_(ct_nn_tinycnn, (), ct_nn_cnn_options, (CT_NN_CNN_DEFAULTS), __VA_ARGS__)
#define ct_nn_simplecnn(...) CT_WITH_(ct_nn_simplecnn, (), ct_nn_cnn_options, (CT_NN_CNN_DEFAULTS), __VA_ARGS__)
#define ct_nn_resnet18(...) CT_WITH_(ct_nn_resnet18, (), ct_nn_resnet_options, (CT_NN_RESNET_DEFAULTS), __VA_ARGS__)
#define ct_nn_resnet34(...) CT_WITH_(ct_nn_resnet34, (), ct_nn_resnet_options, (CT_NN_RESNET_DEFAULTS), __VA_ARGS__)
#define ct_nn_resnet50(...) CT_WITH_(ct_nn_resnet50, (), ct_nn_resnet_options, (CT_NN_RESNET_DEFAULTS), __VA_ARGS__)
#define ct_nn_autoencoder(...) CT_WITH_(ct_nn_autoencoder, (), ct_nn_autoencoder_options, (CT_NN_AUTOENCODER_DEFAULTS), __VA_ARGS__)
#define ct_nn_conv_autoencoder(...) CT_WITH_(ct_nn_conv_autoencoder, (), ct_nn_autoencoder_options, (CT_NN_AUTOENCODER_DEFAULTS), __VA_ARGS__)
#define ct_nn_variational_autoencoder(...) CT_WITH_(ct_nn_variational_autoencoder, (), ct_nn_autoencoder_options, (CT_NN_AUTOENCODER_DEFAULTS), __VA_ARGS__)
#define ct_nn_sequential(...) CT_LIST_(ct_nn_sequential, (), ct_module *, (), __VA_ARGS__)
#define ct_nn_parameter_list(...) CT_LIST_(ct_nn_parameter_list, (), ct_tensor *, (), __VA_ARGS__)
#define ct_nn_init_he_uniform(...) CT_WITH1_(ct_nn_init_he_uniform, ct_nn_init_options, (CT_NN_INIT_HE_DEFAULTS), __VA_ARGS__)
#define ct_nn_init_he_normal(...) CT_WITH1_(ct_nn_init_he_normal, ct_nn_init_options, (CT_NN_INIT_HE_DEFAULTS), __VA_ARGS__)
#define ct_nn_init_xavier_uniform(...) CT_WITH1_(ct_nn_init_xavier_uniform, ct_nn_init_options, (CT_NN_INIT_XAVIER_DEFAULTS), __VA_ARGS__)
#define ct_nn_init_xavier_normal(...) CT_WITH1_(ct_nn_init_xavier_normal, ct_nn_init_options, (CT_NN_INIT_XAVIER_DEFAULTS), __VA_ARGS__)
#endif
#include <nn/model.h>
#include <nn/sequence.h>
#endif
