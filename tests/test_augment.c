/* Augmentation: each change by itself against a plain reading of its rule, and what its draws depend on. */
#define _GNU_SOURCE
#include <cotangent.h>

#include <autograd/memory.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { COUNT = 64, CHANNELS = 2, HEIGHT = 6, WIDTH = 5, PLANE = HEIGHT * WIDTH, SAMPLE = CHANNELS * PLANE };

static void assert_error(const char *part)
{
    if (!strstr(ct_error(), part))
        fail_msg("error \"%s\" does not say \"%s\"", ct_error(), part);
    ct_error_clear();
}

/* Pixels 1, 2, 3, ... of each sample, so that each tells where it came from and none is 0. */
static ct_dataset *numbered(void)
{
    CT_SCOPE;
    ct_tensor *one = (ct_arange)(1, SAMPLE + 1, 1, CT_FLOAT32);
    ct_tensor *x = ct_mul(ct_reshape(one, 1, CHANNELS, HEIGHT, WIDTH), ct_ones(COUNT, 1, 1, 1));
    ct_dataset *set = ct_data_tensors(x, ct_cast((ct_arange)(0, COUNT, 1, CT_FLOAT32), CT_INT64));
    assert_true(ct_ok());
    return set;
}

static float value_at(int channel, int row, int column)
{
    return row < 0 || row >= HEIGHT || column < 0 || column >= WIDTH ? 0 : (float)(channel * PLANE + row * WIDTH + column + 1);
}

static const float *sample(ct_dataset *set, int64_t index)
{
    ct_tensor *x, *y;
    assert_true(ct_dataset_get(set, index, &x, &y));
    assert_int_equal(ct_item_int(y), index);
    return ct_data(x);
}

static bool is_shifted(const float *values, int dy, int dx, bool mirrored)
{
    for (int channel = 0; channel < CHANNELS; channel++)
        for (int row = 0; row < HEIGHT; row++)
            for (int column = 0; column < WIDTH; column++)
                if (values[channel * PLANE + row * WIDTH + (mirrored ? WIDTH - 1 - column : column)] != value_at(channel, row + dy, column + dx))
                    return false;
    return true;
}

static void test_nothing_asked_changes_nothing(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_dataset *plain = numbered(), *set = ct_data_augment(plain);
    ct_free(plain);                             /* the other one holds it */
    assert_int_equal(ct_dataset_size(set), COUNT);
    for (int i = 0; i < COUNT; i++)
        assert_true(is_shifted(sample(set, i), 0, 0, false));
    ct_free(set);
}

static void test_crop_and_flip_move_whole_pixels(void **state)
{
    (void)state;
    enum { PADDING = 7 };                       /* beyond both sides: some crops see nothing */
    CT_SCOPE;
    ct_dataset *plain = numbered(), *set = ct_data_augment(plain, .crop_padding = PADDING, .flip = true);
    ct_dataset *unmoved = ct_data_augment(plain, .flip = true), *near = ct_data_augment(plain, .crop_padding = 1);
    int seen_y[2 * PADDING + 1] = {0}, seen_x[2 * PADDING + 1] = {0}, flips = 0, shifts = 0;
    for (int i = 0; i < COUNT; i++) {
        const float *values = sample(set, i);
        int found = 0;
        for (int dy = -PADDING; dy <= PADDING && !found; dy++)
            for (int dx = -PADDING; dx <= PADDING && !found; dx++)
                for (int mirrored = 0; mirrored < 2 && !found; mirrored++)
                    if (is_shifted(values, dy, dx, mirrored))
                        found = 1, seen_y[dy + PADDING]++, seen_x[dx + PADDING]++;
        assert_true(found);
        const float *turned = sample(unmoved, i);
        assert_true(is_shifted(turned, 0, 0, false) || is_shifted(turned, 0, 0, true));
        flips += is_shifted(turned, 0, 0, true);
        found = 0;
        for (int dy = -1; dy <= 1; dy++)
            for (int dx = -1; dx <= 1; dx++)
                found += is_shifted(sample(near, i), dy, dx, false);
        assert_int_equal(found, 1);
        shifts += !is_shifted(sample(near, i), 0, 0, false);
    }
    assert_in_range(flips, 16, 48);
    assert_in_range(shifts, 40, 64);            /* 8 in 9 */
    int rows = 0, columns = 0;
    for (int i = 0; i < 2 * PADDING + 1; i++)
        rows += seen_y[i] > 0, columns += seen_x[i] > 0;
    assert_true(rows >= 9 && columns >= 8);
    ct_free(plain), ct_free(set), ct_free(unmoved), ct_free(near);
}

/* A ramp stays a ramp under bilinear turning, so that its slope tells the angle. */
static void test_rotation_turns_about_the_middle(void **state)
{
    (void)state;
    enum { SIDE = 21, MIDDLE = SIDE / 2 };
    CT_SCOPE;
    ct_tensor *ramp = (ct_arange)(-MIDDLE, MIDDLE + 1, 1, CT_FLOAT32);
    ct_tensor *x = ct_mul(ct_add(ct_reshape(ramp, 1, 1, 1, SIDE), 100), ct_ones(COUNT, 1, SIDE, 1));
    ct_dataset *plain = ct_data_tensors(x, NULL), *set = ct_data_augment(plain, .rotation = 15);
    double least = 1, most = -1;
    for (int i = 0; i < COUNT; i++) {
        ct_tensor *turned, *none;
        assert_true(ct_dataset_get(set, i, &turned, &none));
        const float *values = ct_data(turned);
        const double by_column = values[MIDDLE * SIDE + MIDDLE + 1] - values[MIDDLE * SIDE + MIDDLE];
        const double by_row = values[(MIDDLE + 1) * SIDE + MIDDLE] - values[MIDDLE * SIDE + MIDDLE], angle = atan2(by_row, by_column);
        assert_float_equal(hypot(by_column, by_row), 1, 1e-4);
        for (int row = MIDDLE - 6; row <= MIDDLE + 6; row++)
            for (int column = MIDDLE - 6; column <= MIDDLE + 6; column++)
                assert_float_equal(values[row * SIDE + column], 100 + (column - MIDDLE) * by_column + (row - MIDDLE) * by_row, 1e-3);
        least = fmin(least, angle), most = fmax(most, angle);
    }
    const double limit = 15 * 3.14159265358979 / 180;
    assert_true(least >= -limit - 1e-4 && least < -limit / 2);
    assert_true(most <= limit + 1e-4 && most > limit / 2);
    ct_free(plain), ct_free(set);
}

static void test_erasing_takes_a_rectangle(void **state)
{
    (void)state;
    enum { SIDE = 32 };
    CT_SCOPE;
    ct_dataset *plain = ct_data_tensors(ct_ones(COUNT, 3, SIDE, SIDE), NULL);
    ct_dataset *always = ct_data_augment(plain, .erase = 1), *half = ct_data_augment(plain, .erase = 0.5);
    int erased = 0;
    for (int i = 0; i < COUNT; i++) {
        ct_tensor *x, *other, *none;
        assert_true(ct_dataset_get(always, i, &x, &none) && ct_dataset_get(half, i, &other, &none));
        const float *values = ct_data(x);
        int top = SIDE, bottom = -1, left = SIDE, right = -1, zeros = 0;
        for (int row = 0; row < SIDE; row++)
            for (int column = 0; column < SIDE; column++)
                if (values[row * SIDE + column] == 0) {
                    zeros++;
                    top = row < top ? row : top, bottom = row;
                    left = column < left ? column : left, right = column > right ? column : right;
                }
        assert_int_equal(zeros, (bottom - top + 1) * (right - left + 1));
        assert_memory_equal(values, values + SIDE * SIDE, SIDE * SIDE * sizeof *values); /* in all channels */
        assert_in_range(zeros, 12, 360);        /* 2 to 33 % of 1024, rounded to whole pixels */
        erased += ct_item(ct_min(other)) == 0;
    }
    assert_in_range(erased, 16, 48);
    ct_free(plain), ct_free(always), ct_free(half);
}

static void test_padding_is_black(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_dataset *plain = ct_data_shapes(.count = COUNT, .normalize = true), *part = ct_data_subset(plain, 3, COUNT - 3);
    ct_dataset *set = ct_data_augment(part, .crop_padding = 32);
    ct_tensor *x, *y;
    int checked = 0;
    for (int i = 0; i < COUNT - 3; i++) {
        assert_true(ct_dataset_get(set, i, &x, &y));
        const float *values = ct_data(x), black = (0 - 255 * 0.5f) / (255 * 0.265f);
        checked += values[0] == black || values[31] == black || values[31 * 32] == black || values[31 * 32 + 31] == black;
        assert_true(ct_item(ct_min(x)) >= black);
    }
    assert_true(checked > 3 * COUNT / 4);       /* all but the few that hardly move */
    ct_free(plain), ct_free(part), ct_free(set);
}

/* The sums of an epoch's samples, by label. */
static void sums_of(ct_loader *loader, double sums[COUNT])
{
    for (ct_batch b; ct_loader_next(loader, &b);) {
        CT_SCOPE;
        ct_tensor *each = ct_sum(ct_mul(ct_flatten(b.x, 1, -1), (ct_arange)(0, SAMPLE, 1, CT_FLOAT32)), 1);
        for (int64_t i = 0; i < ct_size(b.y, 0); i++)
            sums[((const int64_t *)ct_data(b.y))[i]] = ((const float *)ct_data(each))[i];
    }
    assert_true(ct_ok());
}

static void test_draws_depend_on_seed_epoch_and_sample(void **state)
{
    (void)state;
    ct_dataset *plain = numbered();
    ct_dataset *set = ct_data_augment(plain, .crop_padding = 4, .flip = true, .rotation = 10, .erase = 0.5, .seed = 7);
    ct_dataset *other = ct_data_augment(plain, .crop_padding = 4, .flip = true, .rotation = 10, .erase = 0.5, .seed = 8);
    ct_loader *in_order = ct_loader_new(set, .batch_size = 9), *shuffled = ct_loader_new(set, .batch_size = 5, .shuffle = true);
    ct_loader *by_workers = ct_loader_new(set, .batch_size = 4, .workers = 3), *of_other = ct_loader_new(other, .batch_size = 9);
    double first[COUNT], sums[COUNT];
    for (int epoch = 0; epoch < 3; epoch++) {
        double before[COUNT];
        memcpy(before, first, sizeof before);
        sums_of(in_order, first);
        sums_of(shuffled, sums);
        assert_memory_equal(sums, first, sizeof sums);
        sums_of(by_workers, sums);
        assert_memory_equal(sums, first, sizeof sums);
        sums_of(of_other, sums);
        int same_seed = 0, same_epoch = 0, same_sample = 0;
        for (int i = 0; i < COUNT; i++) {
            same_seed += sums[i] == first[i];
            same_epoch += epoch && before[i] == first[i];
            same_sample += i && first[i] == first[i - 1];
        }
        assert_in_range(same_seed, 0, 8);
        assert_in_range(same_epoch, 0, 8);
        assert_in_range(same_sample, 0, 8);
    }
    ct_free(in_order), ct_free(shuffled), ct_free(by_workers), ct_free(of_other);
    ct_free(plain), ct_free(set), ct_free(other);
}

static void test_bad_options_are_refused(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_dataset *plain = numbered(), *flat = ct_data_tensors(ct_zeros(2, 3), NULL);
    ct_dataset *whole = ct_data_tensors((ct_zeros)((const int64_t[]){2, 3, 4, 5}, 4, CT_INT64), NULL);
    assert_null(ct_data_augment(NULL));
    assert_error("augment: data set is NULL");
    assert_null(ct_data_augment(flat));
    assert_error("augment: samples are float32 with 1 axes, want float32 (C, H, W)");
    assert_null(ct_data_augment(whole));
    assert_error("augment: samples are int64 with 3 axes");
    assert_null(ct_data_augment(plain, .crop_padding = -1));
    assert_error("crop_padding -1");
    assert_null(ct_data_augment(plain, .crop_padding = INT64_MAX));
    assert_error("crop_padding 9223372036854775807");
    assert_null(ct_data_augment(plain, .rotation = -1));
    assert_error("rotation -1");
    assert_null(ct_data_augment(plain, .rotation = (double)NAN));
    assert_error("rotation nan");
    assert_null(ct_data_augment(plain, .erase = 1.5));
    assert_error("erase 1.5 is not in [0, 1]");
    ct_free(plain), ct_free(flat), ct_free(whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_asked_changes_nothing),
        cmocka_unit_test(test_crop_and_flip_move_whole_pixels),
        cmocka_unit_test(test_rotation_turns_about_the_middle),
        cmocka_unit_test(test_erasing_takes_a_rectangle),
        cmocka_unit_test(test_padding_is_black),
        cmocka_unit_test(test_draws_depend_on_seed_epoch_and_sample),
        cmocka_unit_test(test_bad_options_are_refused),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    ct_shutdown();
    return failed;
}
