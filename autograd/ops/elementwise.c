/* What all elementwise ops do: promote, broadcast, make the output, run the loop. */
#include "ops.h"

bool broadcast_sizes(const char *op, ct_tensor *const *operands, size_t count, int64_t *sizes, size_t *rank)
{
    size_t widest = 0;
    for (size_t i = 0; i < count; i++)
        if (operands[i]->rank > widest)
            widest = operands[i]->rank;
    for (size_t axis = 0; axis < widest; axis++)
        sizes[axis] = 1;
    for (size_t i = 0; i < count; i++) {
        const ct_tensor *t = operands[i];
        size_t lead = widest - t->rank;
        for (size_t axis = 0; axis < t->rank; axis++) {
            int64_t *size = &sizes[lead + axis];
            if (t->sizes[axis] == *size || t->sizes[axis] == 1)
                continue;
            if (*size != 1) {
                const ct_tensor *other = operands[0]; /* the first that has this size here */
                for (size_t j = 0; j < i; j++) {
                    other = operands[j];
                    if (other->rank + lead + axis >= widest && other->sizes[other->rank + lead + axis - widest] != 1)
                        break;
                }
                return ct_fail("%s: %s and %s do not broadcast: sizes %lld and %lld differ", op, SHAPE(other), SHAPE(t),
                               (long long)*size, (long long)t->sizes[axis]) != NULL;
            }
            *size = t->sizes[axis];
        }
    }
    *rank = widest;
    return true;
}

void run_loop(kernel_loop *run, const double *parameters, ct_tensor *const *tensors, size_t count)
{
    const ct_tensor *out = tensors[0];
    if (out->rank == 0) {
        char *p[LOOP_OPERANDS];
        static const ptrdiff_t still[LOOP_OPERANDS];
        for (size_t k = 0; k < count; k++)
            p[k] = tensors[k]->data;
        run(1, p, still, parameters);
        return;
    }
    struct loop l = {.run = run, .parameters = parameters, .operands = count, .rank = out->rank};
    memcpy(l.sizes, out->sizes, out->rank * sizeof *l.sizes);
    for (size_t k = 0; k < count; k++) {
        const ct_tensor *t = tensors[k];
        const int64_t item = (int64_t)ct_dtype_size((ct_dtype)t->dtype);
        const size_t lead = (size_t)(out->rank - t->rank);
        l.data[k] = t->data, l.items[k] = (uint8_t)item;
        for (size_t i = 0; i < out->rank; i++)
            l.steps[k][i] = i < lead || (t->sizes[i - lead] == 1 && out->sizes[i] != 1) ? 0 : t->strides[i - lead] * item;
    }
    loop_run(&l);
}

ct_tensor *elementwise(const char *op, kernel_loop *run, const double *parameters, ct_dtype out, ct_tensor **operands, size_t count)
{
    const ct_tensor *model = operands[0];
    bool alike = true;
    for (size_t i = 1; i < count && alike; i++)
        alike = same_sizes(model, operands[i]);
    ct_tensor *tensors[LOOP_OPERANDS];
    if (alike)
        tensors[0] = tensor_new_like(op, out, model);
    else {
        int64_t sizes[CT_MAX_RANK];
        size_t rank;
        if (!broadcast_sizes(op, operands, count, sizes, &rank))
            return NULL;
        model = NULL;
        for (size_t i = 0; i < count; i++) {
            if (operands[i]->flags & WANTS_GRAD && recording() && !(operands[i] = broadcast_to(operands[i], sizes, rank)))
                return NULL;
            if (!model && operands[i]->rank == rank && memcmp(operands[i]->sizes, sizes, rank * sizeof *sizes) == 0 && tensor_is_dense(operands[i]))
                model = operands[i];
        }
        tensors[0] = model ? tensor_new_like(op, out, model) : tensor_new(op, out, rank, sizes, NULL);
    }
    if (!tensors[0])
        return NULL;
    for (size_t i = 0; i < count; i++)
        tensors[i + 1] = operands[i];
    run_loop(run, parameters, tensors, count + 1);
    return tensors[0];
}
