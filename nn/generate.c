/* A language model continues a text: one token at a time, each from the distribution that those before it make likely. */
#include <float.h>
#include <math.h>

#include "nn/sequence_parts.h"

const ct_nn_generate_options ct_nn_generate_defaults = {CT_NN_GENERATE_DEFAULTS .end_ = 0};

static ct_tensor *choose(ct_tensor *logits, int64_t vocabulary, const ct_nn_generate_options *o) /* (N, vocabulary) -> (N, 1) */
{
    if (o->temperature < FLT_MIN)
        return ct_argmax(logits, -1, .keepdims = true);
    logits = ct_div(ct_sub(logits, ct_amax(logits, -1, .keepdims = true)), o->temperature); /* no quotient is above 0 */
    if (o->top_k == 0 || o->top_k >= vocabulary)
        return ct_multinomial(ct_softmax(logits, -1), 1, .generator = o->generator);
    ct_tensor *places = NULL, *best = ct_topk(logits, o->top_k, -1, .indices = &places);
    return ct_gather(places, 1, ct_multinomial(ct_softmax(best, -1), 1, .generator = o->generator));
}

/* The logits of the token behind the first `known`: of those the cache does not have, or within a block's reach all anew. */
static ct_tensor *next_logits(ct_module *gpt, ct_tensor *text, int64_t known, int64_t block, ct_nn_cache *cache)
{
    const int64_t from = cache ? ct_nn_cache_length(cache) : known > block ? known - block : 0;
    struct cached_run run;
    ct_tensor *tokens = ct_narrow(text, 1, from, known - from);
    if (!tokens || !cache_begin(&run, "gpt_generate", cache, gpt, tokens))
        return NULL;
    ct_tensor *hidden = gpt_hidden(gpt, tokens, cache);
    return cache_end(&run, hidden ? gpt_logits(gpt, ct_narrow(hidden, 1, known - from - 1, 1)) : NULL);
}

static bool continue_text(ct_module *gpt, ct_tensor *text, int64_t known, int64_t vocabulary, int64_t block, const ct_nn_generate_options *o)
{
    const int64_t all = known + o->count;
    ct_nn_cache *cache = NULL;
    if (!o->no_cache && known <= block && !(cache = ct_nn_cache_new(gpt, ct_size(text, 0), all < block ? all : block)))
        return false;
    bool good = true;
    for (; good && known < all; known++) {
        CT_SCOPE;
        ct_tensor *logits = next_logits(gpt, text, known, block, known <= block ? cache : NULL);
        good = logits && ct_copy_(ct_narrow(text, 1, known, 1), choose(ct_squeeze(logits, 1), vocabulary, o));
    }
    (ct_free)(cache);
    return good;
}

static bool check(const ct_tensor *tokens, const ct_nn_generate_options *o)
{
    char text[MODULE_PATH_BYTES];
    if (!tokens)
        return ct_ok() && ct_fail("gpt_generate: the tokens are NULL");
    if (ct_rank(tokens) != 2 || ct_dtype_of(tokens) != CT_INT64 || ct_size(tokens, 0) < 1 || ct_size(tokens, 1) < 1)
        return ct_fail("gpt_generate: tokens %s of %s, want (N, T) of int64, at least one", module_shape_text(text, tokens),
                       ct_dtype_name(ct_dtype_of(tokens))) != NULL;
    if (o->count < 1 || o->count > INT32_MAX || o->top_k < 0)
        return ct_fail("gpt_generate: count %lld, top_k %lld: want at least 1 and at least 0", (long long)o->count, (long long)o->top_k) != NULL;
    return (o->temperature >= 0 && isfinite(o->temperature)) || ct_fail("gpt_generate: temperature %g: want at least 0", o->temperature);
}

ct_tensor *(ct_nn_gpt_generate)(ct_module *gpt, ct_tensor *tokens, const ct_nn_generate_options *options)
{
    const ct_nn_generate_options *o = options ? options : &ct_nn_generate_defaults;
    int64_t vocabulary, block;
    if (!gpt_sizes("gpt_generate", gpt, &vocabulary, &block) || !check(tokens, o))
        return NULL;
    CT_NO_GRAD;
    const ct_scope scope = ct_module_enter(gpt);
    const int64_t known = ct_size(tokens, 1);
    ct_tensor *text = ct_empty_as(CT_INT64, ct_size(tokens, 0), known + o->count), *made = NULL;
    module_pause_training(gpt);
    if (scope && text && ct_copy_(ct_narrow(text, 1, 0, known), tokens) && continue_text(gpt, text, known, vocabulary, block, o))
        made = ct_contiguous(ct_narrow(text, 1, known, o->count));
    module_resume_training(gpt);
    return ct_module_leave(gpt, scope, made) ? made : NULL;
}
