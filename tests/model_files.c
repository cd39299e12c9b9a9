/* Models as other programs see them, for test_python_models.sh. A net is one of zoo.h.
 *     model_files save NET PATH              random weights
 *     model_files run NET WEIGHTS FROM TO    the output of the tensor "x" of FROM, as "y" into TO
 *     model_files partly NET WEIGHTS         what is missing and unexpected, a line each
 *     model_files export NET ONNX TO         an ONNX file, and into TO an input "x" of twice the batch and what the net makes of it, "y"
 *     model_files names                      the nets that there are */
#include "zoo.h"

static bool run(ct_module *net, const char *from, const char *to)
{
    CT_SCOPE;
    ct_tensor_file *file = ct_io_safetensors_open(from);
    ct_tensor *x = file ? ct_tensor_file_read(file, "x") : NULL, *y = x ? ct_detach(ct_forward(net, x)) : NULL;
    ct_free(file);
    return y && ct_io_safetensors_write(to, &(ct_named_tensor){"y", y}, 1, NULL, 0);
}

static bool partly(ct_module *net, const char *path)
{
    ct_load_report *report = ct_module_load_partly(net, path);
    const char *name;
    for (size_t i = 0; (name = ct_load_report_missing(report, i)); i++)
        printf("missing %s\n", name);
    for (size_t i = 0; (name = ct_load_report_unexpected(report, i)); i++)
        printf("unexpected %s\n", name);
    ct_free(report);
    return ct_ok();
}

static bool export(ct_module *net, ct_tensor *x, const char *path, const char *to)
{
    CT_SCOPE;
    const bool sequence = ct_dtype_of(x) == CT_INT64 || (ct_rank(x) == 3 && ct_size(x, 2) == 12);
    if (!ct_model_export_onnx(net, path, x, .any_length = sequence))
        return false;
    x = ct_cat(CT_TENSORS(x, x), 0);            /* another batch, and where lengths are open another length, than the example's */
    if (sequence && ct_size(x, 1) == 5)
        x = ct_cat(CT_TENSORS(x, ct_narrow(x, 1, 0, 2)), 1);
    ct_tensor *y = ct_detach(ct_forward(net, x));
    return ct_io_safetensors_write(to, (const ct_named_tensor[]){{"x", x}, {"y", y}}, 2, NULL, 0);
}

int main(int words, char **word)
{
    size_t at = 0;
    for (; words == 2 && !strcmp(word[1], "names") && at < ZOO_COUNT; at++)
        puts(zoo[at].name);
    if (words == 2)
        return at ? 0 : 2;
    while (words > 2 && at < ZOO_COUNT && strcmp(zoo[at].name, word[2]))
        at++;
    if (words < 4 || at == ZOO_COUNT)
        return 2;
    ct_module *net = zoo_make(&zoo[at]);
    if (net && !strcmp(word[1], "save"))
        ct_module_save(net, word[3]);
    else if (net && !strcmp(word[1], "partly"))
        partly(net, word[3]);
    else if (net && !strcmp(word[1], "run") && words == 6 && ct_module_load(net, word[3]))
        run(net, word[4], word[5]);
    else if (net && !strcmp(word[1], "export") && words == 5)
        export(net, zoo[at].input(), word[3], word[4]);
    ct_free(net);
    const int failed = ct_report_error();
    ct_shutdown();
    return failed;
}
