/* What a loader hands out when: positions and samplers. */
#include <cotangent.h>

#include <autograd/memory.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void assert_error(const char *part)
{
    if (!strstr(ct_error(), part))
        fail_msg("error \"%s\" does not say \"%s\"", ct_error(), part);
    ct_error_clear();
}

static void assert_fine(void)
{
    if (!ct_ok())
        fail_msg("%s", ct_error());
}

/* ---- Positions --------------------------------------------------------------------------------------------------------------- */
enum { BATCHES_MOST = 16, EPOCHS = 3 };

struct course {
    ct_batch batches[EPOCHS][BATCHES_MOST];     /* kept */
    int counts[EPOCHS];
};

/* Everything a loader hands out in its first epochs, with its position at each step. */
static void record(struct course *course, ct_loader *loader)
{
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
        int count = 0;
        for (ct_batch b;; count++) {
            const ct_loader_position at = ct_loader_tell(loader);
            assert_int_equal(at.epoch, epoch);
            assert_int_equal(at.batch, count);
            if (!ct_loader_next(loader, &b))
                break;
            course->batches[epoch][count] = (ct_batch){ct_keep(b.x), ct_keep(b.y)};
        }
        assert_fine();
        assert_int_equal(count, ct_loader_batches(loader));
        course->counts[epoch] = count;
    }
}

static void forget(struct course *course)
{
    for (int epoch = 0; epoch < EPOCHS; epoch++)
        for (int i = 0; i < course->counts[epoch]; i++)
            ct_release(course->batches[epoch][i].x), ct_release(course->batches[epoch][i].y);
}

/* From the position to the end of what was recorded. */
static void assert_goes_on(ct_loader *loader, const struct course *course, ct_loader_position from)
{
    for (int epoch = (int)from.epoch, i = (int)from.batch; epoch < EPOCHS; epoch++, i = 0) {
        CT_SCOPE;
        ct_batch b;
        for (; i < course->counts[epoch]; i++) {
            assert_true(ct_loader_next(loader, &b));
            assert_true(ct_equal(b.x, course->batches[epoch][i].x) && ct_equal(b.y, course->batches[epoch][i].y));
        }
        assert_false(ct_loader_next(loader, &b));
        assert_fine();
    }
}

static void test_a_loader_goes_on_from_any_position(void **state)
{
    (void)state;
    ct_dataset *images = ct_data_shapes(.count = 21), *set = ct_data_augment(images, .crop_padding = 4, .flip = true, .erase = 0.3);
    for (int shuffle = 0; shuffle < 2; shuffle++)
        for (int drop = 0; drop < 2; drop++)
            for (int workers = 0; workers < 3; workers++) {
                struct course course;
                ct_loader *whole = ct_loader_new(set, .batch_size = 4, .shuffle = shuffle, .drop_last = drop, .seed = 5);
                ct_loader *used = ct_loader_new(set, .batch_size = 4, .shuffle = shuffle, .drop_last = drop, .seed = 5, .workers = workers);
                record(&course, whole);
                for (ct_loader_position at = {0}; at.epoch < EPOCHS; at.epoch++)
                    for (at.batch = 0; at.batch <= course.counts[at.epoch]; at.batch++) {
                        ct_loader *fresh = ct_loader_new(set, .batch_size = 4, .shuffle = shuffle, .drop_last = drop, .seed = 5, .workers = workers);
                        ct_loader *both[2] = {fresh, used}; /* one that began at 0, and one in the middle of something else */
                        ct_batch b;
                        for (int i = 0; i < (int)at.batch + 2; i++)
                            ct_loader_next(used, &b);
                        for (int i = 0; i < 2; i++) {
                            assert_true(ct_loader_seek(both[i], at));
                            const ct_loader_position now = ct_loader_tell(both[i]);
                            assert_true(now.epoch == at.epoch && now.batch == at.batch);
                            assert_goes_on(both[i], &course, at);
                        }
                        ct_free(fresh);
                    }
                forget(&course);
                ct_free(whole), ct_free(used);
            }
    ct_free(images), ct_free(set);
}

static void test_positions_that_are_none(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_dataset *set = ct_data_tensors(ct_arange(0, 10), NULL);
    ct_loader *loader = ct_loader_new(set, .batch_size = 4, .shuffle = true);
    ct_batch b;
    assert_true(ct_loader_next(loader, &b));
    assert_false(ct_loader_seek(loader, (ct_loader_position){2, 4}));
    assert_error("loader_seek: batch 4 of epoch 2, which has 3");
    assert_false(ct_loader_seek(loader, (ct_loader_position){0, -1}));
    assert_error("loader_seek: batch -1 of epoch 0");
    assert_false(ct_loader_seek(loader, (ct_loader_position){-1, 0}));
    assert_error("loader_seek: epoch -1");
    assert_int_equal(ct_loader_tell(loader).batch, 1);
    assert_true(ct_size(b.x, 0) == 4 && ct_loader_next(loader, &b) && ct_loader_next(loader, &b));
    assert_int_equal(ct_size(b.x, 0), 2);       /* nothing was lost */
    assert_int_equal(ct_loader_tell(loader).batch, 3);
    assert_int_equal(ct_loader_tell(NULL).epoch, -1);
    assert_false(ct_loader_seek(NULL, (ct_loader_position){0, 0}));
    assert_error("loader_seek: loader is NULL");
    ct_free(loader), ct_free(set);
}

/* ---- Samplers ---------------------------------------------------------------------------------------------------------------- */
/* y is the number of each of count samples. */
static ct_dataset *numbers(int64_t count)
{
    CT_SCOPE;
    ct_tensor *all = ct_arange(0, count);
    return ct_data_tensors(all, all);
}

/* What one epoch hands out; returns how many. */
static int64_t epoch_of(ct_loader *loader, int64_t *numbers, int64_t most)
{
    int64_t count = 0;
    for (ct_batch b; ct_loader_next(loader, &b);)
        for (int64_t i = 0; i < ct_size(b.y, 0); i++) {
            assert_true(count < most);
            numbers[count++] = ((const int64_t *)ct_data(b.y))[i];
        }
    assert_fine();
    return count;
}

static void test_sequential_is_as_told(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_dataset *set = numbers(6);
    int64_t got[8];
    ct_loader *loader = ct_loader_new(set, .batch_size = 4, .sampler = ct_sampler_sequential(ct_vector_int(5, 0, 0, 2, 4)));
    for (int epoch = 0; epoch < 2; epoch++) {
        assert_int_equal(epoch_of(loader, got, 8), 5);
        assert_memory_equal(got, ((const int64_t[]){5, 0, 0, 2, 4}), 5 * sizeof *got);
    }
    assert_int_equal(ct_loader_batches(loader), 2);
    ct_free(loader);
    loader = ct_loader_new(set, .batch_size = 4, .sampler = ct_sampler_sequential(NULL));
    assert_int_equal(epoch_of(loader, got, 8), 6);
    assert_memory_equal(got, ((const int64_t[]){0, 1, 2, 3, 4, 5}), 6 * sizeof *got);
    ct_free(loader);
    loader = ct_loader_new(set, .sampler = ct_sampler_sequential(ct_zeros_as(CT_INT64, 0)));
    assert_int_equal(epoch_of(loader, got, 8), 0);
    ct_free(loader);
    ct_free(set);
}

static void test_weighted_draws_by_weight(void **state)
{
    (void)state;
    CT_SCOPE;
    enum { DRAWS = 100000 };
    static int64_t got[DRAWS], other[DRAWS];
    ct_dataset *set = numbers(5);
    ct_tensor *weights = ct_vector(1, 0, 3, 4, 0);
    const double share[5] = {0.125, 0, 0.375, 0.5, 0};
    ct_loader *loader = ct_loader_new(set, .batch_size = 1000, .seed = 2, .sampler = ct_sampler_weighted(weights, .count = DRAWS));
    assert_int_equal(epoch_of(loader, got, DRAWS), DRAWS);
    int64_t counts[5] = {0}, pairs = 0;
    for (int i = 0; i < DRAWS; i++)
        counts[got[i]]++;
    for (int k = 0; k < 5; k++)                 /* within five deviations */
        assert_true(fabs((double)counts[k] - DRAWS * share[k]) <= 5 * sqrt(DRAWS * share[k] * (1 - share[k])));
    for (int i = 1; i < DRAWS; i++)
        pairs += got[i] == 3 && got[i - 1] == 3;
    assert_true(fabs((double)pairs - DRAWS * 0.25) < 5 * sqrt(DRAWS * 0.25)); /* draws do not depend on those before */
    assert_int_equal(epoch_of(loader, other, DRAWS), DRAWS);
    int same = 0;
    for (int i = 0; i < DRAWS; i++)
        same += got[i] == other[i];
    assert_true(same < DRAWS / 2);              /* another epoch is another order */
    ct_free(loader);
    /* Weights whose sum no double holds, and those below the normal ones. */
    loader = ct_loader_new(set, .batch_size = 5, .sampler = ct_sampler_weighted(ct_from_array(((const double[]){1e308, 1e308, 1e308, 0, 1e308}), 5), .count = 4000));
    epoch_of(loader, got, DRAWS);
    int64_t large[5] = {0};
    for (int i = 0; i < 4000; i++)
        large[got[i]]++;
    for (int k = 0; k < 5; k++)
        assert_true(k == 3 ? large[k] == 0 : large[k] > 850 && large[k] < 1150);
    ct_free(loader);
    loader = ct_loader_new(set, .sampler = ct_sampler_weighted(ct_from_array(((const double[]){0, 5e-324, 0, 0, 0}), 5)));
    assert_int_equal(epoch_of(loader, got, DRAWS), 5);
    for (int i = 0; i < 5; i++)
        assert_int_equal(got[i], 1);
    ct_free(loader), ct_free(set);
}

static void test_weighted_without_replacement(void **state)
{
    (void)state;
    CT_SCOPE;
    enum { EPOCHS_MANY = 40000 };
    ct_dataset *set = numbers(4);
    ct_loader *loader = ct_loader_new(set, .batch_size = 4, .sampler = ct_sampler_weighted(ct_vector(1, 2, 0, 5), .count = 2, .no_replacement = true));
    int64_t firsts[4] = {0}, seconds_after_3[4] = {0}, got[4];
    for (int epoch = 0; epoch < EPOCHS_MANY; epoch++) {
        assert_int_equal(epoch_of(loader, got, 4), 2);
        assert_true(got[0] != got[1]);
        firsts[got[0]]++;
        if (got[0] == 3)
            seconds_after_3[got[1]]++;
    }
    const double first[4] = {1 / 8.0, 2 / 8.0, 0, 5 / 8.0}, second[4] = {1 / 3.0, 2 / 3.0, 0, 0};
    for (int k = 0; k < 4; k++) {
        assert_true(fabs((double)firsts[k] - EPOCHS_MANY * first[k]) <= 5 * sqrt(EPOCHS_MANY * first[k] * (1 - first[k])));
        assert_true(fabs((double)seconds_after_3[k] - (double)firsts[3] * second[k]) <= 5 * sqrt((double)firsts[3] * second[k] * (1 - second[k])));
    }
    ct_free(loader);
    loader = ct_loader_new(set, .batch_size = 4, .sampler = ct_sampler_weighted(ct_from_array(((const double[]){1e308, 1e-308, 0, 5e-324}), 4), .count = 3, .no_replacement = true));
    bool both = false;
    for (int epoch = 0; epoch < 40; epoch++) {  /* what is next to nothing is something still */
        assert_int_equal(epoch_of(loader, got, 4), 3);
        assert_int_equal(got[0], 0);
        assert_true((got[1] == 1 && got[2] == 3) || (got[1] == 3 && got[2] == 1));
        both |= got[1] == 3;
    }
    assert_true(both);
    ct_free(loader), ct_free(set);
}

/* Two of three samples are of class 5, the rest by turns of 1 and 9, and one of 4. */
static ct_tensor *some_classes(int64_t count)
{
    CT_SCOPE;
    ct_tensor *classes = ct_zeros_as(CT_INT64, count);
    for (int64_t i = 0; i < count; i++)
        ((int64_t *)ct_mutable_data(classes))[i] = i == 17 ? 4 : i % 3 ? 5 : i % 2 ? 1 : 9;
    return ct_promote(classes);
}

static void test_stratified_batches_are_alike(void **state)
{
    (void)state;
    for (int64_t count = 18; count < 90; count += 7)
        for (int64_t batch_size = 1; batch_size < 25; batch_size++) {
            CT_SCOPE;
            ct_dataset *set = numbers(count);
            ct_tensor *classes = some_classes(count);
            const int64_t *class = ct_data(classes), full = count / batch_size, rest = count % batch_size;
            ct_loader *loader = ct_loader_new(set, .batch_size = batch_size, .seed = 3, .sampler = ct_sampler_stratified(classes));
            int64_t all[10] = {0}, got[90], first[90];
            for (int64_t i = 0; i < count; i++)
                all[class[i]]++;
            for (int epoch = 0; epoch < 3; epoch++) {
                bool seen[90] = {false};
                assert_int_equal(epoch_of(loader, got, 90), count);
                for (int64_t batch = 0; batch * batch_size < count; batch++) {
                    int64_t in[10] = {0};
                    const int64_t end = batch < full ? (batch + 1) * batch_size : count;
                    for (int64_t i = batch * batch_size; i < end; i++) {
                        assert_false(seen[got[i]]); /* every sample once */
                        seen[got[i]] = true;
                        in[class[got[i]]]++;
                    }
                    for (int k = 0; k < 10; k++) {
                        const double share = (double)(all[k] * (end - batch * batch_size)) / (double)count;
                        assert_true(fabs((double)in[k] - share) < (rest && batch < full ? 1 + 1.0 / (double)full : 1));
                    }
                }
                if (epoch == 0)
                    memcpy(first, got, sizeof got);
            }
            assert_memory_not_equal(first, got, (size_t)count * sizeof *got);
            ct_free(loader), ct_free(set);
        }
}

static ct_sampler *sampler_of(int kind)
{
    CT_SCOPE;
    return kind == 0   ? ct_sampler_weighted(ct_add(1, ct_rand(21)), .count = 30)
           : kind == 1 ? ct_sampler_weighted(ct_add(1, ct_rand(21)), .count = 18, .no_replacement = true)
           : kind == 2 ? ct_sampler_stratified(some_classes(21))
                       : ct_sampler_sequential(ct_vector_int(20, 3, 3, 7, 8, 1, 0, 0, 12));
}

static ct_loader *sampled(ct_dataset *set, int kind, int workers, bool drop_last)
{
    ct_seed(7);
    return ct_loader_new(set, .batch_size = 4, .seed = 5, .workers = workers, .drop_last = drop_last, .sampler = sampler_of(kind));
}

static void test_samplers_work_with_positions_and_workers(void **state)
{
    (void)state;
    ct_dataset *images = ct_data_shapes(.count = 21), *set = ct_data_augment(images, .crop_padding = 4, .flip = true);
    for (int kind = 0; kind < 4; kind++)
        for (int drop = 0; drop < 2; drop++) {
            struct course course;
            ct_loader *whole = sampled(set, kind, 0, drop);
            record(&course, whole);
            ct_free(whole);
            for (int workers = 0; workers < 5; workers += workers ? workers : 1)
                for (ct_loader_position at = {0}; at.epoch < EPOCHS; at.epoch++)
                    for (at.batch = 0; at.batch <= course.counts[at.epoch]; at.batch += 3) {
                        ct_loader *loader = sampled(set, kind, workers, drop);
                        assert_true(ct_loader_seek(loader, at));
                        assert_goes_on(loader, &course, at);
                        ct_free(loader);
                    }
            forget(&course);
        }
    ct_free(images), ct_free(set);
}

static void test_samplers_that_are_none(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_dataset *set = numbers(3);
    assert_null(ct_sampler_weighted(ct_vector(1, -1, 2)));
    assert_error("sampler_weighted: weight -1 at index 1, want a finite number of at least 0");
    assert_null(ct_sampler_weighted(ct_vector(1, 1, NAN)));
    assert_error("at index 2");
    assert_null(ct_sampler_weighted(ct_vector(INFINITY, 1)));
    assert_error("weight inf at index 0");
    assert_null(ct_sampler_weighted(ct_vector(0, 0)));
    assert_error("sampler_weighted: no weight is above 0");
    assert_null(ct_sampler_weighted(ct_zeros(0)));
    assert_error("no weight is above 0");
    assert_null(ct_sampler_weighted(ct_vector(1, 0, 1), .no_replacement = true));
    assert_error("sampler_weighted: 3 draws without replacement from 2 samples with a weight above 0");
    assert_null(ct_sampler_weighted(ct_vector(1), .count = -1));
    assert_error("count -1");
    assert_null(ct_sampler_weighted(ct_vector_int(1, 2)));
    assert_error("weights are int64 with 1 axes");
    assert_null(ct_sampler_weighted(NULL));
    assert_error("weights are NULL");
    assert_null(ct_sampler_stratified(ct_vector(1)));
    assert_error("classes are float32 with 1 axes, want int64 (N)");
    assert_null(ct_sampler_sequential(ct_vector_int(1, -1)));
    assert_error("sampler_sequential: sample -1 at index 1");
    assert_null(ct_loader_new(set, .sampler = ct_sampler_sequential(ct_vector_int(1, 3))));
    assert_error("loader_new: the sampler has sample 3, which is not in [0, 3)");
    assert_null(ct_loader_new(set, .sampler = ct_sampler_weighted(ct_vector(1, 2))));
    assert_error("loader_new: the sampler is for 2 samples, the data set has 3");
    assert_null(ct_loader_new(set, .shuffle = true, .sampler = ct_sampler_sequential(NULL)));
    assert_error("shuffle and a sampler");
    assert_null(ct_loader_new(set, .sampler = ct_sampler_weighted(ct_vector(0, 0, 0)))); /* the loader does not go on without */
    assert_error("no weight is above 0");
    ct_sampler *taken = ct_sampler_stratified(ct_vector_int(1, 1, 2)), *unused = ct_sampler_sequential(NULL);
    ct_loader *loader = ct_loader_new(set, .sampler = taken);
    assert_fine();
    assert_null(ct_loader_new(set, .sampler = taken));
    assert_error("the sampler is another loader's");
    ct_free(taken);
    assert_error("free: part of another object");
    ct_batch b;
    for (int after = 0; after < 8; after++) {   /* without memory for an order, nothing is lost */
        memory_fail_after(after);
        const bool good = ct_loader_next(loader, &b);
        memory_fail_after(-1);
        assert_int_equal(good, ct_ok());
        ct_error_clear();
        if (good)
            break;
        assert_int_equal(ct_loader_tell(loader).batch, 0);
    }
    assert_int_equal(ct_loader_tell(loader).batch, 1);
    ct_free(loader), ct_free(unused), ct_free(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_loader_goes_on_from_any_position),
        cmocka_unit_test(test_positions_that_are_none),
        cmocka_unit_test(test_sequential_is_as_told),
        cmocka_unit_test(test_weighted_draws_by_weight),
        cmocka_unit_test(test_weighted_without_replacement),
        cmocka_unit_test(test_stratified_batches_are_alike),
        cmocka_unit_test(test_samplers_work_with_positions_and_workers),
        cmocka_unit_test(test_samplers_that_are_none),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    ct_shutdown();
    return failed;
}
