/* A run as one file: every object lists its parts under a prefix, and all of them are planned before one of them changes. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "data/loader.h"
#include "nn/module_parts.h"
#include "optim/average.h"
#include "optim/schedule.h"
#include "train/checkpoint.h"

#define VERSION_KEY "cotangent_checkpoint"
#define VERSION "1"
enum { WORD_BYTES = 64 };

/* ---- What has no file of its own ---------------------------------------------------------------------------------------------- */
enum { FACTS = 5 };
static const char *const fact_names[FACTS] = {"samples", "batch_size", "order", "drop_last", "seed"};

static void print_facts(const ct_loader *loader, char facts[FACTS][WORD_BYTES])
{
    const struct loader_facts f = loader_facts(loader);
    snprintf(facts[0], WORD_BYTES, "%" PRId64, f.samples);
    snprintf(facts[1], WORD_BYTES, "%" PRId64, f.batch_size);
    snprintf(facts[2], WORD_BYTES, "%s", f.order);
    snprintf(facts[3], WORD_BYTES, "%d", f.drop_last);
    snprintf(facts[4], WORD_BYTES, "%" PRIu64, f.seed);
}

static bool list_loader(const ct_loader *loader, struct parts *parts)
{
    char facts[FACTS][WORD_BYTES];
    const ct_loader_position at = ct_loader_tell(loader);
    print_facts(loader, facts);
    for (int i = 0; i < FACTS; i++)
        if (!parts_note(parts, fact_names[i], facts[i]))
            return false;
    return parts_note_number(parts, "epoch", (double)at.epoch) && parts_note_number(parts, "batch", (double)at.batch);
}

static void seek(void *loader, void *position)
{
    ct_loader_seek(loader, *(ct_loader_position *)position);
}

static bool plan_loader(ct_loader *loader, const struct parts_source *from, struct plan *plan)
{
    char facts[FACTS][WORD_BYTES];
    ct_loader_position at;
    print_facts(loader, facts);
    for (int i = 0; i < FACTS; i++) {
        const char *found = parts_noted(from, fact_names[i]);
        if (!found || strcmp(found, facts[i]))
            return ct_fail("%s: the loader's %s is %.40s, here %s", from->name, fact_names[i], found ? found : "missing", facts[i]) != NULL;
    }
    if (!parts_whole(from, "epoch", &at.epoch) || !parts_whole(from, "batch", &at.batch))
        return false;
    if (at.batch > ct_loader_batches(loader))
        return ct_fail("%s: the loader stands at batch %" PRId64 " of %" PRId64, from->name, at.batch, ct_loader_batches(loader)) != NULL;
    return plan_value(plan, seek, loader, &at, sizeof at);
}

static bool list_generator(ct_generator *generator, const char *key, struct parts *parts)
{
    uint64_t at[2];
    char text[WORD_BYTES];
    ct_generator_state(generator, at);
    snprintf(text, sizeof text, "%" PRIu64 " %" PRIu64, at[0], at[1]);
    return parts_note(parts, key, text);
}

static void restore_generator(void *generator, void *at)
{
    ct_generator_restore(generator, at);
}

static bool plan_generator(ct_generator *generator, const char *key, const struct parts_source *from, struct plan *plan)
{
    uint64_t at[2];
    char end;
    const char *text = parts_noted(from, key);
    if (!text || sscanf(text, "%" SCNu64 " %" SCNu64 "%c", &at[0], &at[1], &end) != 2)
        return ct_fail("%s: %s %.40s: want seed and position of a generator", from->name, key, text ? text : "is missing") != NULL;
    return plan_value(plan, restore_generator, generator, at, sizeof at);
}

static void set_whole(void *object, void *value)
{
    *(int64_t *)object = *(int64_t *)value;
}

static void set_number(void *object, void *value)
{
    *(double *)object = *(double *)value;
}

static bool plan_numbers(ct_train_state *state, const struct parts_source *from, struct plan *plan)
{
    int64_t epoch, step;
    if (!parts_whole(from, "epoch", &epoch) || !parts_whole(from, "step", &step) ||
        !plan_value(plan, set_whole, &state->epoch, &epoch, sizeof epoch) || !plan_value(plan, set_whole, &state->step, &step, sizeof step))
        return false;
    const struct parts_source numbers = {.name = from->name, .file = from->file, .prefix = "number."};
    double value;
    for (const ct_train_number *n = state->numbers; n && n->name; n++)
        if (!parts_number(&numbers, n->name, &value) || !plan_value(plan, set_number, n->value, &value, sizeof value))
            return false;
    return true;
}

/* ---- The whole ------------------------------------------------------------------------------------------------------------------ */
static bool given(const char *call, const ct_train_state *state, const char *path, bool module_wanted)
{
    const char *missing = !state ? "state" : !path ? "path" : module_wanted && !state->module ? "module" : NULL;
    if (missing)
        return ct_ok() ? ct_fail("%s: %s is NULL", call, missing) != NULL : false;
    for (const ct_train_number *n = state->numbers; n && n->name; n++)
        if (!n->value)
            return ct_fail("%s: number %s: value is NULL", call, n->name) != NULL;
    if (state->epoch < 0 || state->step < 0)
        return ct_fail("%s: epoch %" PRId64 ", step %" PRId64 ": want at least 0", call, state->epoch, state->step) != NULL;
    return true;
}

static struct parts *under(struct parts *parts, const char *prefix)
{
    parts->prefix = prefix;
    return parts;
}

static bool list(const ct_train_state *s, struct parts *parts)
{
    bool good = parts_note(parts, VERSION_KEY, VERSION) && parts_note_number(parts, "epoch", (double)s->epoch) &&
                parts_note_number(parts, "step", (double)s->step) && list_generator(NULL, "generator", parts) &&
                (!s->generator || list_generator(s->generator, "generator.own", parts)) &&
                module_list(s->module, under(parts, "module.")) &&
                (!s->optimizer || optimizer_list(s->optimizer, under(parts, "optimizer."))) &&
                (!s->schedule || schedule_list(s->schedule, under(parts, "schedule."))) &&
                (!s->average || average_list(s->average, under(parts, "average."))) &&
                (!s->loader || list_loader(s->loader, under(parts, "loader.")));
    under(parts, "number.");
    for (const ct_train_number *n = s->numbers; good && n && n->name; n++)
        good = parts_note_number(parts, n->name, *n->value);
    return good;
}

bool checkpoint_save(const ct_train_state *state, checkpoint_list *more, void *context, const char *path)
{
    if (!given("train_save", state, path, true))
        return false;
    struct parts parts = {0};
    const bool saved = list(state, &parts) && (!more || more(context, &parts)) && parts_write(&parts, path);
    parts_free(&parts);
    return saved;
}

bool ct_train_save(const ct_train_state *state, const char *path)
{
    return checkpoint_save(state, NULL, NULL, path);
}

static bool is_checkpoint(const struct parts_source *from)
{
    const char *version = parts_noted(from, VERSION_KEY);
    if (!version)
        return ct_fail("%s: no checkpoint: its metadata have no %s", from->name, VERSION_KEY) != NULL;
    return !strcmp(version, VERSION) ||
           ct_fail("%s: a checkpoint of version %.40s, want " VERSION, from->name, version);
}

static struct parts_source *at(struct parts_source *from, const char *prefix)
{
    from->prefix = prefix;
    return from;
}

/* A file without the optimizer that it is asked for should say so, not what the optimizer missed first. */
static bool has_part(const struct parts_source *from, const void *object, const char *name, const char *key)
{
    return !object || parts_noted(from, key) || ct_fail("%s: has no %s", from->name, name);
}

static bool plan_all(ct_train_state *s, struct parts_source *from, struct plan *plan)
{
    return has_part(from, s->optimizer, "optimizer", "optimizer.optimizer") && has_part(from, s->schedule, "schedule", "schedule.schedule") &&
           has_part(from, s->average, "average", "average.updates") && has_part(from, s->loader, "loader position", "loader.batch") &&
           has_part(from, s->generator, "generator but the process's", "generator.own") && plan_generator(NULL, "generator", from, plan) &&
           (!s->generator || plan_generator(s->generator, "generator.own", from, plan)) && module_plan(s->module, at(from, "module."), plan) &&
           (!s->optimizer || optimizer_plan(s->optimizer, at(from, "optimizer."), plan)) &&
           (!s->schedule || schedule_plan(s->schedule, at(from, "schedule."), plan)) &&
           (!s->average || average_plan(s->average, at(from, "average."), plan)) &&
           (!s->loader || plan_loader(s->loader, at(from, "loader."), plan));
}

static bool load(ct_train_state *state, checkpoint_plan *more, void *context, const char *path, bool all)
{
    struct plan plan = {0};
    struct parts_source from = {.name = path, .file = ct_io_safetensors_open(path)};
    const bool good = from.file && is_checkpoint(&from) && plan_numbers(state, &from, &plan) && (!all || plan_all(state, &from, &plan)) &&
                      (!more || more(context, at(&from, NULL), &plan));
    (ct_free)(from.file);
    return plan_end(&plan, good);
}

bool checkpoint_load(ct_train_state *state, checkpoint_plan *more, void *context, const char *path)
{
    return given("train_load", state, path, true) && load(state, more, context, path, true);
}

bool ct_train_load(ct_train_state *state, const char *path)
{
    return checkpoint_load(state, NULL, NULL, path);
}

bool ct_train_peek(ct_train_state *state, const char *path)
{
    return given("train_peek", state, path, false) && load(state, NULL, NULL, path, false);
}
