/* Data sets made of others: chosen samples, several joined, kept in memory, changed by a function; and every kind under workers. */
#define _GNU_SOURCE
#include <cotangent.h>

#include <math.h>
#include <stdatomic.h>

#include "files.h"

static const int64_t *classes_of(ct_dataset *set)
{
    return ct_data(ct_data_labels(set));
}

/* y is 0 to count - 1, or the class that `of` gives; x holds y and its square. */
static ct_dataset *numbered(int64_t count, int64_t (*of)(int64_t))
{
    CT_SCOPE;
    ct_tensor *y = ct_zeros_as(CT_INT64, count), *x = ct_zeros(count, 2);
    for (int64_t i = 0; i < count; i++) {
        const int64_t class = of ? of(i) : i;
        ((int64_t *)ct_mutable_data(y))[i] = class;
        ((float *)ct_mutable_data(x))[2 * i] = (float)class;
        ((float *)ct_mutable_data(x))[2 * i + 1] = (float)(class * class);
    }
    return ct_data_tensors(x, y);
}

static void assert_labels(ct_dataset *set, const int64_t *wanted, int64_t count)
{
    CT_SCOPE;
    assert_fine();
    assert_int_equal(ct_dataset_size(set), count);
    const int64_t *classes = classes_of(set);
    for (int64_t i = 0; i < count; i++)
        assert_int_equal(classes[i], wanted[i]);
}

/* ---- Choosing, joining ----------------------------------------------------------------------------------------------------- */
static void test_select_takes_samples_by_number(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_dataset *set = numbered(5, NULL), *some = ct_data_select(set, ct_vector_int(3, 0, 3, 4)), *none = ct_data_select(set, ct_zeros_as(CT_INT64, 0));
    ct_free(set);
    assert_labels(some, (const int64_t[]){3, 0, 3, 4}, 4);
    assert_labels(none, NULL, 0);
    assert_null(ct_data_select(some, ct_vector_int(1, 4)));
    assert_error("data_select: sample 4 at index 1 is not in [0, 4)");
    assert_null(ct_data_select(some, ct_vector_int(-1)));
    assert_error("sample -1 at index 0");
    assert_null(ct_data_select(some, ct_vector(1)));
    assert_error("indices are float32 with 1 axes, want int64 (K)");
    assert_null(ct_data_select(some, NULL));
    assert_error("indices are NULL");
    ct_free(some), ct_free(none);
}

static void test_concat_puts_one_behind_the_other(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_dataset *a = numbered(3, NULL), *b = numbered(0, NULL), *c = numbered(2, NULL), *set = ct_data_concat(CT_DATASETS(b, a, b, c, a, b));
    assert_labels(set, (const int64_t[]){0, 1, 2, 0, 1, 0, 1, 2}, 8);
    ct_dataset *wide = ct_data_tensors(ct_zeros(2, 3), ct_zeros_as(CT_INT64, 2)), *bare = ct_data_tensors(ct_zeros(2, 2), NULL);
    ct_dataset *floats = ct_data_tensors(ct_zeros(2, 2), ct_zeros(2));
    assert_null(ct_data_concat(CT_DATASETS(a, wide)));
    assert_error("data_concat: x of data set 1 is float32 (3), that of the first float32 (2)");
    assert_null(ct_data_concat(CT_DATASETS(a, a, floats)));
    assert_error("data_concat: y of data set 2 is float32 (), that of the first int64 ()");
    assert_null(ct_data_concat(CT_DATASETS(a, bare)));
    assert_error("data_concat: data set 1 has no y, the first has one");
    assert_null(ct_data_concat(CT_DATASETS(a, NULL)));
    assert_error("data_concat: data set 1 is NULL");
    assert_null(ct_data_concat(NULL, 0));
    assert_error("data_concat: no data sets");
    ct_free(a), ct_free(b), ct_free(c), ct_free(set), ct_free(wide), ct_free(bare), ct_free(floats);
}

static int64_t skewed(int64_t i)                /* 70 of class 0, 20 of class 7, 9 of class -2, one of class 100 */
{
    return i < 70 ? 0 : i < 90 ? 7 : i < 99 ? -2 : 100;
}

static void count_classes(ct_dataset *set, int counts[4])
{
    CT_SCOPE;
    const int64_t *classes = classes_of(set);
    memset(counts, 0, 4 * sizeof *counts);
    for (int64_t i = 0; i < ct_dataset_size(set); i++)
        counts[classes[i] == 0 ? 0 : classes[i] == 7 ? 1 : classes[i] == -2 ? 2 : 3]++;
}

static void test_a_stratified_split_keeps_proportions(void **state)
{
    (void)state;
    static const int all[4] = {70, 20, 9, 1};
    ct_dataset *set = numbered(100, skewed), *a, *b;
    bool lone[2] = {false, false};
    for (int64_t count = 0; count <= 100; count++)
        for (uint64_t seed = 0; seed < 5; seed++) {
            int in_a[4], in_b[4];
            assert_true(ct_data_split_stratified(set, count, seed, &a, &b));
            assert_int_equal(ct_dataset_size(a), count);
            count_classes(a, in_a), count_classes(b, in_b);
            for (int k = 0; k < 4; k++) {
                assert_int_equal(in_a[k] + in_b[k], all[k]);
                assert_true(fabs(in_a[k] - all[k] * (double)count / 100) < 1);
            }
            if (count == 50)
                lone[in_a[3]] = true;
            ct_free(a), ct_free(b);
        }
    assert_true(lone[0] && lone[1]);            /* a class of one sample: on either side */
    CT_SCOPE;
    ct_dataset *again, *other;
    assert_true(ct_data_split_stratified(set, 30, 1, &a, &b));
    assert_true(ct_data_split_stratified(set, 30, 1, &again, &other));
    assert_true(ct_equal(ct_data_labels(a), ct_data_labels(again)) && ct_equal(ct_data_labels(b), ct_data_labels(other)));
    ct_free(a), ct_free(b), ct_free(again), ct_free(other);
    assert_false(ct_data_split_stratified(set, 101, 0, &a, &b));
    assert_error("data_split_stratified: 101 samples of 100");
    ct_dataset *bare = ct_data_tensors(ct_zeros(2, 2), NULL), *rows = ct_data_tensors(ct_zeros(2, 2), ct_zeros(2, 3));
    assert_false(ct_data_split_stratified(bare, 1, 0, &a, &b));
    assert_error("data_labels: samples have no y");
    assert_null(ct_data_labels(rows));
    assert_error("data_labels: samples have float32 (3), want y int64 ()");
    ct_free(set), ct_free(bare), ct_free(rows);
}

/* ---- Map ------------------------------------------------------------------------------------------------------------------- */
static bool add_epoch(void *context, const ct_sample *from, const ct_sample *to)
{
    const float scale = *(const float *)context;
    for (int i = 0; i < 2; i++)
        ((float *)to->x.values)[i] = scale * ((const float *)from->x.values)[i] + (float)from->epoch;
    *(int64_t *)to->y.values = *(const int64_t *)from->y.values + 100;
    return true;
}

static bool to_pair(void *context, const ct_sample *from, const ct_sample *to) /* x (3) of int64, y float64 (): other shapes and dtypes */
{
    (void)context;
    assert_int_equal(to->x.rank, 1);
    assert_int_equal(to->x.sizes[0], 3);
    assert_null(from->y.values);
    for (int i = 0; i < 3; i++)
        ((int64_t *)to->x.values)[i] = from->index + i;
    *(double *)to->y.values = (double)((const float *)from->x.values)[1];
    return true;
}

static bool fails_at_3(void *context, const ct_sample *from, const ct_sample *to)
{
    memcpy(to->x.values, from->x.values, 2 * sizeof(float));
    *(int64_t *)to->y.values = *(const int64_t *)from->y.values;
    if (from->index == 3 && context)
        ct_fail("%s", (const char *)context);
    return from->index != 3;
}

static void test_map_calls_a_function(void **state)
{
    (void)state;
    float two = 2;
    ct_dataset *set = numbered(6, NULL), *mapped = ct_data_map(set, add_epoch, &two);
    assert_fine();
    for (int workers = 0; workers < 5; workers++) {
        ct_loader *loader = ct_loader_new(mapped, .batch_size = 4, .workers = workers);
        for (int epoch = 0; epoch < 3; epoch++)
            for (ct_batch b; ct_loader_next(loader, &b);)
                for (int64_t i = 0; i < ct_size(b.y, 0); i++) {
                    const int64_t y = ((const int64_t *)ct_data(b.y))[i] - 100;
                    assert_float_equal(((const float *)ct_data(b.x))[2 * i + 1], (float)(2 * y * y + epoch), 0);
                }
        assert_fine();
        ct_free(loader);
    }
    CT_SCOPE;
    ct_dataset *bare = ct_data_tensors(ct_reshape(ct_arange(8.0), 4, 2), NULL), *pairs = ct_data_map(bare, to_pair, NULL,
        .x = &(ct_sample_part){CT_INT64, 1, {3}}, .y = &(ct_sample_part){CT_FLOAT64});
    ct_tensor *x, *y;
    assert_true(ct_dataset_get(pairs, 2, &x, &y));
    assert_true(ct_equal(x, ct_vector_int(2, 3, 4)));
    assert_true(ct_item(y) == 5 && ct_dtype_of(y) == CT_FLOAT64 && ct_rank(y) == 0);
    ct_free(bare), ct_free(pairs), ct_free(mapped), ct_free(set);
}

static void test_a_map_that_fails(void **state)
{
    (void)state;
    ct_dataset *set = numbered(8, NULL), *quiet = ct_data_map(set, fails_at_3, NULL), *loud = ct_data_map(set, fails_at_3, "no third one");
    ct_batch b;
    for (int workers = 0; workers < 3; workers++)
        for (int i = 0; i < 2; i++) {
            ct_loader *loader = ct_loader_new(i ? loud : quiet, .batch_size = 2, .workers = workers);
            assert_true(ct_loader_next(loader, &b));
            assert_false(ct_loader_next(loader, &b));
            assert_error(i ? "no third one" : "data_map: the function failed at sample 3");
            ct_free(loader);
        }
    assert_null(ct_data_map(set, NULL, NULL));
    assert_error("data_map: function is NULL");
    assert_null(ct_data_map(NULL, fails_at_3, NULL));
    assert_error("data_map: data set is NULL");
    assert_null(ct_data_map(set, fails_at_3, NULL, .x = &(ct_sample_part){CT_FLOAT32, CT_MAX_RANK}));
    assert_error("data_map: x: rank 8 is not in [0, 8)");
    assert_null(ct_data_map(set, fails_at_3, NULL, .y = &(ct_sample_part){(ct_dtype)9}));
    assert_error("data_map: y: 9 is no dtype");
    assert_null(ct_data_map(set, fails_at_3, NULL, .y = &(ct_sample_part){CT_INT64, 1, {-2}}));
    assert_error("data_map: y: size -2 of axis 0");
    assert_null(ct_data_map(set, fails_at_3, NULL, .x = &(ct_sample_part){CT_INT64, 3, {INT64_MAX / 2, 5, 3}}));
    assert_error("data_map: x: its sizes overflow");
    int64_t value = 0;
    assert_null(ct_data_map(set, fails_at_3, NULL, .x = &(ct_sample_part){CT_INT64, .values = &value}));
    assert_error("data_map: x has values");
    ct_free(set), ct_free(quiet), ct_free(loud);
}

/* ---- Cache ----------------------------------------------------------------------------------------------------------------- */
static atomic_int calls;

static bool count_call(void *context, const ct_sample *from, const ct_sample *to)
{
    atomic_fetch_add(&calls, 1);
    memcpy(to->x.values, from->x.values, 2 * sizeof(float));
    *(int64_t *)to->y.values = from->epoch;
    return !context || from->index != *(const int64_t *)context;
}

static void test_the_cache_reads_a_sample_once(void **state)
{
    (void)state;
    ct_dataset *set = numbered(50, NULL), *counted = ct_data_map(set, count_call, NULL);
    for (int workers = 0; workers < 5; workers++) {
        ct_dataset *kept = ct_data_cache(counted);
        ct_loader *loader = ct_loader_new(kept, .batch_size = 8, .shuffle = true, .workers = workers);
        atomic_store(&calls, 0);
        assert_true(ct_loader_seek(loader, (ct_loader_position){2, 0}));
        for (int epoch = 0; epoch < 3; epoch++)
            for (ct_batch b; ct_loader_next(loader, &b);)
                for (int64_t i = 0; i < ct_size(b.y, 0); i++) {
                    const float *x = (const float *)ct_data(b.x) + 2 * i;
                    assert_true(x[1] == x[0] * x[0]);
                    assert_int_equal(((const int64_t *)ct_data(b.y))[i], 0); /* of epoch 0, though first read in epoch 2 */
                }
        assert_fine();
        assert_int_equal(atomic_load(&calls), 50);
        ct_free(loader), ct_free(kept);
    }
    ct_free(set), ct_free(counted);
}

static void test_the_cache_knows_its_limits(void **state)
{
    (void)state;
    int64_t bad = 3;
    ct_dataset *set = numbered(10, NULL), *failing = ct_data_map(set, count_call, &bad), *kept = ct_data_cache(failing, .limit = 170);
    CT_SCOPE;
    ct_tensor *x, *y;
    assert_fine();
    assert_null(ct_data_cache(set, .limit = 169));
    assert_error("data_cache: 10 samples of 16 bytes would take 170, the limit is 169");
    assert_null(ct_data_cache(set, .limit = -1));
    assert_error("data_cache: limit -1");
    assert_null(ct_data_cache(NULL));
    assert_error("data_cache: data set is NULL");
    for (int i = 0; i < 2; i++) {               /* a failed sample is not kept */
        assert_false(ct_dataset_get(kept, 3, &x, &y));
        assert_error("data_map: the function failed at sample 3");
    }
    bad = 4;
    assert_true(ct_dataset_get(kept, 3, &x, &y));
    assert_float_equal(((const float *)ct_data(x))[1], 9, 0);
    ct_free(set), ct_free(failing), ct_free(kept);
}

/* ---- Every kind under workers ---------------------------------------------------------------------------------------------- */
static ct_dataset *image_files(bool colour)
{
    enum { COUNT = 11, GREY = 28 * 28, RECORD = 1 + 3 * 32 * 32 };
    static unsigned char bytes[COUNT * RECORD + 16];
    if (colour) {
        for (int i = 0; i < COUNT * RECORD; i++)
            bytes[i] = (unsigned char)(i % RECORD ? i * 7 : i / RECORD % 10);
        write_gzip(path_of("test_batch.bin.gz"), bytes, COUNT * RECORD);
        ct_dataset *set = ct_data_cifar10(.folder = folder, .normalize = true);
        unlink(path_of("test_batch.bin.gz"));
        return set;
    }
    memcpy(bytes, ((const unsigned char[]){0, 0, 8, 3, 0, 0, 0, COUNT, 0, 0, 0, 28, 0, 0, 0, 28}), 16);
    for (int i = 0; i < COUNT * GREY; i++)
        bytes[16 + i] = (unsigned char)(i * 3);
    write_file(path_of("t10k-images-idx3-ubyte"), bytes, 16 + COUNT * GREY);
    write_file(path_of("t10k-labels-idx1-ubyte"), (const unsigned char[]){0, 0, 8, 1, 0, 0, 0, COUNT, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1}, 8 + COUNT);
    ct_dataset *set = ct_data_mnist(.folder = folder, .one_hot = true);
    unlink(path_of("t10k-images-idx3-ubyte")), unlink(path_of("t10k-labels-idx1-ubyte"));
    return set;
}

static ct_dataset *table_rows(void)
{
    write_file(path_of("t.csv"), "a,b,c\n1,x,2\n3,y,\n5,x,7\n8,,1\n2,y,2\n4,z,4\n", 39);
    ct_table *table = ct_table_csv(path_of("t.csv"));
    ct_dataset *set = ct_table_dataset(table, .label = "a", .standardize = true);
    unlink(path_of("t.csv"));
    ct_free(table);
    return set;
}

static ct_dataset *sentences(void)
{
    ct_texts *texts = ct_data_sentiment(.count = 30);
    ct_vocabulary *words = ct_data_words(ct_texts_all(texts), 30);
    ct_dataset *set = ct_data_sentences(texts, words, 12);
    ct_free(texts), ct_free(words);
    return set;
}

static void test_workers_serve_every_kind(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_dataset *digits = ct_data_digits(.count = 23), *shapes = ct_data_shapes(.count = 12), *small = numbered(21, NULL), *chosen, *rest, *even, *others;
    float three = 3;
    assert_true(ct_data_split(digits, 9, 1, &chosen, &rest));
    assert_true(ct_data_split_stratified(digits, 9, 1, &even, &others));
    ct_dataset *const sets[] = {
        digits, shapes, small, chosen, rest, even, others, image_files(false), image_files(true), table_rows(), sentences(),
        ct_data_blocks(ct_arange(30), 5, .stride = 2), ct_data_subset(digits, 3, 14), ct_data_select(digits, ct_vector_int(5, 1, 1, 20, 3)),
        ct_data_concat(CT_DATASETS(rest, digits, chosen)), ct_data_cache(shapes), ct_data_map(small, add_epoch, &three),
        ct_data_augment(shapes, .crop_padding = 3, .flip = true, .rotation = 20, .erase = 0.5)};
    const int workers[4] = {0, 1, 2, 4};
    assert_fine();
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        ct_loader *loaders[4];
        for (int k = 0; k < 4; k++)
            loaders[k] = ct_loader_new(sets[i], .batch_size = 4, .shuffle = true, .seed = i, .workers = workers[k]);
        for (int batch = 0; batch < 2 * (ct_loader_batches(loaders[0]) + 1); batch++) { /* two epochs, and their ends */
            CT_SCOPE;
            ct_batch first, b;
            const bool more = ct_loader_next(loaders[0], &first);
            for (int k = 1; k < 4; k++) {
                assert_int_equal(ct_loader_next(loaders[k], &b), more);
                assert_true(!more || (ct_equal(b.x, first.x) && (!first.y || ct_equal(b.y, first.y))));
            }
        }
        assert_fine();
        for (int k = 0; k < 4; k++) {
            assert_int_equal(ct_loader_tell(loaders[k]).epoch, 2);
            ct_free(loaders[k]);
        }
    }
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
        ct_free(sets[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_select_takes_samples_by_number),
        cmocka_unit_test(test_concat_puts_one_behind_the_other),
        cmocka_unit_test(test_a_stratified_split_keeps_proportions),
        cmocka_unit_test(test_map_calls_a_function),
        cmocka_unit_test(test_a_map_that_fails),
        cmocka_unit_test(test_the_cache_reads_a_sample_once),
        cmocka_unit_test(test_the_cache_knows_its_limits),
        cmocka_unit_test(test_workers_serve_every_kind),
    };
    const int failed = cmocka_run_group_tests(tests, make_folder, remove_folder);
    ct_shutdown();
    return failed;
}
