/* Models as files: weights of other programs, files that rebuild a model without its code. Part of nn.h. */
#ifndef COTANGENT_NN_MODEL_H
#define COTANGENT_NN_MODEL_H
#include <nn/nn.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Weights that fit in part ---------------------------------------------------------------------------------------------
 * As ct_module_load, but a name that only one side has is listed and left alone: PyTorch's strict=False. A shape or dtype that differs
 * is an error there too, and nothing changes. */
typedef struct ct_load_report ct_load_report;   /* freed by ct_free */
CT_API ct_load_report *ct_module_load_partly(ct_module *module, const char *path); /* NULL: the failure */
CT_API const char *ct_load_report_missing(const ct_load_report *report, size_t index);    /* names that the module has and the file has not, in
                                                            the module's order; NULL past the end */
CT_API const char *ct_load_report_unexpected(const ct_load_report *report, size_t index); /* the opposite, in the file's order */

/* ---- Keras ----------------------------------------------------------------------------------------------------------------- */
/* Weights of Dense, Conv2D and BatchNormalization that Keras saved: .weights.h5 of Keras 3, .h5 of Keras 2 and 3 (weights or the whole model); of a
 * .keras archive the member model.weights.h5. The k-th layer of a kind goes to the k-th Linear, Conv2d or BatchNorm, or the layers that `layers` names,
 * "conv1,bn1,fc", to these one after another. All must fit; on failure nothing changes. A Linear behind convolutions is taken to stand behind a flatten
 * of all there is, whose order is Keras's; channels_first: it is ours. What no weight tells is the caller's: eps (Keras has 1e-3), padding, activations. */
typedef struct { const char *layers; bool channels_first; char end_; } ct_module_keras_options;
CT_API extern const ct_module_keras_options ct_module_keras_defaults;
CT_API bool ct_module_load_keras(ct_module *module, const char *path, const ct_module_keras_options *options);

/* ---- Models ---------------------------------------------------------------------------------------------------------------
 * A model file holds the layers, as JSON, and the weights: one safetensors file, or, where path ends in ".json", JSON and a safetensors file of
 * the same name beside it. What the layers are made of is in it, not the mode, which gradients are wanted or the state of an optimizer. */
CT_API bool ct_model_save(const ct_module *model, const char *path);
CT_API bool ct_model_save_with(const ct_module *model, const char *path, const ct_metadata *metadata, size_t count); /* as ct_module_save_with; the metadata
                                                            are in the safetensors file. Key "cotangent.model" is taken */
CT_API ct_module *ct_model_load(const char *path); /* a new module, in training mode. No more is allocated than the file's own tensors
                                                            justify, and no random number is drawn: until the weights are read, ct_nn_init_* of
                                                            random values give 0 */

/* ---- ONNX -----------------------------------------------------------------------------------------------------------------
 * The model in evaluation mode, for onnxruntime and others: opset 17, the module's own names for weights. x is an input as the model will get;
 * the size of its first axis is left open. A file holds at most 2 GiB. */
typedef struct {
    const char *input, *output;                 /* "input", "output": names in the file */
    bool fixed_batch;                           /* the first axis is as long as x's */
    bool any_length;                            /* the second may be of any length too: sequences */
    char end_;
} ct_onnx_options;
CT_API bool ct_model_export_onnx(ct_module *model, const char *path, ct_tensor *x, const ct_onnx_options *options);

/* What a kind of your own is in ONNX: a function that adds nodes to the graph and returns the name of what they give. Names stay until the export
 * ends. NULL for an input returns NULL, so calls nest; "" is an input left out. */
typedef struct ct_onnx ct_onnx;
typedef const char *ct_onnx_form(ct_onnx *graph, ct_module *self, const char *x);
typedef enum { CT_ONNX_INTEGER, CT_ONNX_NUMBER, CT_ONNX_TEXT, CT_ONNX_INTEGERS, CT_ONNX_TEXTS } ct_onnx_attribute_type;
typedef struct {
    const char *name;
    ct_onnx_attribute_type type;
    int64_t integer;
    double number;
    const char *text;
    const int64_t *integers;
    const char *const *texts;
    size_t count;                               /* of integers or texts */
} ct_onnx_attribute;
CT_API const char *ct_onnx_node(ct_onnx *graph, const char *op, const char *const *inputs, size_t count, const ct_onnx_attribute *attributes,
                                size_t attribute_count);
CT_API const char *ct_onnx_tensor(ct_onnx *graph, const char *name, ct_tensor *value); /* a constant; name NULL: makes one */
CT_API const char *ct_onnx_weight(ct_onnx *graph, ct_module *self, const char *name); /* a parameter or buffer of self; "": there is none */
CT_API const char *ct_onnx_forward(ct_onnx *graph, ct_module *part, const char *x);   /* what ct_forward(part, x) is */

/* ---- Kinds of your own --------------------------------------------------------------------------------------------------------
 * A type says what a module of one kind is made of: settings, which lie in a struct of yours, and a function that makes a module of such a struct.
 * The constructor ends in ct_module_ready_as with that struct; who loads files of such models registers the type first. Types are not
 * copied: they must stay. */
typedef enum {                                  /* what lies in the struct */
    CT_SETTING_INTEGER,                         /* int64_t */
    CT_SETTING_NUMBER,                          /* double; finite */
    CT_SETTING_BOOL,                            /* bool */
    CT_SETTING_TEXT,                            /* const char *; copied by ct_module_ready_as, lent to make */
    CT_SETTING_WORD,                            /* an enum, counted from 0: in files one of `words` */
    CT_SETTING_WINDOW,                          /* int64_t: one number, CT_HW or CT_SAME */
    CT_SETTING_MODULE,                          /* ct_module *: in files the child of that name; NULL: none. make takes it over, on failure too */
    CT_SETTING_MODULES,                         /* ct_module_list: in files all children, in order. make takes them over */
    CT_SETTING_TENSORS,                         /* ct_tensor_list: in files shape and dtype of each parameter; make gets zeros */
} ct_setting_type;
typedef struct { ct_module *const *modules; size_t count; } ct_module_list;
typedef struct { ct_tensor *const *tensors; size_t count; } ct_tensor_list;
typedef struct {
    const char *key;
    ct_setting_type type;
    size_t offset;                              /* in the struct */
    bool required;                              /* a file without it is refused; else it may be left out: the value of `defaults` */
    const char *const *words;                   /* of CT_SETTING_WORD, a NULL behind the last */
} ct_setting;
typedef struct {
    const char *kind;                           /* as given to ct_module_new; not "kind" itself as a key */
    const ct_setting *settings;
    size_t count, bytes;                        /* of settings; of the struct */
    const void *defaults;                       /* such a struct; NULL: zeros */
    ct_module *(*make)(const void *settings);   /* NULL after reporting */
    ct_onnx_form *onnx;                         /* NULL: none */
} ct_module_type;
CT_API bool ct_module_register(const ct_module_type *type); /* for the whole process; the same type again does nothing */
CT_API ct_module *ct_module_ready_as(ct_module *self, const ct_module_type *type, const void *settings); /* ct_module_ready; and a file can hold self */

#ifdef __cplusplus
}
#else
#define ct_module_load_keras(module, ...) \
    CT_WITH_(ct_module_load_keras, (module, CT_HEAD_(__VA_ARGS__), ), ct_module_keras_options, (), CT_TAIL_(__VA_ARGS__))
#define ct_model_export_onnx(model, path, ...) \
    CT_WITH_(ct_model_export_onnx, (model, path, CT_HEAD_(__VA_ARGS__), ), ct_onnx_options, (), CT_TAIL_(__VA_ARGS__))
#endif
#endif
