/* sentences.c - data sets of text: sentences with their class, blocks of one long text. */
#include "dataset.h"
#include "vocabulary.h"

#include <inttypes.h>
#include <string.h>

/* ---- Padding ---------------------------------------------------------------------------------------------------------------- */
static bool check_tokens(const char *call, const ct_vocabulary *vocabulary, const ct_tensor *tokens)
{
    if (!vocabulary || !tokens)
        return ct_fail("%s: %s is NULL", call, vocabulary ? "tensor" : "vocabulary");
    if (ct_dtype_of(tokens) != CT_INT64)
        return ct_fail("%s: tokens are %s, want int64", call, ct_dtype_name(ct_dtype_of(tokens)));
    return vocabulary->padding >= 0 || ct_fail("%s: the vocabulary has no padding token", call);
}

ct_tensor *ct_vocabulary_mask(const ct_vocabulary *vocabulary, ct_tensor *tokens)
{
    return check_tokens("vocabulary_mask", vocabulary, tokens) ? ct_eq(tokens, vocabulary->padding) : NULL;
}

ct_tensor *ct_vocabulary_trim(const ct_vocabulary *vocabulary, ct_tensor *tokens)
{
    if (!check_tokens("vocabulary_trim", vocabulary, tokens))
        return NULL;
    if (ct_rank(tokens) != 2 || ct_size(tokens, 1) < 1)
        return ct_fail("vocabulary_trim: want tokens (N, T), T at least 1");
    CT_SCOPE;
    const ct_tensor *dense = ct_contiguous(tokens);
    const int64_t *row = dense ? ct_data(dense) : NULL, length = ct_size(tokens, 1);
    int64_t longest = 1;
    for (int64_t i = 0; row && i < ct_size(tokens, 0); i++, row += length)
        for (int64_t last = length; last > longest; last--)
            if (row[last - 1] != vocabulary->padding)
                longest = last;
    return row ? ct_promote(ct_narrow(tokens, 1, 0, longest)) : NULL;
}

/* ---- Sentences -------------------------------------------------------------------------------------------------------------- */
ct_dataset *ct_data_sentences(const ct_texts *texts, const ct_vocabulary *vocabulary, int64_t length)
{
    if (!texts || !vocabulary)
        return ct_fail("data_sentences: %s", texts ? "vocabulary is NULL" : "texts are NULL");
    if (length < 1)
        return ct_fail("data_sentences: length %" PRId64 ", want at least 1", length);
    CT_SCOPE;
    const int64_t count = ct_texts_count(texts);
    ct_tensor *x = ct_vocabulary_encode_all(vocabulary, ct_texts_all(texts), (size_t)count, length), *y = (ct_empty)(&count, 1, CT_INT64);
    int64_t *classes = x && y ? ct_mutable_data(y) : NULL;
    for (int64_t i = 0; classes && i < count; i++)
        classes[i] = ct_texts_class(texts, i);
    return classes ? ct_data_tensors(x, y) : NULL;
}

/* ---- Blocks ----------------------------------------------------------------------------------------------------------------- */
const ct_data_blocks_options ct_data_blocks_defaults = {CT_DATA_BLOCKS_DEFAULTS.end_ = 0};

struct block_set {
    ct_dataset base;
    ct_tensor *tokens;                          /* kept, row-major */
    const int64_t *first;
    int64_t stride;
};

static void blocks_destroy(void *object)
{
    ct_release(((struct block_set *)object)->tokens);
}

static bool blocks_fill(const ct_dataset *dataset, int64_t index, uint64_t draw, void *x, void *y)
{
    (void)draw;
    const struct block_set *set = (const struct block_set *)dataset;
    const int64_t *start = set->first + index * set->stride;
    memcpy(x, start, dataset->x.bytes);
    if (y)
        memcpy(y, start + 1, dataset->y.bytes);
    return true;
}

ct_dataset *(ct_data_blocks)(ct_tensor *tokens, int64_t block, const ct_data_blocks_options *options)
{
    const ct_data_blocks_options o = options ? *options : ct_data_blocks_defaults;
    if (!tokens)
        return ct_fail("data_blocks: tokens are NULL");
    if (ct_rank(tokens) != 1 || ct_dtype_of(tokens) != CT_INT64)
        return ct_fail("data_blocks: %d axes of %s, want tokens (T) of int64", ct_rank(tokens), ct_dtype_name(ct_dtype_of(tokens)));
    if (block < 1 || o.stride < 1)
        return ct_fail("data_blocks: %s %" PRId64 ", want at least 1", block < 1 ? "block" : "stride", block < 1 ? block : o.stride);
    if (!(o.held_out >= 0 && o.held_out < 1) || (o.validation && o.held_out == 0))
        return ct_fail("data_blocks: held_out %g, want %s 0 and below 1", o.held_out, o.validation ? "above" : "at least");
    const int64_t all = ct_size(tokens, 0), training = (int64_t)((double)all * (1 - o.held_out));
    const int64_t count = o.validation ? all - training : training;
    if (count <= block)
        return ct_fail("data_blocks: %" PRId64 " tokens%s, a block of %" PRId64 " wants one more than itself", count,
                       o.held_out == 0 ? "" : o.validation ? " for validation" : " for training", block);
    struct block_set *set = object_new(sizeof *set, blocks_destroy);
    if (!set)
        return NULL;
    CT_SCOPE;
    set->tokens = ct_keep(ct_contiguous(tokens));
    set->first = set->tokens ? ct_data(set->tokens) : NULL;
    if (!set->first) {
        object_drop(set);
        return NULL;
    }
    set->first += o.validation ? training : 0;
    set->stride = o.stride;
    set->base.size = (count - block - 1) / o.stride + 1;
    set->base.x = set->base.y = (struct sample_part){{block}, 1, CT_INT64, (size_t)block * sizeof(int64_t)};
    set->base.has_y = true;
    set->base.fill = blocks_fill;
    return &set->base;
}
