/* A language model of characters: reads a text, learns what comes next, writes on. One file holds weights and vocabulary. */
#define _POSIX_C_SOURCE 200809L
#include "settings.h"
#include "text_model.h"
#include "watch.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EVALUATION_BATCH = 64, REPORTS = 10, NAME_MOST = 4096 };

static const double HELD_OUT = 0.1;
static const char FILE_NAME[] = "tinyshakespeare.txt";

static struct settings s = {.batch_size = 12, .lr = 3e-3};
static struct watch w;
static int64_t layers = 4, heads = 4, width = 128, block = 64, steps = 2000, generate = 500, top_k = 40;
static double dropout, temperature = 0.8;
static const char *prompt = "\n";
static const struct size_row sizes[] = {{"layers", &layers}, {"heads", &heads}, {"width", &width}, {"block", &block}, {0}};

static const struct option_row options[] = {
    {"data", "PATH", "a text, or the folder of tinyshakespeare.txt", .text = &s.data},
    {"steps", "N", "batches to train on", .whole = &steps, .least = 1},
    {"epochs", "N", "as many as pass over the text so often; 0: --steps", .whole = &s.epochs},
    {"batch-size", "N", "blocks in a batch", .whole = &s.batch_size, .least = 1},
    {"block", "N", "characters that it sees at once", .whole = &block, .least = 1},
    {"layers", "N", "transformer blocks", .whole = &layers, .least = 1},
    {"heads", "N", "of attention in each", .whole = &heads, .least = 1},
    {"width", "N", "numbers that stand for a character", .whole = &width, .least = 1},
    {"dropout", "X", "share of them left out in training", .number = &dropout},
    {"lr", "X", "largest learning rate of AdamW", .number = &s.lr},
    {"seed", "N", "of weights, order of the blocks and what it writes", .whole = &s.seed},
    {"threads", "N", "0: one per core", .whole = &s.threads},
    {"limit", "N", "use the first N tokens of the text; 0: all", .whole = &s.limit},
    {"prompt", "TEXT", "what it shall go on from, a line's beginning unless given", .text = &prompt},
    {"generate", "N", "characters that it writes; 0: none", .whole = &generate},
    {"temperature", "X", "below 1: likelier ones; 0: always the likeliest", .number = &temperature},
    {"top-k", "N", "among the N likeliest alone; 0: all", .whole = &top_k},
    {"save", "FILE", "write weights and vocabulary here, as safetensors", .text = &s.save},
    {"load", "FILE", "start from these; their sizes count, not the options'", .text = &s.load},
    WATCH_ROWS(w),
    {"evaluate", NULL, "do not train (with --load)", .on = &s.evaluate},
    {0},
};

/* ---- The text ------------------------------------------------------------------------------------------------------------------ */
/* Opinions, a line each. */
static char *synthetic_text(void)
{
    ct_texts *opinions = ct_data_sentiment(.count = 3000, .seed = (uint64_t)s.seed);
    const int64_t count = ct_texts_count(opinions);
    size_t bytes = 1;
    for (int64_t i = 0; i < count; i++)
        bytes += strlen(ct_texts_get(opinions, i)) + 1;
    char *text = calloc(bytes, 1), *end = text;
    for (int64_t i = 0; i < count && text; i++)
        end += snprintf(end, bytes - (size_t)(end - text), "%s\n", ct_texts_get(opinions, i));
    ct_free(opinions);
    return text;
}

/* The caller's to free; NULL after a failure. */
static char *read_text(void)
{
    char path[NAME_MOST];
    struct stat there;
    const bool is_folder = s.data && !stat(s.data, &there) && S_ISDIR(there.st_mode);
    const bool found = (!s.data || is_folder) && ct_data_find(s.data, "text", FILE_NAME, path, sizeof path);
    if (is_folder && !found)
        return ct_fail("--data %s: no %s in it", s.data, FILE_NAME);
    if (!s.data && !found) {
        printf("data: no %s found, so these are SYNTHETIC opinions (--data PATH or COTANGENT_DATA=DIR for a real text)\n", FILE_NAME);
        return synthetic_text();
    }
    ct_texts *texts = ct_data_text(found ? path : s.data, .latin1 = true);
    char *text = texts ? strdup(ct_texts_get(texts, 0)) : NULL;
    if (text)
        printf("data: %s\n", found ? path : s.data);
    ct_free(texts);
    return text;
}

/* ---- Training ---------------------------------------------------------------------------------------------------------------------- */
static double validation_loss(ct_module *gpt, ct_dataset *blocks)
{
    double loss;
    return ct_train_evaluate(gpt, blocks, &loss, .loss = ct_loss_next_token, .batch_size = EVALUATION_BATCH) ? loss : 0;
}

/* In tenths, with a look at an eighth of the validation text after each. */
static void train(ct_module *gpt, ct_dataset *training, ct_dataset *validation)
{
    const int64_t warm_up = steps < 1000 ? (steps + 9) / 10 : 100;
    ct_optimizer *adamw = ct_optim_adamw(gpt, .lr = s.lr, .beta2 = 0.99, .weight_decay = 0.1, .no_decay = "*bias,*norm*");
    ct_schedule *schedule = ct_schedule_sequential(CT_SCHEDULES(ct_schedule_linear(adamw, .start = 1.0 / (double)warm_up, .steps = warm_up),
                                                                ct_schedule_cosine(adamw, steps - warm_up + 1)), warm_up);
    ct_loader *loader = ct_loader_new(training, .batch_size = s.batch_size, .shuffle = true, .seed = (uint64_t)s.seed);
    ct_dataset *some = ct_data_subset(validation, 0, (ct_dataset_size(validation) + 7) / 8);
    struct watched watched;
    const ct_callbacks callbacks = watch_callbacks(&w, &watched, NULL, "GPT", (ct_class_names){0});
    ct_free(ct_train_fit(gpt, adamw, loader, .steps = steps, .steps_per_epoch = (steps + REPORTS - 1) / REPORTS, .loss = ct_loss_next_token, .clip_norm = 1,
                         .validation = some, .batch_size = EVALUATION_BATCH, .schedule = schedule, .callbacks = callbacks,
                         .resume = watch_resume(&w, &watched)));
    ct_free(some), ct_free(loader), ct_free(schedule), ct_free(adamw);
}

/* ---- Writing ---------------------------------------------------------------------------------------------------------------------- */
static void write_on(ct_module *gpt, const ct_vocabulary *vocabulary)
{
    CT_SCOPE;
    ct_tensor *start = ct_unsqueeze(ct_vocabulary_encode(vocabulary, prompt), 0);
    ct_tensor *written = ct_nn_gpt_generate(gpt, start, .count = generate, .temperature = temperature, .top_k = top_k);
    const size_t bytes = written ? ct_vocabulary_decode(vocabulary, written, NULL, 0) + 1 : 0;
    char *text = bytes ? malloc(bytes) : NULL;
    if (text && ct_vocabulary_decode(vocabulary, written, text, bytes))
        printf("----\n%s%s\n----\n", prompt, text);
    free(text);
}

static void run(const ct_vocabulary *vocabulary, ct_tensor *tokens)
{
    ct_dataset *training = ct_data_blocks(tokens, block, .held_out = HELD_OUT);
    ct_dataset *validation = ct_data_blocks(tokens, block, .held_out = HELD_OUT, .validation = true, .stride = block);
    ct_module *gpt = training && validation ? ct_nn_gpt(.vocabulary = ct_vocabulary_size(vocabulary), .block = block, .width = width, .layers = layers,
                                                        .heads = heads, .dropout = dropout) : NULL;
    if (s.load && gpt && ct_module_load(gpt, s.load))
        printf("weights: %s\n", s.load);
    if (ct_ok())
        printf("%lld tokens, %lld for validation; %lld different; %lld parameters\n", (long long)ct_size(tokens, 0),
               (long long)(ct_dataset_size(validation) * block), (long long)ct_vocabulary_size(vocabulary), (long long)ct_module_count_parameters(gpt));
    if (s.epochs && ct_ok())
        steps = (s.epochs * (ct_dataset_size(training) / block) + s.batch_size) / s.batch_size;
    if (!s.evaluate && ct_ok())
        train(gpt, training, validation);
    if (s.save && ct_ok() && text_model_save(s.save, gpt, vocabulary, sizes))
        printf("saved: %s\n", s.save);
    if (generate && ct_ok())
        write_on(gpt, vocabulary);
    const double loss = ct_ok() ? validation_loss(gpt, validation) : 0;
    if (ct_ok())
        printf("validation loss: %.3f\n", loss);
    ct_free(gpt), ct_free(training), ct_free(validation);
}

int main(int count, char **words)
{
    options_parse("Trains a small GPT on the characters of a text, and lets it write.", options, count, words);
    if (dropout >= 1)
        options_refuse("--dropout %g: want below 1", dropout);
    watch_check(&w);
    if (!settings_apply(&s))
        return ct_report_error();
    char *text = read_text();
    ct_vocabulary *vocabulary = !text ? NULL : s.load ? text_model_vocabulary(s.load, sizes) : ct_data_characters(&(const char *){text}, 1);
    ct_tensor *tokens = ct_ok() ? ct_vocabulary_encode(vocabulary, text) : NULL;
    if (tokens && s.limit && s.limit < ct_size(tokens, 0))
        tokens = ct_narrow(tokens, 0, 0, s.limit);
    if (tokens)
        run(vocabulary, tokens);
    free(text);
    ct_free(vocabulary);
    int failed = ct_report_error();
    ct_shutdown();
    return failed;
}
