/* inspected.c - writes what the inspecting parts write into a folder (trace.json, table.txt, graph.dot) and on stdout what must be found there. */
#include <cotangent.h>
#include <string.h>

enum { STEPS = 3 };

static FILE *open_in(const char *folder, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    return f ? f : ct_fail("%s cannot be written", path);
}

int main(int count, char **words)
{
    if (count != 2)
        return 2;
    char trace[512];
    snprintf(trace, sizeof trace, "%s/trace.json", words[1]);
    ct_module *net = ct_nn_gpt(.vocabulary = 20, .block = 16, .width = 32, .layers = 2, .dropout = 0.1);
    ct_optimizer *adam = ct_optim_adam(net, .lr = 1e-3);
    ct_tensor *x = ct_randint(0, 20, 4, 16), *y = ct_randint(0, 20, 64);
    ct_profile_begin(.peak_gflops = 100, .peak_gbytes = 10);
    for (int i = 0; i < STEPS; i++) {
        CT_SCOPE;
        ct_scope_name("step \"\\\n\xc3\xa4\"");
        ct_zero_grad(adam);
        ct_backward(ct_cross_entropy(ct_flatten(ct_forward(net, x), 0, 1), y));
        ct_step(adam);
    }
    FILE *table = open_in(words[1], "table.txt");
    ct_profile_end(table, trace);
    if (table)
        fclose(table);
    printf("linear %d\nscaled_dot_product_attention %d\nlayer_norm %d\nstep %d\nlinear backward %d\n", STEPS * 9, STEPS * 2, STEPS * 5, STEPS, STEPS * 9);
    FILE *dot = open_in(words[1], "graph.dot");
    if (dot) {
        ct_module_graph_dot(net, ct_sum(ct_forward(net, x)), dot);
        fclose(dot);
    }
    ct_free(adam), ct_free(net);
    return ct_report_error();
}
