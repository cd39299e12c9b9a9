/* A classifier or a regressor of any CSV file: train_from_csv FILE --label COLUMN. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "csv_model.h"
#include "csv_parts.h"
#include "settings.h"

enum { MOST_LAYERS = 16, MOST_PARTS = 3 * MOST_LAYERS + 2, MOST_FEATURES = 1 << 20, PATH_BYTES = 4096 };
static const double most_inputs = 1 << 30;      /* 4 GiB of them */

static const char *file, *label, *drop, *categories, *run, *save, *separator = ",", *missing = "NA,NaN,nan,null", *hidden = "64,64", *activation = "gelu";
static int64_t epochs = 300, batch_size, patience = 30, seed, threads, limit;
static double validation_share = 0.15, test_share = 0.15, lr = 3e-3, weight_decay = 0.01, dropout = 0.1;
static int classify, class_weights, resume;

static const struct option_row options[] = {
    {"", "FILE", "the table: a first row of names, then a sample a row; plain or gzip", .text = &file},
    {"label", "COLUMN", "what to predict: a class where it holds text, else a number", .text = &label},
    {"classify", NULL, "a label of numbers tells classes", .on = &classify},
    {"drop", "NAMES", "leave these columns out, with commas between", .text = &drop},
    {"categories", "NAMES", "these columns are categories, though all numbers", .text = &categories},
    CSV_ROWS(separator, missing, limit),
    {"validation", "X", "share of the rows for validation", .number = &validation_share},
    {"test", "X", "share of the rows to test with", .number = &test_share},
    {"hidden", "SIZES", "of the hidden layers, with commas between; none", .text = &hidden},
    {"activation", "NAME", "relu, gelu, silu or tanh", .text = &activation},
    {"dropout", "X", "behind each hidden layer", .number = &dropout},
    {"class-weights", NULL, "rare classes count as much as common ones", .on = &class_weights},
    {"epochs", "N", "at most so many passes over the training rows", .whole = &epochs, .least = 1},
    {"patience", "N", "stop after so many without a better validation loss; 0: do not", .whole = &patience},
    {"batch-size", "N", "rows in a batch; 0: by how many there are", .whole = &batch_size},
    {"lr", "X", "learning rate of AdamW", .number = &lr},
    {"weight-decay", "X", "of AdamW", .number = &weight_decay},
    {"seed", "N", "of the parts, the weights and the order of the rows", .whole = &seed},
    {"threads", "N", "0: one per core", .whole = &threads},
    {"run", "DIR", "keep checkpoints, report.html, epochs.csv and model.safetensors there", .text = &run},
    {"resume", NULL, "go on with the run in --run DIR; all else as it was", .on = &resume},
    {"save", "FILE", "write the model for predict_csv here", .text = &save},
    {0},
};

/* ---- What was asked for ------------------------------------------------------------------------------------------------------------ */
static const struct {
    const char *name;
    ct_module *(*make)(void);
} activations[] = {{"relu", ct_nn_relu}, {"gelu", ct_nn_gelu}, {"silu", ct_nn_silu}, {"tanh", ct_nn_tanh}, {0}};

static ct_module *make_activation(void)
{
    for (int i = 0; activations[i].name; i++)
        if (!strcmp(activations[i].name, activation))
            return activations[i].make();
    options_refuse("--activation %s: want relu, gelu, silu or tanh", activation);
}

static int read_hidden(int64_t sizes[MOST_LAYERS])
{
    int count = 0;
    if (!strcmp(hidden, "none"))
        return 0;
    for (const char *at = hidden;; at++) {
        char *end;
        const long long size = strtoll(at, &end, 10);
        if (end == at || (*end && *end != ',') || size < 1 || size > 65536 || count == MOST_LAYERS)
            options_refuse("--hidden %s: want up to %d sizes of 1 to 65536, with commas between, or none", hidden, MOST_LAYERS);
        sizes[count++] = size;
        at = end;
        if (!*at)
            return count;
    }
}

static const char *in_run(char path[PATH_BYTES], const char *name)
{
    snprintf(path, PATH_BYTES, "%s/%s", run, name);
    return path;
}

static void check_run(void)
{
    char last[PATH_BYTES];
    if (!run && resume)
        options_refuse("--resume: want --run DIR too");
    if (!run)
        return;
    if (strlen(run) > PATH_BYTES - 64)
        options_refuse("--run: the path is too long");
    FILE *there = fopen(in_run(last, "last.checkpoint"), "r");
    if (there && !resume)
        options_refuse("--run %s: there is a run already: go on with it by --resume, or name another folder", run);
    if (!there && resume)
        options_refuse("--resume: there is no %s", last);
    if (there)
        fclose(there);
}

static void check_options(void)
{
    int64_t sizes[MOST_LAYERS];
    if (!label)
        options_refuse("want --label COLUMN, what is to be predicted (--help tells more)");
    if (!(validation_share > 0 && test_share > 0 && validation_share + test_share < 1))
        options_refuse("--validation %g, --test %g: want both above 0 and their sum below 1", validation_share, test_share);
    if (dropout >= 1)
        options_refuse("--dropout %g: want below 1", dropout);
    if (limit && limit < 10)
        options_refuse("--limit %lld: want at least 10", (long long)limit);
    check_run();
    const size_t length = save ? strlen(save) : 0;
    if (length > 5 && !strcmp(save + length - 5, ".json"))
        options_refuse("--save %s: want a safetensors file", save);
    if (save)
        settings_check_path("save", save);
    read_hidden(sizes);
    csv_separator(separator);
    ct_free(make_activation());
}

/* ---- The network ------------------------------------------------------------------------------------------------------------------- */
/* Of a number: mean + deviation z, a Linear that is not trained. So the file's outputs are in the label's own units, whatever reads it. */
static ct_module *make_units(double mean, double deviation)
{
    ct_module *units = ct_nn_linear(1, 1);
    ct_tensor *weight = units ? ct_module_find(units, "weight") : NULL, *bias = units ? ct_module_find(units, "bias") : NULL;
    if (weight && ct_nn_init_constant(weight, deviation) && ct_nn_init_constant(bias, mean))
        ct_require_grad(weight, false), ct_require_grad(bias, false);
    return units;
}

static ct_module *make_net(int64_t features, int64_t classes, double mean, double deviation)
{
    int64_t sizes[MOST_LAYERS], in = features;
    ct_module *parts[MOST_PARTS];
    int count = 0;
    const int layers = read_hidden(sizes);
    for (int i = 0; i < layers; in = sizes[i++]) {
        parts[count++] = ct_nn_linear(in, sizes[i]);
        parts[count++] = make_activation();
        if (dropout > 0)
            parts[count++] = ct_nn_dropout(dropout);
    }
    parts[count++] = ct_nn_linear(in, classes ? classes : 1);
    if (!classes)
        parts[count++] = make_units(mean, deviation);
    return (ct_nn_sequential)(parts, (size_t)count);
}

/* The mean square of errors counted in deviations: 1 is as good as always telling the mean. */
static ct_tensor *loss_in_deviations(ct_module *net, const ct_batch *batch, ct_tensor **outputs, void *deviation)
{
    *outputs = ct_squeeze(ct_forward(net, batch->x), 1);
    return ct_mean(ct_square(ct_div(ct_sub(*outputs, batch->y), *(double *)deviation)));
}

/* ---- The run ----------------------------------------------------------------------------------------------------------------------- */
struct task {
    ct_table_encoding *encoding;
    ct_dataset *training, *validation, *testing;
    int64_t classes;                            /* 0: a number */
    double mean, deviation, commonest;          /* of a number in the training rows; of classes */
    ct_module *net;
};

static bool measure(struct task *t)
{
    CT_SCOPE;
    ct_loader *all = ct_loader_new(t->training, .batch_size = ct_dataset_size(t->training));
    ct_batch batch;
    if (all && ct_loader_next(all, &batch)) {
        ct_tensor *y = ct_cast(batch.y, CT_FLOAT64);
        t->mean = ct_item(ct_mean(y));
        t->deviation = ct_item(ct_std(y, .correction = 0));
        const double apart = fabs(t->mean) * FLT_EPSILON;
        if (ct_ok() && t->deviation < 100 * apart && t->deviation > 0)
            fprintf(stderr, "warning: %s is known to %.2g, by float32, and deviates by %.2g; taking away %.7g in the table would help\n", label, apart,
                    t->deviation, t->mean);
        if (ct_ok() && !(t->deviation > 0))
            ct_fail("%s: %s is %g in every row to train with: nothing to predict", file, label, t->mean);
    }
    ct_free(all);
    return ct_ok();
}

static ct_table *read_table(void)
{
    char lists[PATH_BYTES];
    const int length = snprintf(lists, sizeof lists, "%s%s%s", classify ? label : "", classify && categories ? "," : "", categories ? categories : "");
    if (length >= (int)sizeof lists)
        options_refuse("--categories: the names are too long");
    ct_table *table = ct_table_csv(file, .separator = csv_separator(separator), .missing = missing, .categories = lists, .limit = limit);
    const int64_t column = ct_table_find(table, label);
    if (column >= 0 && classify && !ct_table_is_category(table, column))
        ct_fail("--classify: a comma in \"%s\" makes a list of it: want another name", label);
    return table;
}

static bool encode(struct task *t, const struct csv_parts *parts)
{
    t->encoding = ct_table_fit(parts->training, .label = label, .drop = parts->drop, .standardize = true);
    if (!t->encoding)
        return false;
    const int64_t features = ct_table_encoding_features(t->encoding), rows = ct_table_rows(parts->training);
    if (features > MOST_FEATURES || (double)features * (double)rows > most_inputs)
        return ct_fail("%s: its columns make %lld inputs in %lld rows, more than fit; --drop those with many categories", file, (long long)features, (long long)rows);
    t->training = ct_table_encode(parts->training, t->encoding);
    t->validation = ct_table_encode(parts->validation, t->encoding);
    t->testing = ct_table_encode(parts->testing, t->encoding);
    t->classes = ct_table_encoding_classes(t->encoding);
    t->commonest = parts->commonest;
    return ct_ok() && (t->classes || measure(t));
}

static bool open_table(struct task *t)
{
    ct_table *table = read_table();
    struct csv_parts parts = {0};
    const struct csv_wish wish = {file, label, drop, validation_share, test_share, (uint64_t)seed};
    const bool good = ct_ok() && csv_parts_make(table, &wish, &parts) && encode(t, &parts);
    if (good) {
        printf("rows: %lld to train with, %lld for validation, %lld to test\n", (long long)ct_dataset_size(t->training),
               (long long)ct_dataset_size(t->validation), (long long)ct_dataset_size(t->testing));
        printf("inputs: %lld\n", (long long)ct_table_encoding_features(t->encoding));
        if (t->classes)
            printf("label: %s, %lld classes\n", label, (long long)t->classes);
        else
            printf("label: %s, a number of mean %g and deviation %g\n", label, t->mean, t->deviation);
    }
    csv_parts_free(&parts);
    ct_free(table);
    return good;
}

static ct_callbacks callbacks(const struct task *t, ct_callback *list[4], const char **names)
{
    char report[PATH_BYTES], log[PATH_BYTES], title[512];
    size_t count = 0;
    if (run) {
        for (int64_t i = 0; i < t->classes; i++)
            names[i] = ct_table_encoding_class(t->encoding, i);
        list[count++] = ct_train_checkpoints(run);
        list[count++] = ct_train_log_csv(in_run(log, "epochs.csv"));
        snprintf(title, sizeof title, "%s of %s", label, file);
        list[count++] = ct_train_report(in_run(report, "report.html"), .title = title, .class_names = {names, (size_t)t->classes});
    }
    list[count++] = ct_train_early_stopping(.patience = patience ? patience : epochs, .restore_best = true); /* ends before the report does */
    return (ct_callbacks){list, count};
}

static bool train(struct task *t)
{
    char last[PATH_BYTES];
    ct_callback *list[4];
    const int64_t rows = ct_dataset_size(t->training), automatic = rows / 40 < 16 ? 16 : rows / 40 > 256 ? 256 : rows / 40;
    const char **names = calloc((size_t)t->classes + 1, sizeof *names);
    t->net = names ? make_net(ct_table_encoding_features(t->encoding), t->classes, t->mean, t->deviation) : NULL;
    ct_optimizer *adam = t->net ? ct_optim_adamw(t->net, .lr = lr, .weight_decay = weight_decay, .no_decay = "*.bias") : NULL;
    ct_tensor *weights = class_weights && t->classes ? ct_train_class_weights(t->training, t->classes) : NULL;
    ct_history *history = NULL;
    if (adam && ct_ok()) {
        ct_module_summary(t->net, stdout, 1, ct_table_encoding_features(t->encoding));
        history = ct_train_fit(t->net, adam, t->training, .epochs = epochs, .batch_size = batch_size ? batch_size : automatic, .seed = (uint64_t)seed,
                               .loss = t->classes ? ct_loss_cross_entropy : loss_in_deviations, .loss_context = t->classes ? NULL : &t->deviation,
                               .class_weights = weights, .validation = t->validation,
                               .metrics = t->classes ? CT_METRICS(ct_metric_accuracy, ct_metric_f1) : CT_METRICS(ct_metric_mae, ct_metric_rmse, ct_metric_r2),
                               .callbacks = callbacks(t, list, names), .resume = resume ? in_run(last, "last.checkpoint") : NULL);
    }
    if (history) {
        int64_t best;
        const double loss = ct_history_best(history, "val_loss", false, &best);
        printf("kept: epoch %lld, validation loss %.4f\n", (long long)best, loss);
    }
    ct_free(history), ct_free(adam);
    free(names);
    return ct_ok();
}

static bool tell(const struct task *t)
{
    double values[4], loss[1];
    if (t->classes) {
        if (!ct_train_evaluate(t->net, t->testing, values, .metrics = CT_METRICS(ct_metric_accuracy, ct_metric_f1)))
            return false;
        printf("test f1: %.4f\n", values[2]);
        printf("the commonest class alone: %.4f\n", t->commonest);
        printf("test accuracy: %.4f\n", values[1]);
        return true;
    }
    if (!ct_train_evaluate(t->net, t->testing, values, .metrics = CT_METRICS(ct_metric_mae, ct_metric_rmse, ct_metric_r2)) ||
        !ct_train_evaluate(t->net, t->validation, loss, .loss = loss_in_deviations, .loss_context = (void *)&t->deviation))
        return false;
    printf("test mae: %g, rmse: %g, in the units of %s\n", values[1], values[2], label);
    printf("test r2: %.4f\n", values[3]);
    printf("the loss is the mean square of errors in deviations of %s, 1 for always telling the mean\n", label);
    printf("validation loss: %.4f\n", loss[0]);
    return true;
}

int main(int count, char **words)
{
    char beside[PATH_BYTES];
    options_parse("Trains a classifier or a regressor on a CSV file.", options, count, words);
    check_options();
    struct task t = {0};
    ct_seed((uint64_t)seed);
    if (threads)
        ct_set_num_threads(threads < 1000 ? (int)threads : 1000);
    if (ct_ok() && open_table(&t) && train(&t)) {
        const char *path = save ? save : run ? in_run(beside, "model.safetensors") : NULL;
        if (path && csv_model_save(t.net, t.encoding, path))
            printf("saved: %s\n", path);
        if (ct_ok())
            tell(&t);
    }
    ct_free(t.net), ct_free(t.training), ct_free(t.validation), ct_free(t.testing), ct_free(t.encoding);
    const int failed = ct_report_error();
    ct_shutdown();
    return failed;
}
