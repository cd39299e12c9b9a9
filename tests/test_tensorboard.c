/* Event files, read back by a reader of our own: checksums, protocol buffers, what each value says. */
#define _GNU_SOURCE
#include "logs.h"

#include <dirent.h>
#include <math.h>

#include "autograd/memory.h"
#include "io/protobuf.h"
#include "train/events.h"

/* ---- Checksums --------------------------------------------------------------------------------------------------------------------------- */
/* Bit by bit, as the polynomial says. */
static uint32_t plain_crc(const unsigned char *bytes, size_t count)
{
    uint32_t crc = UINT32_MAX;
    while (count--) {
        crc ^= *bytes++;
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ 0x82f63b78 : crc >> 1;
    }
    return ~crc;
}

static uint32_t unmask(uint32_t masked)
{
    const uint32_t turned = masked - 0xa282ead8;
    return turned >> 17 | turned << 15;
}

static void test_checksums_are_those_of_rfc_3720(void **state)
{
    (void)state;
    unsigned char bytes[300];
    memset(bytes, 0, 32);
    assert_int_equal(unmask(events_checksum(bytes, 32)), 0x8a9136aa);
    memset(bytes, 0xff, 32);
    assert_int_equal(unmask(events_checksum(bytes, 32)), 0x62a8ab43);
    for (int i = 0; i < 32; i++)
        bytes[i] = (unsigned char)i;
    assert_int_equal(unmask(events_checksum(bytes, 32)), 0x46dd794e);
    for (int i = 0; i < 32; i++)
        bytes[i] = (unsigned char)(31 - i);
    assert_int_equal(unmask(events_checksum(bytes, 32)), 0x113fdb5c);
    assert_int_equal(unmask(events_checksum("123456789", 9)), 0xe3069283);
    assert_int_equal(unmask(events_checksum("", 0)), 0);
    for (int i = 0; i < 300; i++)
        bytes[i] = (unsigned char)(i * 37 + i / 7);
    for (size_t count = 0; count <= 300; count++)
        assert_int_equal(unmask(events_checksum(bytes, count)), plain_crc(bytes, count));
}

/* ---- A reader of protocol buffers ----------------------------------------------------------------------------------------------------------- */
struct message {
    const unsigned char *at, *end;
};

struct wire_field {
    uint32_t number;
    unsigned kind;
    uint64_t integer;                           /* of a varint, or the bits of fixed ones */
    struct message inside;                      /* of what has a length */
};

static uint64_t varint(struct message *m)
{
    uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
        assert_true(m->at < m->end && shift < 70);
        value |= (uint64_t)(*m->at & 0x7f) << shift;
        if (*m->at++ < 0x80)
            return value;
    }
}

static uint64_t little(struct message *m, int count)
{
    uint64_t value = 0;
    assert_true(m->end - m->at >= count);
    for (int i = 0; i < count; i++)
        value |= (uint64_t)*m->at++ << 8 * i;
    return value;
}

static bool next_field(struct message *m, struct wire_field *field)
{
    if (m->at == m->end)
        return false;
    const uint64_t key = varint(m);
    *field = (struct wire_field){.number = (uint32_t)(key >> 3), .kind = key & 7};
    if (field->kind == 0) {
        field->integer = varint(m);
    } else if (field->kind == 2) {
        const uint64_t length = varint(m);
        assert_true(length <= (uint64_t)(m->end - m->at));
        field->inside = (struct message){m->at, m->at + length};
        m->at += length;
    } else {
        assert_true(field->kind == 1 || field->kind == 5);
        field->integer = little(m, field->kind == 1 ? 8 : 4);
    }
    return true;
}

/* The occurrence `which` (0: first) of a field; its number is 0 if there is none. */
static struct wire_field find(struct message m, uint32_t number, int which)
{
    struct wire_field field;
    while (next_field(&m, &field))
        if (field.number == number && !which--)
            return field;
    return (struct wire_field){0};
}

static bool says(struct message m, const char *text)
{
    return (size_t)(m.end - m.at) == strlen(text) && !memcmp(m.at, text, strlen(text));
}

static double as_double(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static float as_float(uint64_t bits)
{
    const uint32_t low = (uint32_t)bits;
    float value;
    memcpy(&value, &low, sizeof value);
    return value;
}

static void test_protocol_buffers_are_written_as_the_standard_says(void **state)
{
    (void)state;
    static const unsigned char want[] = {0x08, 0x96, 0x01, /* 1: 150 */ 0x12, 0x07, 't', 'e', 's', 't', 'i', 'n', 'g', /* 2: "testing" */
        0x1a, 0x03, 0x08, 0x96, 0x01, /* 3: {1: 150} */ 0x32, 0x06, 0x03, 0x8e, 0x02, 0x9e, 0xa7, 0x05, /* 6: 3, 270, 86942 */
        0x25, 0, 0, 0x80, 0x3f, /* 4: 1.0f */ 0x29, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f, /* 5: 1.0 */
        0x38, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01 /* 7: -1 */};
    struct protobuf p = {0};
    protobuf_integer(&p, 1, 150);
    protobuf_text(&p, 2, "testing");
    protobuf_text(&p, 9, NULL);
    size_t mark = protobuf_open(&p, 3);
    protobuf_integer(&p, 1, 150);
    protobuf_close(&p, mark);
    mark = protobuf_open(&p, 6);
    protobuf_packed_integer(&p, 3), protobuf_packed_integer(&p, 270), protobuf_packed_integer(&p, 86942);
    protobuf_close(&p, mark);
    protobuf_float(&p, 4, 1);
    protobuf_double(&p, 5, 1);
    protobuf_integer(&p, 7, -1);
    assert_true(protobuf_good(&p, "x"));
    assert_int_equal(p.count, sizeof want);
    assert_memory_equal(p.bytes, want, sizeof want);
    protobuf_clear(&p);
    mark = protobuf_open(&p, 200);              /* a length of two bytes moves what is there by two */
    for (int i = 0; i < 1000; i++)
        protobuf_integer(&p, 1, i);
    protobuf_close(&p, mark);
    const struct message inside = find((struct message){p.bytes, p.bytes + p.count}, 200, 0).inside;
    for (int i = 0; i < 1000; i += 99)
        assert_int_equal(find(inside, 1, i).integer, i);
    protobuf_clear(&p);
    protobuf_bytes(&p, 1, "", SIZE_MAX - 4);    /* more than there can be: nothing is read */
    protobuf_integer(&p, 1, 1);
    assert_false(protobuf_good(&p, "file"));
    assert_error("file: out of memory");
    protobuf_free(&p);
}

/* ---- A reader of event files --------------------------------------------------------------------------------------------------------------- */
enum { MOST = 4096 };

struct record {
    struct message event;
    int file;
};

struct board {
    unsigned char *bytes[8];
    int files, count;
    struct record records[MOST];
};

static void read_records(struct board *board, const char *path, bool whole)
{
    FILE *file = fopen(path, "rb");
    unsigned char *bytes = malloc(1 << 22);
    const size_t count = fread(bytes, 1, 1 << 22, file);
    struct message m = {bytes, bytes + count};
    fclose(file);
    while (m.end - m.at >= 12) {
        const unsigned char *head = m.at;
        const uint64_t length = little(&m, 8);
        assert_int_equal(little(&m, 4), events_checksum(head, 8));
        if (length + 4 > (uint64_t)(m.end - m.at))
            break;
        assert_int_equal(unmask(events_checksum(m.at, length)), plain_crc(m.at, length));
        assert_true(board->count < MOST);
        board->records[board->count++] = (struct record){{m.at, m.at + length}, board->files};
        const uint32_t sum = events_checksum(m.at, length);
        m.at += length;
        assert_int_equal(little(&m, 4), sum);
        assert_true(board->records[board->count - 1].event.end == m.at - 4);
    }
    assert_true(!whole || m.at == m.end);
    board->bytes[board->files++] = bytes;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_event_file(const struct dirent *entry)
{
    return !strncmp(entry->d_name, "events.out.tfevents.", 20);
}

static struct board *read_board(const char *name, bool whole) /* for free_board */
{
    struct board *board = calloc(1, sizeof *board);
    struct dirent **entries;
    char path[600];
    const int count = scandir(path_of(name), &entries, is_event_file, by_name);
    assert_true(count > 0 && count <= 8);
    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s/%s", path_of(name), entries[i]->d_name);
        read_records(board, path, whole);
        free(entries[i]);
    }
    free(entries);
    for (int i = 0; i < board->count; i++) {
        assert_true(find(board->records[i].event, 1, 0).kind == 1 && as_double(find(board->records[i].event, 1, 0).integer) > 1.6e9);
        if (!i || board->records[i].file != board->records[i - 1].file)
            assert_true(says(find(board->records[i].event, 3, 0).inside, "brain.Event:2"));
    }
    return board;
}

static void free_board(struct board *board)
{
    for (int i = 0; i < board->files; i++)
        free(board->bytes[i]);
    free(board);
}

static int64_t step_of(struct message event)
{
    return (int64_t)find(event, 2, 0).integer;
}

/* The value of a tag at a step from the given file on; its end is NULL if there is none. */
static struct message value_of(const struct board *board, const char *tag, int64_t step)
{
    struct message found = {0};
    for (int i = 0; i < board->count; i++) {
        const struct message value = find(find(board->records[i].event, 5, 0).inside, 1, 0).inside;
        if (value.at && step_of(board->records[i].event) == step && says(find(value, 1, 0).inside, tag))
            found = value;                      /* the last one counts */
    }
    return found;
}

static struct message tensor_of(const struct board *board, const char *tag, int64_t step, const char *plugin, int class, int dtype)
{
    const struct message value = value_of(board, tag, step), metadata = find(value, 9, 0).inside;
    if (!value.at)
        fail_msg("no %s at step %d", tag, (int)step);
    assert_true(says(find(find(metadata, 1, 0).inside, 1, 0).inside, plugin));
    assert_int_equal(find(metadata, 4, 0).integer, class);
    const struct message tensor = find(value, 8, 0).inside;
    assert_int_equal(find(tensor, 1, 0).integer, dtype);
    return tensor;
}

static float scalar_of(const struct board *board, const char *tag, int64_t step)
{
    const struct message tensor = tensor_of(board, tag, step, "scalars", 1, 1);
    assert_true(!find(find(tensor, 2, 0).inside, 2, 0).number);
    return as_float(find(tensor, 5, 0).integer);
}

static int64_t size_of(struct message tensor, int axis)
{
    return (int64_t)find(find(find(tensor, 2, 0).inside, 2, axis).inside, 1, 0).integer;
}

/* ---- By hand ------------------------------------------------------------------------------------------------------------------------------- */
static void test_scalars_and_text_come_back(void **state)
{
    (void)state;
    static const double values[] = {0, -1.5, 1e-40, 3.14159265358979, 1e30, INFINITY, -INFINITY, NAN};
    ct_tensorboard *board = ct_tensorboard_open(path_of("scalars"));
    for (int64_t i = 0; i < 8; i++)
        assert_true(ct_tensorboard_scalar(board, "a/b", i, values[i]));
    assert_true(ct_tensorboard_text(board, "words", -1, "| caf\xc3\xa9 \xff | \xe2\x82 |"));
    assert_true(ct_tensorboard_text(board, "empty", 1, ""));
    assert_true(ct_tensorboard_flush(board));
    struct board *read = read_board("scalars", true);
    for (int64_t i = 0; i < 8; i++) {
        const float value = scalar_of(read, "a/b", i), want = (float)values[i];
        assert_true(isnan(want) ? isnan(value) : value == want);
    }
    const struct message text = tensor_of(read, "words", -1, "text", 2, 7);
    assert_true(says(find(text, 8, 0).inside, "| caf\xc3\xa9 ? | ?? |"));
    assert_true(says(find(tensor_of(read, "empty", 1, "text", 2, 7), 8, 0).inside, ""));
    free_board(read);
    ct_free(board);
    assert_fine();
}

static double cell(struct message tensor, int row, int column)
{
    struct message list = find(tensor, 6, 0).inside;
    list.at += 8 * (3 * row + column);
    return as_double(little(&list, 8));
}

static double counts(struct message tensor)
{
    double sum = 0;
    for (int i = 0; i < size_of(tensor, 0); i++)
        sum += cell(tensor, i, 2);
    return sum;
}

static void test_histograms_count_every_finite_value(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_tensorboard *board = ct_tensorboard_open(path_of("histograms"));
    assert_true(ct_tensorboard_histogram(board, "even", 1, ct_arange(300)));
    assert_true(ct_tensorboard_histogram(board, "odd", 1, ct_vector(NAN, -1, INFINITY, 2, -INFINITY, 2)));
    assert_true(ct_tensorboard_histogram(board, "one", 1, ct_full(3, 4, 5)));
    assert_true(ct_tensorboard_histogram(board, "none", 1, ct_zeros(0)));
    assert_true(ct_tensorboard_histogram(board, "huge", 1, ct_mul(ct_cast(ct_linspace(-1, 1, 61), CT_FLOAT64), 1.7e308)));
    assert_true(ct_tensorboard_histogram(board, "strided", 1, ct_transpose(ct_reshape(ct_arange(300), 20, 15), 0, 1)));
    ct_free(board);
    struct board *read = read_board("histograms", true);
    for (int k = 0; k < 2; k++) {
        const struct message even = tensor_of(read, k ? "strided" : "even", 1, "histograms", 2, 2);
        assert_int_equal(size_of(even, 0), 30);
        assert_int_equal(size_of(even, 1), 3);
        for (int i = 0; i < 30; i++) {
            assert_float_equal(cell(even, i, 0), i * 299 / 30.0, 1e-12);
            assert_float_equal(cell(even, i, 1), (i + 1) * 299 / 30.0, 1e-12);
            assert_true(cell(even, i, 2) == 10);
        }
    }
    const struct message odd = tensor_of(read, "odd", 1, "histograms", 2, 2);
    assert_true(cell(odd, 0, 0) == -1 && cell(odd, 0, 2) == 1 && cell(odd, 29, 1) == 2 && cell(odd, 29, 2) == 2 && counts(odd) == 3);
    const struct message one = tensor_of(read, "one", 1, "histograms", 2, 2);
    assert_true(size_of(one, 0) == 1 && cell(one, 0, 0) == 2.5 && cell(one, 0, 1) == 3.5 && cell(one, 0, 2) == 20);
    assert_true(counts(tensor_of(read, "none", 1, "histograms", 2, 2)) == 0);
    const struct message huge = tensor_of(read, "huge", 1, "histograms", 2, 2);
    assert_true(counts(huge) == 61);
    for (int i = 0; i < 30; i++)
        assert_true(cell(huge, i, 2) >= 1 && cell(huge, i, 2) <= 3 && isfinite(cell(huge, i, 0)) && isfinite(cell(huge, i, 1)));
    free_board(read);
    assert_fine();
}

static void test_images_are_png(void **state)
{
    (void)state;
    if (!ct_io_has_png())
        skip();
    CT_SCOPE;
    ct_tensorboard *board = ct_tensorboard_open(path_of("images"));
    ct_tensor *x = ct_rand(2, 3, 4, 5);
    assert_true(ct_tensorboard_image(board, "two", 7, x));
    assert_true(ct_tensorboard_image(board, "grey", 7, ct_zeros(6, 9)));
    ct_free(board);
    struct board *read = read_board("images", true);
    const struct message two = tensor_of(read, "two", 7, "images", 3, 7);
    assert_int_equal(size_of(two, 0), 4);
    assert_true(says(find(two, 8, 0).inside, "5") && says(find(two, 8, 1).inside, "4"));
    for (int i = 0; i < 2; i++) {
        const struct message png = find(two, 8, 2 + i).inside;
        const char *path = path_of("image.png");
        write_file(path, png.at, (size_t)(png.end - png.at));
        assert_true(ct_allclose(ct_io_png_read(path), ct_squeeze(ct_narrow(x, 0, i, 1), 0), 0, 0.5001 / 255, false));
    }
    const struct message grey = tensor_of(read, "grey", 7, "images", 3, 7);
    assert_true(says(find(grey, 8, 0).inside, "9") && says(find(grey, 8, 1).inside, "6"));
    free_board(read);
    assert_fine();
}

static void test_bad_calls_say_what_is_wrong_and_write_nothing(void **state)
{
    (void)state;
    CT_SCOPE;
    assert_null(ct_tensorboard_open(NULL));
    assert_error("tensorboard_open: folder is NULL");
    assert_null(ct_tensorboard_open(""));
    assert_error("tensorboard_open: folder is empty");
    write_file(path_of("no-folder"), "", 0);
    assert_null(ct_tensorboard_open(path_of("no-folder")));
    assert_error("there is a file where a folder was meant");
    assert_false(ct_tensorboard_scalar(NULL, "x", 1, 1));
    assert_error("tensorboard_scalar: board is NULL");
    ct_tensorboard *board = ct_tensorboard_open(path_of("bad"));
    assert_false(ct_tensorboard_scalar(board, "", 1, 1));
    assert_error("tensorboard_scalar: tag is empty");
    assert_false(ct_tensorboard_text(board, NULL, 1, "x"));
    assert_error("tensorboard_text: tag is NULL");
    assert_false(ct_tensorboard_text(board, "x", 1, NULL));
    assert_error("tensorboard_text: what is to be written is NULL");
    assert_false(ct_tensorboard_image(board, "x", 1, ct_zeros(5)));
    assert_error("tensorboard_image: not as many axes: want");
    assert_false(ct_tensorboard_image(board, "x", 1, ct_zeros(0, 1, 5, 5)));
    assert_error("tensorboard_image: no images");
    assert_false(ct_tensorboard_image(board, "x", 1, ct_zeros(2, 5, 5)));
    assert_error(ct_io_has_png() ? "a PNG wants floats" : "no libpng");
    assert_false(ct_tensorboard_histogram(board, "x", 1, ct_exp(NULL)));
    ct_error_clear();
    ct_free(board);
    struct board *read = read_board("bad", true);
    assert_int_equal(read->count, 1);
    free_board(read);
    assert_null((ct_train_tensorboard)("x", &(ct_train_tensorboard_options){.images = -1}));
    assert_error("tensorboard: every_steps 0, histograms 0, images -1: want at least 0");
}

static void test_each_failed_allocation_is_an_error(void **state)
{
    (void)state;
    CT_SCOPE;
    ct_tensor *x = ct_rand(3, 4);
    char command[64];
    for (int64_t after = 0, struck = 1; struck; after++) {
        ct_memory_trim();
        memory_fail_after(after);
        ct_tensorboard *board = ct_tensorboard_open(path_of("memory"));
        const bool good = board && ct_tensorboard_scalar(board, "a", 1, 1) && ct_tensorboard_histogram(board, "b", 1, x) && ct_tensorboard_text(board, "c", 1, "d") &&
                          (!ct_io_has_png() || ct_tensorboard_image(board, "e", 1, x));
        struck = memory_failed_one();
        memory_fail_after(-1);
        assert_true(good != (bool)struck && good == ct_ok());
        ct_error_clear();
        ct_free(board);
        snprintf(command, sizeof command, "rm -rf %s/memory", folder);
        assert_int_equal(system(command), 0);
    }
    assert_fine();
}

/* ---- In a fit ---------------------------------------------------------------------------------------------------------------------------------- */
static void assert_run(const struct board *board, const ct_history *history, int first)
{
    const double *losses = ct_history_steps(history, "loss", NULL), *rates = ct_history_steps(history, "lr", NULL);
    const char *name;
    char tag[64];
    for (int64_t step = 1; step <= EPOCHS * BATCHES; step++) {
        const float loss = scalar_of(board, "step/loss", step), rate = scalar_of(board, "step/lr", step);
        assert_true(step < first || (loss == (float)losses[step - first] && rate == (float)rates[step - first]));
        assert_null(value_of(board, "step/grad_norm", step).at);
    }
    for (int64_t epoch = 1; epoch <= EPOCHS; epoch++)
        for (size_t i = 0; (name = ct_history_name(history, i)); i++) {
            snprintf(tag, sizeof tag, "epoch/%s", name);
            assert_true(scalar_of(board, tag, epoch * BATCHES) == (float)ct_history_value(history, name, epoch));
        }
}

static void test_a_fit_logs_steps_epochs_weights_and_words(void **state)
{
    (void)state;
    ct_history *history = train_on(NULL, NULL, (ct_train_fit_options){.callbacks = CT_CALLBACKS(ct_train_tensorboard(path_of("fit"), .histograms = 2))});
    assert_fine();
    struct board *read = read_board("fit", true);
    assert_run(read, history, 1);
    assert_true(counts(tensor_of(read, "weights/0.weight", 2 * BATCHES, "histograms", 2, 2)) == 8 * FEATURES);
    assert_null(value_of(read, "weights/0.weight", BATCHES).at);
    assert_null(value_of(read, "inputs/0", 1).at); /* no images */
    const struct message network = find(tensor_of(read, "network", 1, "text", 2, 7), 8, 0).inside;
    assert_non_null(memmem(network.at, (size_t)(network.end - network.at), "parameters: 75, trainable: 75", 29));
    const struct message options = find(tensor_of(read, "options", 1, "text", 2, 7), 8, 0).inside;
    assert_non_null(memmem(options.at, (size_t)(options.end - options.at), "| loss | cross-entropy |", 24));
    free_board(read);
    ct_free(history);
}

static void test_options_of_a_fit_leave_things_out(void **state)
{
    (void)state;
    ct_history *history = train_on(NULL, NULL, (ct_train_fit_options){.clip_norm = 1, .callbacks = CT_CALLBACKS(ct_train_tensorboard(path_of("few"), .every_steps = 4),
                                                                                                   ct_train_tensorboard(path_of("none"), .every_steps = 0))});
    assert_fine();
    struct board *read = read_board("few", true);
    for (int64_t step = 1; step <= EPOCHS * BATCHES; step++) {
        assert_int_equal(value_of(read, "step/loss", step).at != NULL, step % 4 == 0);
        assert_int_equal(value_of(read, "step/grad_norm", step).at != NULL, step % 4 == 0);
    }
    assert_null(value_of(read, "weights/0.weight", BATCHES).at);
    free_board(read);
    read = read_board("none", true);
    assert_null(value_of(read, "step/loss", 1).at);
    assert_non_null(value_of(read, "epoch/loss", BATCHES).at);
    free_board(read);
    ct_free(history);
}

static void test_images_of_a_fit_are_its_first_inputs(void **state)
{
    (void)state;
    if (!ct_io_has_png())
        skip();
    ct_dataset *digits = ct_data_digits(.count = 32, .normalize = true);
    ct_module *net = ct_nn_sequential(ct_nn_flatten(), ct_nn_linear(784, 10));
    ct_free(train_on(digits, net, (ct_train_fit_options){.epochs = 1, .callbacks = CT_CALLBACKS(ct_train_tensorboard(path_of("digits"), .images = 3))}));
    assert_fine();
    struct board *read = read_board("digits", true);
    const struct message image = tensor_of(read, "inputs/2", 1, "images", 3, 7);
    assert_int_equal(size_of(image, 0), 3);
    assert_true(says(find(image, 8, 0).inside, "28"));
    assert_null(value_of(read, "inputs/3", 1).at);
    free_board(read);
    ct_free(digits);
}

/* A network that wants more than its input is no reason to end a run. */
static ct_tensor *loss_of_first(ct_module *net, const ct_batch *batch, ct_tensor **outputs, void *context)
{
    const ct_batch part = {ct_narrow(batch->x, 1, 0, 3), batch->y};
    return ct_loss_cross_entropy(net, &part, outputs, context);
}

static void test_a_run_without_a_summary_goes_on(void **state)
{
    (void)state;
    ct_dataset *set = points(SAMPLES, 1);
    ct_free(train_on(set, ct_nn_linear(3, CLASSES), (ct_train_fit_options){.loss = loss_of_first, .callbacks = CT_CALLBACKS(ct_train_tensorboard(path_of("odd")))}));
    assert_fine();
    struct board *read = read_board("odd", true);
    const struct message network = find(tensor_of(read, "network", 1, "text", 2, 7), 8, 0).inside;
    assert_non_null(memmem(network.at, (size_t)(network.end - network.at), "There is no summary: linear", 27));
    free_board(read);
    ct_free(set);
}

static void test_a_resumed_run_goes_on_in_a_further_file(void **state)
{
    (void)state;
    const char *board = path_of("resumed"), *last = break_a_run(ct_train_tensorboard(board));
    struct board *read = read_board("resumed", true);
    assert_int_equal(read->files, 1);
    assert_non_null(value_of(read, "step/loss", BREAKS_AFTER).at);
    free_board(read);
    ct_history *history = train_on(NULL, NULL, (ct_train_fit_options){.resume = last, .callbacks = CT_CALLBACKS(ct_train_tensorboard(path_of("resumed")))});
    assert_fine();
    read = read_board("resumed", true);
    assert_int_equal(read->files, 2);
    assert_run(read, history, SAVED_AT + 1);
    int sessions = 0;
    for (int i = 0; i < read->count; i++) {
        const struct wire_field session = find(read->records[i].event, 7, 0);
        if (!session.number)
            continue;
        assert_int_equal(find(session.inside, 1, 0).integer, 1);
        assert_int_equal(step_of(read->records[i].event), sessions++ ? SAVED_AT + 1 : 1);
        assert_int_equal(read->records[i].file, sessions - 1);
    }
    assert_int_equal(sessions, 2);
    free_board(read);
    ct_free(history);
}

static void test_a_folder_of_another_run_is_refused(void **state)
{
    (void)state;
    ct_tensorboard *other = ct_tensorboard_open(path_of("taken"));
    assert_null(train_on(NULL, NULL, (ct_train_fit_options){.callbacks = CT_CALLBACKS(ct_train_tensorboard(path_of("taken")))}));
    assert_error("is there already, from another run");
    ct_free(other);
    assert_null(train_on(NULL, NULL, (ct_train_fit_options){.callbacks = CT_CALLBACKS(ct_train_tensorboard(path_of("taken")))}));
    assert_error("is there already, from another run");
    struct board *read = read_board("taken", true);
    assert_int_equal(read->files, 1);           /* the refused ones left nothing behind */
    free_board(read);
}

static void test_a_run_is_not_resumed_beside_one_that_goes_on(void **state)
{
    (void)state;
    const char *last = break_a_run(ct_train_tensorboard(path_of("both")));
    ct_tensorboard *other = ct_tensorboard_open(path_of("both"));
    assert_null(train_on(NULL, NULL, (ct_train_fit_options){.resume = last, .callbacks = CT_CALLBACKS(ct_train_tensorboard(path_of("both")))}));
    assert_error("another run is writing it");
    ct_free(other);
    ct_free(train_on(NULL, NULL, (ct_train_fit_options){.resume = last, .callbacks = CT_CALLBACKS(ct_train_tensorboard(path_of("both")))}));
    assert_fine();
}

static void test_a_dry_run_makes_no_folder(void **state)
{
    (void)state;
    ct_free(train_on(NULL, NULL, (ct_train_fit_options){.dry_run = true, .callbacks = CT_CALLBACKS(ct_train_tensorboard(path_of("dry")))}));
    assert_fine();
    assert_false(exists(path_of("dry")));
}

static void test_a_full_disk_is_an_error_that_names_the_file(void **state)
{
    (void)state;
    const struct rlimit before = limit_files(4000);
    assert_null(train_on(NULL, NULL, (ct_train_fit_options){.epochs = 20, .callbacks = CT_CALLBACKS(ct_train_tensorboard(path_of("full")))}));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_non_null(strstr(ct_error(), "/full/events.out.tfevents."));
    assert_error("cannot write it: File too large");
    struct board *read = read_board("full", false); /* what had room is there, each record with its checksum */
    assert_non_null(value_of(read, "step/loss", 1).at);
    assert_non_null(value_of(read, "epoch/loss", BATCHES).at);
    free_board(read);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checksums_are_those_of_rfc_3720),
        cmocka_unit_test(test_protocol_buffers_are_written_as_the_standard_says),
        cmocka_unit_test(test_scalars_and_text_come_back),
        cmocka_unit_test(test_histograms_count_every_finite_value),
        cmocka_unit_test(test_images_are_png),
        cmocka_unit_test(test_bad_calls_say_what_is_wrong_and_write_nothing),
        cmocka_unit_test(test_each_failed_allocation_is_an_error),
        cmocka_unit_test(test_a_fit_logs_steps_epochs_weights_and_words),
        cmocka_unit_test(test_options_of_a_fit_leave_things_out),
        cmocka_unit_test(test_images_of_a_fit_are_its_first_inputs),
        cmocka_unit_test(test_a_run_without_a_summary_goes_on),
        cmocka_unit_test(test_a_resumed_run_goes_on_in_a_further_file),
        cmocka_unit_test(test_a_folder_of_another_run_is_refused),
        cmocka_unit_test(test_a_run_is_not_resumed_beside_one_that_goes_on),
        cmocka_unit_test(test_a_dry_run_makes_no_folder),
        cmocka_unit_test(test_a_full_disk_is_an_error_that_names_the_file),
    };
    return cmocka_run_group_tests_name("tensorboard", tests, make_folder, remove_all);
}
