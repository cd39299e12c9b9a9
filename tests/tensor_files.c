/* Rewrites a tensor file in another format, for test_python_files.sh: tensor_files FROM TO, by the ends of the names. FROM "checkpoint": some run. */
#include <cotangent.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool ends(const char *name, const char *end)
{
    const size_t length = strlen(name), wanted = strlen(end);
    return length >= wanted && !strcmp(name + length - wanted, end);
}

static bool write_file(const char *path, const ct_named_tensor *tensors, size_t count)
{
    if (ends(path, ".npy"))
        return ct_io_npy_write(path, tensors[0].tensor);
    if (ends(path, ".npz"))
        return ct_io_npz_write(path, tensors, count, true);
    return ct_io_safetensors_write(path, tensors, count, &(ct_metadata){"format", "pt"}, 1);
}

/* Three steps of a layer whose weights are ones at first, towards none. */
static int write_checkpoint(const char *path)
{
    ct_module *net = ct_nn_linear(3, 2);
    ct_optimizer *sgd = ct_optim_sgd(net, .lr = 0.5, .momentum = 0.5);
    double best = 0.1;
    ct_train_state run = {.module = net, .optimizer = sgd, .epoch = 1, .numbers = (const ct_train_number[]){{"best", &best}, {0}}};
    ct_nn_init_ones(ct_module_find(net, "weight"));
    for (; run.step < 3 && ct_ok(); run.step++) {
        CT_SCOPE;
        ct_zero_grad(sgd);
        ct_backward(ct_sum(ct_module_find(net, "weight")));
        ct_step(sgd);
    }
    ct_train_save(&run, path);
    ct_free(sgd), ct_free(net);
    return ct_report_error();
}

int main(int words, char **word)
{
    if (words != 3)
        return 2;
    if (!strcmp(word[1], "checkpoint"))
        return write_checkpoint(word[2]);
    const char *limit = getenv("TENSOR_FILES_LIMIT");
    if (limit)
        ct_memory_set_limit((size_t)strtoull(limit, NULL, 10));
    const bool alone = ends(word[1], ".npy");
    ct_tensor_file *file = alone ? NULL : ends(word[1], ".npz") ? ct_io_npz_open(word[1]) : ct_io_safetensors_map(word[1]);
    const size_t count = alone ? 1 : ct_tensor_file_count(file);
    ct_named_tensor *tensors = calloc(count + 1, sizeof *tensors);
    for (size_t i = 0; tensors && i < count; i++) {
        const char *name = alone ? "x" : ct_tensor_file_name(file, i);
        tensors[i] = (ct_named_tensor){name, alone ? ct_io_npy_read(word[1]) : ct_tensor_file_read(file, name)};
    }
    if (tensors && ct_ok())
        write_file(word[2], tensors, count);
    free(tensors);
    ct_free(file);
    const int failed = ct_report_error();
    ct_shutdown();
    return failed;
}
