/* What layers share: first values, and words for the summary. */
#include "nn/layer.h"

#include "autograd/raw.h"

ct_tensor *layer_uniform(double bound, const int64_t *sizes, size_t rank)
{
    ct_tensor *t = (ct_empty)(sizes, rank, ct_default_dtype());
    return ct_nn_init_uniform(t, -bound, bound, NULL) ? t : NULL;
}

const char *layer_activation(const char *call, ct_activation activation)
{
    static const char *const notes[] = {
        [CT_IDENTITY] = "",     [CT_RELU] = ", ReLU",       [CT_GELU] = ", GELU",
        [CT_TANH] = ", Tanh",   [CT_SIGMOID] = ", Sigmoid", [CT_SILU] = ", SiLU",
    };
    if ((size_t)activation < sizeof notes / sizeof *notes)
        return notes[activation];
    return ct_fail("%s: activation %d: there is none of this number", call, (int)activation);
}

bool layer_affine(ct_module *self, int64_t channels, ct_tensor **weight, ct_tensor **bias)
{
    CT_SCOPE;
    *weight = ct_module_add_parameter(self, "weight", ct_ones(channels));
    *bias = ct_module_add_parameter(self, "bias", ct_zeros(channels));
    return *weight && *bias;
}

static size_t add_pair(char *text, size_t used, int axes, const char *word, int64_t packed)
{
    int64_t pair[2];
    if (packed == CT_SAME)
        return used + (size_t)snprintf(text + used, MODULE_NOTE_BYTES - used, "%ssame", word);
    if (!window_pair("window", word, packed, 0, axes, pair))
        return used;
    if (axes == 1 || pair[0] == pair[1])
        return used + (size_t)snprintf(text + used, MODULE_NOTE_BYTES - used, "%s%lld", word, (long long)pair[1]);
    return used + (size_t)snprintf(text + used, MODULE_NOTE_BYTES - used, "%s%lldx%lld", word, (long long)pair[0], (long long)pair[1]);
}

const char *layer_window(char text[MODULE_NOTE_BYTES], int axes, int64_t kernel, int64_t stride, int64_t padding, int64_t dilation)
{
    const struct {
        const char *word;
        int64_t number, unsaid;
    } rows[] = {{", stride ", stride, 0}, {", padding ", padding, 0}, {", dilation ", dilation, 1}};
    int64_t pair[2] = {1, 1};
    window_pair("window", "kernel", kernel, 0, axes, pair);
    size_t used = axes == 1 ? (size_t)snprintf(text, MODULE_NOTE_BYTES, "%lld", (long long)pair[1])
                            : (size_t)snprintf(text, MODULE_NOTE_BYTES, "%lldx%lld", (long long)pair[0], (long long)pair[1]);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].number != rows[i].unsaid)
            used = add_pair(text, used, axes, rows[i].word, rows[i].number);
    return text;
}
