/* Models as other programs see them, for test_python_models.sh. A net is one of zoo.h.
 *     model_files save NET PATH              random weights
 *     model_files run NET WEIGHTS FROM TO    the output of the tensor "x" of FROM, as "y" into TO
 *     model_files partly NET WEIGHTS         what is missing and unexpected, a line each */
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

int main(int words, char **word)
{
    size_t at = 0;
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
    ct_free(net);
    const int failed = ct_report_error();
    ct_shutdown();
    return failed;
}
