// C++ sees the plain functions: pointers and counts, no macros.
#include <cotangent.h>

#include <cmath>
#include <cstdio>
#include <vector>

int main()
{
    const ct_scope scope = ct_scope_open();
    const std::vector<int64_t> sizes = {2, 3};
    const std::vector<float> values = {1, 2, 3, 4, 5, 6};
    ct_tensor *x = ct_require_grad(ct_from_array(values.data(), CT_FLOAT32, sizes.data(), sizes.size()), true);
    ct_tensor *y = ct_sum(ct_mul(ct_square(x), ct_scalar(0.5)), nullptr, 0, false);
    if (!ct_backward(y, nullptr))
        return ct_report_error();
    std::vector<float> gradient(values.size());
    ct_to_array(ct_gradient(x), gradient.data(), gradient.size() * sizeof(float));
    int failures = 0;
    for (std::size_t i = 0; i < values.size(); i++)
        failures += std::fabs(gradient[i] - values[i]) > 1e-6f;

    ct_module *parts[] = {ct_nn_linear(3, 4, nullptr), ct_nn_tanh(), ct_nn_linear(4, 1, nullptr)};
    ct_module *net = ct_nn_sequential(parts, 3);
    ct_optim_adam_options options = ct_optim_adam_defaults;
    options.lr = 1e-2;
    ct_optimizer *adam = ct_optim_adam(net, &options);
    for (int step = 0; step < 10 && ct_ok(); step++) {
        const ct_scope inner = ct_scope_open();
        ct_optimizer_zero_grad(adam);
        ct_backward(ct_mean(ct_square(ct_forward(net, x)), nullptr, 0, false), nullptr);
        ct_step(adam);
        ct_scope_close(inner);
    }
    ct_free(adam);
    ct_free(net);
    ct_scope_close(scope);
    std::printf("%s, %d wrong\n", ct_build_info(), failures);
    failures += ct_report_error();
    ct_shutdown();
    return failures;
}
