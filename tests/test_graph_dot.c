/* Pictures of graphs: what is in them, that names cannot break them, and that large ones are cut. */
#include "engine.h"

static char *text;

static const char *dot_of(ct_tensor *root, const ct_module *net, int64_t limit)
{
    size_t bytes;
    free(text);
    FILE *f = open_memstream(&text, &bytes);
    assert_true(net ? ct_module_graph_dot(net, root, f) : ct_graph_dot(root, f, .limit = limit));
    fclose(f);
    return text;
}

static int count(const char *what)
{
    int found = 0;
    for (const char *at = text; (at = strstr(at, what)); at++)
        found++;
    return found;
}

static void test_ops_leaves_and_edges(void **state)
{
    (void)state;
    ct_tensor *x = leaf(1, 2), *c = ct_vector(3, 4), *y = ct_mul(x, c);
    dot_of(ct_add(ct_tanh(y), y), NULL, 1000);
    assert_string_equal(text, "digraph graph_of_tensors {\n"
                              "node [fontname=sans, fontsize=10, shape=ellipse];\ngraph [fontname=sans, fontsize=10, color=gray];\n"
                              "n0 [label=\"add\\n(2) float32\"];\n"
                              "n1 [label=\"tanh\\n(2) float32\"];\n"
                              "n2 [label=\"mul\\n(2) float32\"];\n"
                              "n3 [label=\"(2) float32\", shape=box, style=filled, fillcolor=lightblue];\n"
                              "n4 [label=\"(2) float32\", shape=plaintext];\n"
                              "n1 -> n0;\nn2 -> n0;\nn2 -> n1;\nn3 -> n2;\nn4 -> n2;\n}\n");
    dot_of(x, NULL, 1000);
    assert_int_equal(count("n0 ["), 1);
    assert_int_equal(count("n1"), 0);
}

static void test_modules_are_boxes_and_parameters_have_names(void **state)
{
    (void)state;
    ct_module *net = ct_nn_sequential(ct_nn_linear(2, 3), ct_nn_sequential(ct_nn_tanh(), ct_nn_linear(3, 1)));
    dot_of(ct_sum(ct_forward(net, ct_ones(4, 2))), net, 0);
    assert_int_equal(count("subgraph cluster_"), 4); /* 0, 1, 1.0, 1.1 */
    assert_int_equal(count("label=\"0\";"), 2);
    assert_int_equal(count("label=\"1\";"), 2);
    assert_int_equal(count("{"), count("}"));
    assert_int_equal(count("[label=\"0.weight\\n(3, 2) float32\""), 1);
    assert_int_equal(count("[label=\"1.1.bias\\n(1) float32\""), 1);
    assert_int_equal(count("[label=\"linear\\n(4, 3) float32\"]"), 1);
    ct_free(net);
}

static const char *bad_name(const ct_tensor *leaf, void *name)
{
    (void)leaf;
    return name;
}

static void test_names_are_escaped(void **state)
{
    (void)state;
    size_t bytes;
    CT_SCOPE;
    ct_scope_name("a\"];}\\.b");
    free(text);
    FILE *f = open_memstream(&text, &bytes);
    assert_true(ct_graph_dot(ct_neg(leaf(1)), f, .name = bad_name, .context = "\\\"x\n"));
    fclose(f);
    assert_int_equal(count("label=\"\\\\\\\"x \\n(1) float32\""), 1);
    assert_int_equal(count("label=\"a\\\"];}\\\\\";"), 1);
    assert_int_equal(count("label=\"b\";"), 1);
}

static void test_a_million_ops_are_cut(void **state)
{
    (void)state;
    const int ops = SANITIZED ? 100000 : 1000000;
    ct_tensor *y = leaf(0);
    {
        CT_SCOPE;
        for (int i = 0; i < ops; i++)
            y = ct_add(y, y);
        ct_promote(y);
    }
    dot_of(y, NULL, 10);
    char more[64];
    snprintf(more, sizeof more, "label=\"... and %d more\"", ops + 1 - 10);
    assert_int_equal(count(more), 1);
    assert_int_equal(count("n9 ["), 1);
    assert_int_equal(count("n10"), 0);
}

static void test_a_graph_that_backward_has_freed(void **state)
{
    (void)state;
    ct_tensor *y = ct_square(leaf(1));
    assert_true(ct_backward(y));
    dot_of(y, NULL, 10);
    assert_int_equal(count("square\\n(1) float32\\nfreed"), 1);
}

static void test_mistakes_are_errors(void **state)
{
    (void)state;
    ct_tensor *x = leaf(1);
    assert_false(ct_graph_dot(NULL, stdout));
    assert_error("graph_dot: the root is NULL");
    assert_false(ct_graph_dot(x, NULL));
    assert_error("graph_dot: the file is NULL");
    assert_false(ct_graph_dot(x, stdout, .limit = 0));
    assert_error("graph_dot: a limit below 1");
    assert_false(ct_module_graph_dot(NULL, x, stdout));
    assert_error("module_graph_dot: module is NULL");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_ops_leaves_and_edges),
        TEST(test_modules_are_boxes_and_parameters_have_names),
        TEST(test_names_are_escaped),
        TEST(test_a_million_ops_are_cut),
        TEST(test_a_graph_that_backward_has_freed),
        TEST(test_mistakes_are_errors),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(text);
    ct_shutdown();
    return failed;
}
