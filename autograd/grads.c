/* Gradients of chosen tensors: a walk that goes only where it leads to one of them. */
#include "checkpoint.h"
#include "profile.h"

void walk_judge(const struct walk *w, ct_node *node)
{
    node->needed = node->freed;                 /* whether it could not be told any more: let the visit say so */
    for (size_t i = 0; i < node->input_count; i++) {
        struct edge *e = &node->edges[i];
        const ct_tensor *x = e->tensor;
        e->leads = x && e->wants && (walk_target(w, x) || (x->node && x->node->needed));
        for (size_t t = 0; x && e->wants && x->node && t < w->target_count && !e->leads; t++)
            e->leads = w->targets[t].tensor->node == x->node;
        node->needed |= e->leads;
    }
}

/* Marks the nodes from which a target can be reached. All nodes are claimed on the way, in falling order of keys, and judged
 * in the reverse order: what a node is computed from is judged before it. */
static bool mark_needed(struct walk *w, ct_tensor *const *outputs, size_t output_count)
{
    ct_node **order = NULL;
    size_t count = 0, room = 0;
    bool ok = true;
    for (size_t i = 0; i < output_count && ok; i++)
        ok = !outputs[i]->node || walk_claim(w, outputs[i], NULL);
    while (w->count) {
        ct_node *node = walk_next(w);
        if (ok && count == room) {
            size_t bigger = room ? 2 * room : 256;
            ct_node **more = memory_get(bigger * sizeof *more);
            ok = more || ct_fail("%s: out of memory", w->name);
            if (more) {
                if (count)
                    memcpy(more, order, count * sizeof *more);
                memory_put(order, room * sizeof *order);
                order = more, room = bigger;
            }
        }
        if (!ok) {
            walk_unclaim(node);
            continue;
        }
        order[count++] = node;
        for (size_t i = 0; i < node->input_count && ok; i++)
            if (node->edges[i].wants && node->edges[i].tensor && node->edges[i].tensor->node)
                ok = walk_claim(w, node->edges[i].tensor, NULL);
    }
    for (size_t n = count; n-- > 0;) {
        order[n]->mark = w->mark;
        walk_judge(w, order[n]);
    }
    for (size_t n = 0; n < count; n++)
        walk_unclaim(order[n]);
    memory_put(order, room * sizeof *order);
    return ok;
}

static bool collect(struct walk *w, ct_tensor *const *inputs, ct_tensor **gradients, bool allow_unused)
{
    bool ok = true;
    for (size_t i = 0; i < w->target_count && ok; i++) {
        const struct target *first = w->targets;
        while (first->tensor != inputs[i])      /* an input named twice gets the one gradient twice */
            first++;
        gradients[i] = first->gradient;
        if (!gradients[i] && !allow_unused)
            ok = ct_fail("grad: input %zu, %s, was not used to compute the output; .allow_unused = true gives NULL for it", i, SHAPE(inputs[i])) != NULL;
    }
    for (size_t i = 0; i < w->target_count; i++) {
        ct_tensor *g = w->targets[i].gradient;
        if (g && ok)
            ok = scope_adopt(g);
        else if (g)
            tensor_drop(g);
    }
    for (size_t i = 0; i < w->target_count && !ok; i++)
        gradients[i] = NULL;
    return ok;
}

bool(ct_grads)(ct_tensor *const *outputs, size_t output_count, ct_tensor *const *inputs, size_t input_count, ct_tensor **gradients,
               const ct_grad_options *options)
{
    ct_grad_options o = options ? *options : (ct_grad_options){0};
    if (!outputs || !inputs || !gradients || !output_count || !input_count)
        return ct_fail("grad: want at least one output, one input and room for the gradients") != NULL;
    for (size_t i = 0; i < input_count; i++)
        gradients[i] = NULL;
    for (size_t i = 0; i < output_count; i++)
        if (!walk_check_root("grad", outputs[i], o.cotangents ? o.cotangents[i] : NULL))
            return false;
    for (size_t i = 0; i < input_count; i++) {
        if (!given_shape("grad", "an input", inputs[i]))
            return false;
        if (!(inputs[i]->flags & WANTS_GRAD))
            return ct_fail("grad: input %zu, %s, wants no gradient", i, SHAPE(inputs[i])) != NULL;
    }
    PROFILE_SPAN("(walk of the graph)");
    struct target few[8], *targets = input_count <= COUNT_OF(few) ? few : memory_get(input_count * sizeof *targets);
    if (!targets)
        return ct_fail("grad: out of memory") != NULL;
    for (size_t i = 0; i < input_count; i++)
        targets[i] = (struct target){.tensor = inputs[i]};
    struct walk w = {.name = "grad", .retain = o.retain_graph || o.create_graph, .targets = targets, .target_count = input_count,
                     .mark = graph_mark()};
    bool was = ct_set_recording(false);
    bool ok = mark_needed(&w, outputs, output_count);
    ct_set_recording(o.create_graph);
    for (size_t i = 0; i < output_count && ok; i++)
        ok = walk_start(&w, outputs[i], o.cotangents ? o.cotangents[i] : NULL);
    ok = walk_run(&w) && ok;
    ct_set_recording(was);
    if (ok)
        ok = collect(&w, inputs, gradients, o.allow_unused);
    else
        for (size_t i = 0; i < input_count; i++)
            if (targets[i].gradient)
                tensor_drop(targets[i].gradient);
    if (targets != few)
        memory_put(targets, input_count * sizeof *targets);
    return ok;
}

ct_tensor *(ct_grad)(ct_tensor *output, ct_tensor *input, const ct_grad_options *options)
{
    ct_grad_options o = options ? *options : (ct_grad_options){0};
    ct_tensor *gradient = NULL;
    if (o.cotangent)
        o.cotangents = &o.cotangent;
    return (ct_grads)(&output, 1, &input, 1, &gradient, &o) ? gradient : NULL;
}
