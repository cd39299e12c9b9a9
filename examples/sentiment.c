/* Is a sentence for or against? Attention over its words: rt-polarity, sentences from film reviews, where it is found, else made-up opinions. */
#include "settings.h"
#include "text_model.h"
#include "watch.h"

#include <math.h>
#include <string.h>

enum { EVALUATION_BATCH = 250, SHOWN = 8, PATH_MOST = 4096, SQUARE = 16 };

static struct settings s = {.epochs = 6, .batch_size = 32, .lr = 1e-3};
static struct watch w;
static int64_t layers = 1, heads = 4, width = 64, length = 64, min_count = 2;
static double dropout = -1, word_dropout = -1, weight_decay = 0.1, smoothing = 0.1;
static const char *map = "attention.png";
static const struct size_row sizes[] = {{"layers", &layers}, {"heads", &heads}, {"width", &width}, {"length", &length}, {0}};

static const struct option_row options[] = {
    SETTINGS_ROWS(s, "folder of rt-polarity.neg and rt-polarity.pos", "largest learning rate of AdamW"),
    WATCH_ROWS(w),
    {"layers", "N", "transformer blocks", .whole = &layers, .least = 1},
    {"heads", "N", "of attention in each", .whole = &heads, .least = 1},
    {"width", "N", "numbers that stand for a word", .whole = &width, .least = 1},
    {"length", "N", "words of a sentence that count", .whole = &length, .least = 1},
    {"min-count", "N", "rarer words are all the same to it", .whole = &min_count, .least = 1},
    {"dropout", "X", "share of values left out in training; unless given 0.3, of opinions 0", .number = &dropout},
    {"word-dropout", "X", "share of words made unknown in training; unless given 0.2, of opinions 0", .number = &word_dropout},
    {"weight-decay", "X", "of AdamW", .number = &weight_decay},
    {"smoothing", "X", "of labels", .number = &smoothing},
    {"map", "FILE", "what the words of a sentence attend to, as a picture", .text = &map},
    {0},
};

/* ---- The network ----------------------------------------------------------------------------------------------------------------- */
struct reader {
    const ct_vocabulary *vocabulary;            /* outlives the module */
    ct_module *embedding, *positions, *stack, *head;
};

/* int64 (N, T) -> (N, 2): the mean and the largest of what attention makes of the words. weights: room for each layer's, or NULL */
static ct_tensor *read_sentences(ct_module *self, ct_tensor *tokens, ct_tensor **weights)
{
    const struct reader *m = ct_module_state(self);
    const bool training = ct_module_is_training(self);
    ct_tensor *words = ct_vocabulary_trim(m->vocabulary, tokens), *padding = ct_vocabulary_mask(m->vocabulary, words);
    ct_tensor *outside = ct_unsqueeze(padding, -1), *count = ct_sum(ct_logical_not(padding), 1, .keepdims = true);
    if (training && words) {
        ct_tensor *lost = ct_lt(ct_rand_like(ct_cast(words, CT_FLOAT32)), word_dropout);
        words = ct_where(ct_logical_and(lost, ct_logical_not(padding)), ct_vocabulary_unknown(m->vocabulary), words);
    }
    ct_tensor *x = ct_forward(m->positions, ct_forward(m->embedding, words));
    x = ct_nn_transformer_run(m->stack, ct_dropout(x, .p = dropout, .eval = !training), .key_padding = padding, .weights = weights);
    ct_tensor *mean = ct_div(ct_sum(ct_masked_fill(x, outside, 0.0), 1), count), *most = ct_max(ct_masked_fill(x, outside, -1e9), 1);
    return ct_forward(m->head, ct_dropout(ct_cat(CT_TENSORS(mean, most), 1), .p = dropout, .eval = !training));
}

static ct_tensor *reader_forward(ct_module *self, ct_tensor *tokens)
{
    return read_sentences(self, tokens, NULL);
}

static ct_module *make_reader(const ct_vocabulary *vocabulary)
{
    ct_module *self = ct_module_new("Reader", reader_forward, sizeof(struct reader));
    struct reader *m = ct_module_state(self);
    if (!m)
        return NULL;
    m->vocabulary = vocabulary;
    m->embedding = ct_module_add_child(self, "embedding", ct_nn_embedding(ct_vocabulary_size(vocabulary), width, .padding_idx = ct_vocabulary_padding(vocabulary)));
    m->positions = ct_module_add_child(self, "positions", ct_nn_learned_positions(length, width));
    m->stack = ct_module_add_child(self, "stack", ct_nn_transformer_encoder(layers, width, heads, .hidden = 2 * width, .pre_norm = true, .dropout = dropout,
                                                                            .activation = CT_GELU));
    m->head = ct_module_add_child(self, "head", ct_nn_linear(2 * width, 2));
    self = ct_module_ready(self);
    ct_nn_init_normal(ct_module_find(self, "embedding.weight"), 0, 0.1, NULL); /* narrow: few sentences tell much of a word */
    ct_nn_init_normal(ct_module_find(self, "positions.weight"), 0, 0.1, NULL);
    return self;
}

/* ---- Data ------------------------------------------------------------------------------------------------------------------------ */
struct corpus {
    ct_texts *texts;
    int64_t training, testing;                  /* the first so many, and so many from `training` on */
};

static int64_t at_most(int64_t count, int64_t limit)
{
    return limit && limit < count ? limit : count;
}

static struct corpus open_corpus(void)
{
    char against[PATH_MOST], for_it[PATH_MOST];
    const bool found = ct_data_find(s.data, "text", "rt-polarity.neg", against, sizeof against) &&
                       ct_data_find(s.data, "text", "rt-polarity.pos", for_it, sizeof for_it);
    struct corpus c = {0};
    if (found) {
        printf("data: %s, %s\n", against, for_it);
        c.texts = ct_data_lines(CT_PATHS(against, for_it), .latin1 = true);
    } else if (s.data) {
        ct_fail("--data %s: no rt-polarity.neg and rt-polarity.pos in it", s.data);
    } else if (ct_ok()) {
        printf("data: no rt-polarity found, so these are SYNTHETIC opinions (--data DIR or COTANGENT_DATA=DIR for the real ones)\n");
        c.texts = ct_data_sentiment(.seed = (uint64_t)s.seed);
    }
    if (dropout < 0)                            /* opinions are without noise, and their order is hard enough to see */
        dropout = found ? 0.3 : 0;
    if (word_dropout < 0)
        word_dropout = found ? 0.2 : 0;
    const int64_t size = c.texts ? ct_texts_count(c.texts) : 0, testing = size / 10;
    c.testing = testing;
    c.training = size - testing;
    return c;
}

/* The last tenth is for testing, whatever the options; of the others the end is for validation. */
static struct sets split(const struct corpus *c, const ct_vocabulary *vocabulary)
{
    ct_dataset *all = ct_data_sentences(c->texts, vocabulary, length);
    struct sets sets = all ? sets_split(&s, ct_data_subset(all, 0, at_most(c->training, s.limit)), ct_data_subset(all, c->training, at_most(c->testing, s.test_limit)))
                           : (struct sets){0};
    ct_free(all);
    return sets;
}

/* Words that training sentences have; those of validation are strangers. */
static ct_vocabulary *training_words(const struct corpus *c)
{
    const int64_t count = at_most(c->training, s.limit), held_out = s.hold_out ? s.hold_out : count / 10;
    return held_out < count ? ct_data_words(ct_texts_all(c->texts), (size_t)(count - held_out), .min_count = min_count) : NULL;
}

/* ---- Training ---------------------------------------------------------------------------------------------------------------------- */
static void train(ct_module *net, const struct sets *sets)
{
    ct_loader *loader = ct_loader_new(sets->training, .batch_size = s.batch_size, .shuffle = true, .seed = (uint64_t)s.seed);
    ct_optimizer *adamw = ct_optim_adamw(net, .lr = s.lr, .weight_decay = weight_decay, .no_decay = "*bias,*norm*");
    const int64_t steps = s.epochs * ct_loader_batches(loader), warm_up = steps / 20 + 1;
    ct_schedule *schedule = ct_schedule_sequential(CT_SCHEDULES(ct_schedule_linear(adamw, .start = 1.0 / (double)warm_up, .steps = warm_up),
                                                                ct_schedule_cosine(adamw, steps - warm_up + 1)), warm_up);
    ct_cross_entropy_options loss = ct_cross_entropy_defaults;
    loss.label_smoothing = smoothing;
    struct watched watched;
    const ct_callbacks callbacks = watch_callbacks(&w, &watched, NULL, "Sentiment", CT_CLASS_NAMES("against", "for"));
    ct_free(ct_train_fit(net, adamw, loader, .epochs = s.epochs, .validation = sets->validation, .batch_size = EVALUATION_BATCH, .loss_context = &loss,
                         .metrics = CT_METRICS(ct_metric_accuracy), .schedule = schedule, .callbacks = callbacks, .resume = watch_resume(&w, &watched)));
    ct_free(schedule), ct_free(adamw), ct_free(loader);
}

/* ---- Looking ----------------------------------------------------------------------------------------------------------------------- */
static void show_predictions(ct_module *net, const struct corpus *c, const ct_vocabulary *vocabulary)
{
    CT_SCOPE;
    CT_NO_GRAD;
    const int64_t count = at_most(c->testing, SHOWN);
    ct_tensor *tokens = ct_vocabulary_encode_all(vocabulary, ct_texts_all(c->texts) + c->training, (size_t)count, length);
    ct_tensor *shares = ct_softmax(ct_forward(net, tokens), 1);
    for (int64_t i = 0; i < count && shares; i++) {
        const double for_it = ct_item(ct_index(shares, CT_AT(i), CT_AT(1)));
        const int64_t class = ct_texts_class(c->texts, c->training + i);
        printf("  %-7s %.2f %s %s\n", for_it > 0.5 ? "for" : "against", fmax(for_it, 1 - for_it), (for_it > 0.5) == class ? " " : "X",
               ct_texts_get(c->texts, c->training + i));
    }
}

/* The last layer's probabilities for a sentence, the mean over its heads: a row a word, dark to bright what it attends to. */
static void draw_map(ct_module *net, const struct corpus *c, const ct_vocabulary *vocabulary)
{
    CT_SCOPE;
    CT_NO_GRAD;
    ct_tensor *weights[layers];
    const char *text = ct_texts_get(c->texts, c->training);
    ct_tensor *tokens = ct_vocabulary_encode_all(vocabulary, &text, 1, 0);
    if (!tokens || !read_sentences(net, ct_narrow(tokens, 1, 0, at_most(ct_size(tokens, 1), length)), weights))
        return;
    ct_tensor *share = ct_mean(ct_squeeze(weights[layers - 1], 0), 0);
    share = ct_repeat_interleave(ct_repeat_interleave(ct_div(share, ct_max(share)), SQUARE, 0), SQUARE, 1);
    if (ct_io_png_write(map, share))
        printf("wrote: %s, for \"%s\"\n", map, text);
}

static void run(const struct corpus *c, const ct_vocabulary *vocabulary, ct_module *net, const struct sets *sets)
{
    if (s.load && ct_ok() && ct_module_load(net, s.load))
        printf("weights: %s\n", s.load);
    if (ct_ok())
        printf("%lld sentences to train on, %lld words, %lld parameters\n", (long long)ct_dataset_size(sets->training),
               (long long)ct_vocabulary_size(vocabulary), (long long)ct_module_count_parameters(net));
    if (!s.evaluate && ct_ok())
        train(net, sets);
    const double accuracy = ct_ok() ? ct_train_accuracy(net, sets->testing, EVALUATION_BATCH) : 0;
    ct_module_eval(net);
    if (ct_ok())
        show_predictions(net, c, vocabulary);
    if (!ct_io_has_png())
        printf("no map: this build of the library has no libpng\n");
    else if (ct_ok())
        draw_map(net, c, vocabulary);
    if (s.save && ct_ok() && text_model_save(s.save, net, vocabulary, sizes))
        printf("saved: %s\n", s.save);
    if (ct_ok())
        printf("test accuracy: %.4f\n", accuracy);
}

int main(int count, char **words)
{
    options_parse("Trains a classifier of sentences: for or against?", options, count, words);
    if (dropout >= 1 || word_dropout >= 1)
        options_refuse("--dropout %g, --word-dropout %g: want below 1", dropout, word_dropout);
    settings_check_path("map", map);
    watch_check(&w);
    if (!settings_apply(&s))
        return ct_report_error();
    struct corpus corpus = open_corpus();
    ct_vocabulary *vocabulary = !ct_ok() ? NULL : s.load ? text_model_vocabulary(s.load, sizes) : training_words(&corpus);
    ct_module *net = vocabulary ? make_reader(vocabulary) : NULL;
    struct sets sets = net ? split(&corpus, vocabulary) : (struct sets){0};
    run(&corpus, vocabulary, net, &sets);
    sets_free(&sets);
    ct_free(net), ct_free(vocabulary), ct_free(corpus.texts);
    int failed = ct_report_error();
    ct_shutdown();
    return failed;
}
