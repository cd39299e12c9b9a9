/* An optimizer of the user's own: what all have, around a function for one parameter. */
#include <string.h>

#include "autograd/raw.h"
#include "optim/optimizer.h"

enum { MOST_OWN = 8 };

struct custom {
    ct_optimizer base;
    ct_optim_update *update;
    void *context;
    struct option options[FIRST_OWN + MOST_OWN + 1];
    char texts[1 + MOST_OWN + UPDATE_STATES][OPTION_NAME_BYTES]; /* names may be gone after the constructor */
};

const ct_optim_custom_options ct_optim_custom_defaults = {CT_OPTIM_CUSTOM_DEFAULTS .end_ = 0};

static bool custom_prepare(ct_optimizer *self, struct parameter *p, const double *o, int64_t step, struct update *u)
{
    (void)self, (void)p, (void)o, (void)step, (void)u;
    return true;
}

static bool custom_run(ct_optimizer *base, struct update *updates, size_t count)
{
    struct custom *self = (struct custom *)base;
    for (size_t i = 0; i < count; i++) {
        CT_SCOPE;
        const struct parameter *p = base->updated[i];
        const uint64_t failures = error_count();
        ct_tensor *g = ct_gradient(p->tensor);
        const double sign = updates[i].n.sign;
        const ct_optim_parameter given = {
            .name = p->name, .value = p->tensor, .gradient = sign == 1 ? g : ct_mul(g, sign), .states = p->states, .step = p->steps + 1,
            .group = p->group,
        };
        if (!given.gradient || !self->update(base, &given, self->context) || error_count() != failures)
            return ct_fail("%s: the update of %s failed", base->kind.name, p->name) != NULL;
    }
    return true;
}

static const char *copy_name(char *to, const char *name, const char *what)
{
    if (!name || !*name || strlen(name) >= OPTION_NAME_BYTES)
        return ct_fail("optim_custom: %s \"%s\": want a name of 1 to %d characters", what, name ? name : "", OPTION_NAME_BYTES - 1);
    return strcpy(to, name);
}

/* optimizer_new wants the kind before there is an object whose texts it could point to: they are copied there afterwards. */
static bool describe(struct custom *self, const char *name, const ct_optim_custom_options *o, double *values)
{
    static const struct option shared[] = {SHARED_OPTIONS};
    memcpy(self->options, shared, sizeof shared);
    size_t count = 0, text = 0;
    if (!(self->base.kind.name = copy_name(self->texts[text++], name, "name")))
        return false;
    for (; o->options && o->options[count].name; count++) {
        if (count == MOST_OWN)
            return ct_fail("%s: more than %d options", name, MOST_OWN) != NULL;
        struct option *option = &self->options[FIRST_OWN + count];
        *option = (struct option){copy_name(self->texts[text++], o->options[count].name, "option"), ANY};
        if (!option->name)
            return false;
        values[FIRST_OWN + count] = o->options[count].value;
    }
    for (size_t k = 0; k <= UPDATE_STATES && o->states[k]; k++) {
        if (k == UPDATE_STATES)
            return ct_fail("%s: more than %d states", name, UPDATE_STATES) != NULL;
        if (!(self->base.kind.states[k] = copy_name(self->texts[text++], o->states[k], "state")))
            return false;
    }
    return true;
}

static void point_to_own(struct custom *self, const struct custom *from)
{
    memcpy(self->texts, from->texts, sizeof self->texts);
    memcpy(self->options, from->options, sizeof self->options);
    size_t text = 0;
    self->base.kind.name = self->texts[text++];
    for (size_t i = FIRST_OWN; self->options[i].name; i++)
        self->options[i].name = self->texts[text++];
    for (size_t k = 0; k < UPDATE_STATES && self->base.kind.states[k]; k++)
        self->base.kind.states[k] = self->texts[text++];
    self->base.kind.options = self->options;
}

ct_optimizer *(ct_optim_custom)(const char *name, ct_module *module, ct_optim_update *update, const ct_optim_custom_options *options)
{
    const ct_optim_custom_options *o = options ? options : &ct_optim_custom_defaults;
    struct custom draft = {.base.kind = {.prepare = custom_prepare, .run = custom_run}};
    double values[MOST_OPTIONS] = {SHARED_VALUES(o)};
    if (!update)
        return ct_fail("optim_custom: update is NULL");
    if (!describe(&draft, name, o, values))
        return NULL;
    draft.base.kind.options = draft.options;
    struct custom *self = optimizer_new(sizeof *self, &draft.base.kind, module, values, o->only, o->no_decay);
    if (!self)
        return NULL;
    self->update = update;
    self->context = o->context;
    point_to_own(self, &draft);
    return &self->base;
}
