/* What a loader hands out when: positions. */
#include <cotangent.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_loader_goes_on_from_any_position),
        cmocka_unit_test(test_positions_that_are_none),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    ct_shutdown();
    return failed;
}
