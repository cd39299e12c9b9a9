/* RNN, LSTM and GRU beside what PyTorch's goldens hold: lengths, states, first values, errors. */
#include "sequences.h"

static void test_a_long_sequence_is_two_short_ones(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_module *nets[] = {ct_nn_rnn(3, 4, .layers = 2), ct_nn_lstm(3, 4, .layers = 2), ct_nn_gru(3, 4, .layers = 2)};
    ct_tensor *x = ct_randn(2, 300, 3);         /* more than one op splits into steps */
    for (int i = 0; i < 3; i++) {
        ct_tensor *h = NULL, *c = NULL, *end = NULL, *last = NULL, **keep = i == 1 ? &c : NULL;
        ct_tensor *whole = ct_nn_recurrent_run(nets[i], x, .h = &end);
        ct_tensor *a = ct_nn_recurrent_run(nets[i], ct_narrow(x, 1, 0, 140), .h = &h, .c = keep);
        ct_tensor *b = ct_nn_recurrent_run(nets[i], ct_narrow(x, 1, 140, 160), .h0 = h, .c0 = c, .h = &last);
        assert_close(whole, ct_cat(CT_TENSORS(a, b), 1), 1e-5);
        assert_close(end, last, 1e-5);
        assert_close(ct_narrow(end, 0, 1, 1), ct_reshape(ct_narrow(whole, 1, 299, 1), 1, 2, 4), 0);
        assert_true(ct_backward(ct_sum(whole)));
        ct_free(nets[i]);
    }
}

static ct_module *two_way_lstm(void)
{
    return ct_nn_lstm(3, 4, .layers = 2, .bidirectional = true);
}

static ct_module *two_way_gru(void)
{
    return ct_nn_gru(3, 4, .layers = 2, .bidirectional = true);
}

static void test_lengths_in_any_order_are_sequences_alone(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_module *lstm = ct_nn_lstm(3, 4, .layers = 2, .bidirectional = true);
    ct_tensor *x = ct_randn(3, 6, 3), *h = NULL, *c = NULL;
    const int64_t lengths[] = {2, 6, 3};
    ct_tensor *y = ct_nn_recurrent_run(lstm, x, .lengths = ct_from_array(lengths, 3), .h = &h, .c = &c);
    for (int i = 0; i < 3; i++) {
        ct_tensor *one_h = NULL, *one_c = NULL, *own = ct_narrow(x, 0, i, 1);
        ct_tensor *one = ct_nn_recurrent_run(lstm, ct_narrow(own, 1, 0, lengths[i]), .h = &one_h, .c = &one_c), *got = ct_narrow(y, 0, i, 1);
        assert_close(ct_narrow(got, 1, 0, lengths[i]), one, 1e-6);
        assert_close(ct_narrow(got, 1, lengths[i], 6 - lengths[i]), ct_zeros(1, 6 - lengths[i], 8), 0);
        assert_close(ct_narrow(h, 1, i, 1), one_h, 1e-6);
        assert_close(ct_narrow(c, 1, i, 1), one_c, 1e-6);
    }
    ct_free(lstm);
}

static void test_what_stands_in_padding_does_not_matter(void **state)
{
    (void)state;
    ct_module *(*const make[])(void) = {two_way_lstm, two_way_gru};
    for (int i = 0; i < 2; i++) {
        CT_SCOPE;
        ct_module *m = make[i]();
        ct_tensor *x = ct_randn(2, 5, 3), *lengths = ct_vector_int(5, 2), *y[2], *gradient[2];
        for (int k = 0; k < 2; k++) {
            y[k] = ct_nn_recurrent_run(m, x, .lengths = lengths);
            ct_zero_grad(m);
            assert_true(ct_backward(ct_sum(ct_mul(y[k], y[k]))));
            gradient[k] = ct_clone(ct_gradient(parameter(m, "weight_ih_l0")));
            x = ct_where(ct_unsqueeze(ct_lt(ct_arange(5), ct_unsqueeze(lengths, 1)), 2), x, (double)NAN);
        }
        assert_true(ct_equal(y[0], y[1]) && ct_equal(gradient[0], gradient[1]));
        ct_free(m);
    }
}

static void test_recurrent_nets_start_uniform_and_drop_between_layers(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_module *m = ct_nn_gru(30, 25, .layers = 2, .dropout = 0.5);
    const double most = ct_item(ct_max(ct_abs(ct_detach(parameter(m, "weight_ih_l0")))));
    assert_true(most <= 0.2 && most > 0.199);
    assert_shape(parameter(m, "weight_ih_l1"), 75, 25);
    ct_tensor *x = ct_randn(2, 3, 30), *a = ct_forward(m, x), *b = ct_forward(m, x);
    assert_false(ct_equal(a, b));
    ct_module_eval(m);
    assert_true(ct_equal(ct_forward(m, x), ct_forward(m, x)));
    ct_free(m);
}

static void test_recurrent_nets_refuse_what_cannot_work(void **state)
{
    (void)state;
    CT_SCOPE;
    FAILED(ct_nn_rnn(0, 4), "rnn: 0 inputs, hidden 4, 1 layers: want at least 1");
    FAILED(ct_nn_lstm(3, 0), "lstm: 3 inputs, hidden 0");
    FAILED(ct_nn_gru(3, 4, .layers = 0), "gru: 3 inputs, hidden 4, 0 layers");
    FAILED(ct_nn_gru(3, 4, .layers = 2, .dropout = 2), "gru: dropout 2");
    FAILED(ct_nn_gru(3, 4, .dropout = 0.5), "gru: dropout 0.5 over 1 layers"); /* it would never drop */
    ct_module *gru = ct_nn_gru(3, 4), *lstm = ct_nn_lstm(3, 4), *linear = ct_nn_linear(3, 4);
    ct_tensor *x = ct_zeros(2, 5, 3), *c = NULL;
    FAILED(ct_forward(gru, ct_zeros(5, 3)), "gru: (5, 3), want (N, T, 3) and at least one step");
    FAILED(ct_forward(gru, ct_zeros(2, 5, 4)), "gru: (2, 5, 4), want (N, T, 3)");
    FAILED(ct_forward(gru, ct_zeros(2, 0, 3)), "gru: (2, 0, 3)");
    FAILED(ct_nn_recurrent_run(gru, x, .lengths = ct_vector_int(5, 6)), "gru: length 6 of sequence 1 is not in 1 to 5");
    FAILED(ct_nn_recurrent_run(gru, x, .lengths = ct_vector_int(0, 5)), "gru: length 0 of sequence 0 is not in 1 to 5");
    FAILED(ct_nn_recurrent_run(gru, x, .lengths = ct_vector_int(-1, 5)), "gru: length -1");
    FAILED(ct_nn_recurrent_run(gru, x, .lengths = ct_vector_int(1, 2, 3)), "gru: lengths (3) of int64, want (2) of int64");
    FAILED(ct_nn_recurrent_run(gru, x, .lengths = ct_vector(1, 2)), "gru: lengths (2) of float32");
    FAILED(ct_nn_recurrent_run(gru, x, .h0 = ct_zeros(2, 4)), "gru: h0 is (2, 4), want (1, 2, 4)");
    FAILED(ct_nn_recurrent_run(lstm, x, .c0 = ct_zeros(1, 3, 4)), "lstm: c0 is (1, 3, 4), want (1, 2, 4)");
    FAILED(ct_nn_recurrent_run(gru, x, .c0 = ct_zeros(1, 2, 4)), "gru: c0 and c are an LSTM's");
    FAILED(ct_nn_recurrent_run(gru, x, .c = &c), "gru: c0 and c are an LSTM's");
    FAILED(ct_nn_recurrent_run(linear, x), "recurrent_run: the module is Linear, want an RNN, LSTM or GRU");
    FAILED(ct_nn_recurrent_run(NULL, x), "recurrent_run: the module is NULL");
    FAILED(ct_nn_recurrent_run(gru, NULL), "recurrent_run: the input is NULL");
    assert_shape(ct_forward(lstm, ct_zeros(0, 5, 3)), 0, 5, 4);
    ct_free(gru), ct_free(lstm), ct_free(linear);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_long_sequence_is_two_short_ones),
        TEST(test_lengths_in_any_order_are_sequences_alone),
        TEST(test_what_stands_in_padding_does_not_matter),
        TEST(test_recurrent_nets_start_uniform_and_drop_between_layers),
        TEST(test_recurrent_nets_refuse_what_cannot_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
