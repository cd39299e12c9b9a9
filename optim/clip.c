/* Gradients made smaller, in one pass over those of all parameters. */
#include <math.h>

#include "autograd/memory.h"
#include "autograd/raw.h"
#include "optim/optim.h"
#include "optim/update.h"

const ct_clip_options ct_clip_defaults = {CT_CLIP_DEFAULTS .end_ = 0};

struct gradients {
    struct update *updates;
    ct_tensor **tensors;
    size_t count, room, blocks;
    double *sums;
};

static bool collect(const char *name, ct_tensor *tensor, bool is_parameter, void *context)
{
    (void)name;
    struct gradients *all = context;
    ct_tensor *g = is_parameter ? ct_gradient(tensor) : NULL;
    if (!g || !ct_numel(g))
        return true;
    for (size_t i = 0; i < all->count; i++)
        if (all->tensors[i] == g)               /* of a parameter under two names */
            return true;
    if (all->count == all->room) {
        const size_t room = all->room ? 2 * all->room : 16;
        struct update *updates = heap_resize(all->updates, room * sizeof *updates);
        if (updates)
            all->updates = updates;
        ct_tensor **tensors = updates ? heap_resize(all->tensors, room * sizeof(ct_tensor *)) : NULL;
        if (!tensors)
            return false;
        all->tensors = tensors, all->room = room;
    }
    void *elements = tensor_elements(g);
    all->updates[all->count] = (struct update){
        .p = elements, .gradient = elements, .count = (size_t)ct_numel(g), .is_double = ct_dtype_of(g) == CT_FLOAT64, .n = {.sign = 1, .shrink = 1},
    };
    all->tensors[all->count++] = g;
    all->blocks += update_blocks((size_t)ct_numel(g));
    return true;
}

static bool gather(const char *call, ct_module *module, struct gradients *all)
{
    if (!module) {
        if (ct_ok())
            ct_fail("%s: module is NULL", call);
        return false;
    }
    if (ct_module_each(module, collect, all) && (all->sums = heap_zeroed(2 * all->blocks + 1, sizeof *all->sums))) {
        double *sums = all->sums;
        for (size_t i = 0; i < all->count; i++) {
            all->updates[i].sums = sums;
            sums += 2 * update_blocks(all->updates[i].count);
        }
        return true;
    }
    return ct_fail("%s: out of memory", call) != NULL;
}

static void release(struct gradients *all)
{
    heap_free(all->updates), heap_free(all->tensors), heap_free(all->sums);
}

static void apply(struct gradients *all, enum update_rule rule, double number, const char *call)
{
    for (size_t i = 0; i < all->count; i++) {
        all->updates[i].rule = rule;
        all->updates[i].n.rate = number;
    }
    update_run(all->updates, all->count);
    for (size_t i = 0; i < all->count; i++)
        tensor_changed(all->tensors[i], call);
}

double(ct_clip_grad_norm)(ct_module *module, double most, const ct_clip_options *options)
{
    const ct_clip_options *o = options ? options : &ct_clip_defaults;
    struct gradients all = {0};
    if (!(most >= 0) || !(o->norm > 0))
        return ct_fail("clip_grad_norm: at most %g of the %g-norm: want at least 0, of a norm above 0", most, o->norm), NAN;
    if (!gather("clip_grad_norm", module, &all))
        return release(&all), NAN;
    update_norms(all.updates, all.count, o->norm);
    double norm = 0;
    for (size_t block = 0; block < all.blocks; block++) {
        const double x = all.sums[2 * block];
        norm = isinf(o->norm) ? (norm >= x || isnan(norm) ? norm : x) : norm + x;
    }
    norm = o->norm == 2 ? sqrt(norm) : o->norm == 1 || isinf(o->norm) ? norm : pow(norm, 1 / o->norm);
    const double factor = isinf(most) ? 1 : most / (norm + 1e-6);
    if (o->error_if_not_finite && !isfinite(norm)) {
        ct_fail("clip_grad_norm: the norm of the gradients is %g", norm);
        norm = NAN;
    } else if (!(factor >= 1))
        apply(&all, UPDATE_scale, factor, "clip_grad_norm");
    release(&all);
    return norm;
}

bool ct_clip_grad_value(ct_module *module, double most)
{
    struct gradients all = {0};
    if (!(most >= 0))
        return ct_fail("clip_grad_value: at most %g: want at least 0", most) != NULL;
    const bool good = gather("clip_grad_value", module, &all);
    if (good)
        apply(&all, UPDATE_clamp, most, "clip_grad_value");
    release(&all);
    return good;
}
