/* Files for the fuzzers to begin with: one of each format and form, in folders named after the targets. $1: where. */
#include "../zoo.h"
#include "checkpoint.h"
#include <data/table.h>
#include <io/io.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const char *root;

static const char *in(const char *target, const char *name)
{
    static char path[4096];
    snprintf(path, sizeof path, "%s/%s", root, target);
    if (mkdir(path, 0777) && errno != EEXIST)
        ct_fail("%s: %s", path, strerror(errno));
    snprintf(path, sizeof path, "%s/%s/%s", root, target, name);
    return path;
}

static void make_raw(const char *target, const char *name, const void *prefix, size_t count, const char *header)
{
    FILE *file = fopen(in(target, name), "wb");
    if (!file) {
        ct_fail("%s: %s", in(target, name), strerror(errno));
        return;
    }
    fwrite(prefix, 1, count, file);
    fputs(header, file);
    if (count)
        fwrite("\0\1\0\1\0\1\0\1", 1, 8, file);
    fclose(file);
}

static void make_headers(void)
{
    static const char *const safetensors[] = {"U8", "I8", "U16", "I16", "U32", "I32", "F16", "BF16"};
    static const char *const npy[] = {"|u1", ">i2", "<i4", ">f2", ">f8", "<u2"};
    static const int bytes[] = {1, 1, 2, 2, 4, 4, 2, 2}, npy_bytes[] = {1, 2, 4, 2, 8, 2};
    for (size_t i = 0; i < sizeof safetensors / sizeof *safetensors; i++) {
        char header[128];
        snprintf(header, sizeof header, "{\"x\":{\"dtype\":\"%s\",\"shape\":[%d],\"data_offsets\":[0,8]}}", safetensors[i], 8 / bytes[i]);
        make_raw("safetensors", safetensors[i], (char[8]){(char)strlen(header)}, 8, header);
    }
    for (size_t i = 0; i < sizeof npy / sizeof *npy; i++) {
        char header[128], name[2] = {(char)('a' + (int)i)};
        snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': %s, 'shape': (%d, 1), }", npy[i], i % 2 ? "True" : "False", 8 / npy_bytes[i]);
        const char version = (char)(i % 3 + 1);
        char prefix[12] = {'\x93', 'N', 'U', 'M', 'P', 'Y', version, 0, (char)strlen(header)};
        make_raw("npy", name, prefix, version > 1 ? 12 : 10, header);
    }
}

/* The layers of every model as text. */
static void make_models(void)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/model.safetensors", root);
    for (size_t i = 0; i < ZOO_COUNT && ct_ok(); i++) {
        ct_module *net = zoo[i].make();
        ct_tensor_file *file = ct_model_save(net, path) ? ct_io_safetensors_open(path) : NULL;
        if (file)
            make_raw("model", zoo[i].name, "", 0, ct_tensor_file_metadata(file, "cotangent.model"));
        ct_free(file), ct_free(net);
    }
    remove(path);
}

/* HDF5's structures as they lie in a file of one dataset and one attribute: at a place, so many bytes, little-endian. */
static void make_hdf5(void)
{
    enum { ROOT = 96, TREE = 216, NAMES = 264, NODE = 312, DATASET = 360, DATA = 472, COLLECTION = 496, END = 536 };
    static const struct { int at, bytes; unsigned long long value; } numbers[] = {
        {13, 1, 8}, {14, 1, 8}, {16, 2, 1}, {18, 2, 1}, {32, 8, -1}, {40, 8, END}, {48, 8, -1}, {64, 8, ROOT},
        {ROOT, 1, 1}, {ROOT + 2, 2, 2}, {ROOT + 4, 4, 1}, {ROOT + 8, 4, 104},
        {ROOT + 16, 2, 17}, {ROOT + 18, 2, 16}, {ROOT + 24, 8, TREE}, {ROOT + 32, 8, NAMES},
        {ROOT + 40, 2, 12}, {ROOT + 42, 2, 72}, {ROOT + 48, 1, 1}, {ROOT + 50, 2, 12}, {ROOT + 52, 2, 16}, {ROOT + 54, 2, 16},
        {ROOT + 72, 4, 0x119}, {ROOT + 76, 4, 16}, {ROOT + 80, 4, 0x13}, {ROOT + 84, 4, 1},
        {ROOT + 88, 1, 1}, {ROOT + 89, 1, 1}, {ROOT + 96, 8, 1}, {ROOT + 104, 4, 5}, {ROOT + 108, 8, COLLECTION}, {ROOT + 116, 4, 1},
        {TREE + 6, 2, 1}, {TREE + 8, 8, -1}, {TREE + 16, 8, -1}, {TREE + 32, 8, NODE}, {TREE + 40, 8, 8},
        {NAMES + 8, 8, 16}, {NAMES + 16, 8, 1}, {NAMES + 24, 8, NAMES + 32},
        {NODE + 4, 1, 1}, {NODE + 6, 2, 1}, {NODE + 8, 8, 8}, {NODE + 16, 8, DATASET},
        {DATASET, 1, 1}, {DATASET + 2, 2, 3}, {DATASET + 4, 4, 1}, {DATASET + 8, 4, 96},
        {DATASET + 16, 2, 1}, {DATASET + 18, 2, 24}, {DATASET + 24, 1, 1}, {DATASET + 25, 1, 2}, {DATASET + 32, 8, 2}, {DATASET + 40, 8, 3},
        {DATASET + 48, 2, 3}, {DATASET + 50, 2, 24}, {DATASET + 56, 4, 0x1f2011}, {DATASET + 60, 4, 4}, {DATASET + 66, 2, 32},
        {DATASET + 68, 4, 0x17000817}, {DATASET + 72, 4, 127},
        {DATASET + 80, 2, 8}, {DATASET + 82, 2, 24}, {DATASET + 88, 2, 0x103}, {DATASET + 90, 8, DATA}, {DATASET + 98, 8, 24},
        {COLLECTION + 4, 1, 1}, {COLLECTION + 8, 8, END - COLLECTION}, {COLLECTION + 16, 2, 1}, {COLLECTION + 24, 8, 5},
    };
    unsigned char bytes[END] = "\x89HDF\r\n\x1a\n";
    memcpy(bytes + ROOT + 56, "layer_names", 12), memcpy(bytes + NAMES + 40, "x", 2), memcpy(bytes + COLLECTION + 32, "dense", 5);
    memcpy(bytes + TREE, "TREE", 4), memcpy(bytes + NAMES, "HEAP", 4), memcpy(bytes + NODE, "SNOD", 4), memcpy(bytes + COLLECTION, "GCOL", 4);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        for (int k = 0; k < numbers[i].bytes; k++)
            bytes[numbers[i].at + k] = (unsigned char)(numbers[i].value >> 8 * k);
    make_raw("hdf5", "written", bytes, sizeof bytes, "");
    ct_tensor_file *file = ct_io_hdf5_open(in("hdf5", "written"));
    if (file && (!ct_tensor_file_has(file, "x") || !ct_tensor_file_metadata(file, "@layer_names")))
        ct_fail("hdf5: the file is read as another");
    (ct_free)(file);
}

/* Two members, the second in a folder, and the end. */
static void make_tar(void)
{
    static unsigned char bytes[6 * 512];
    static const char *const names[] = {"a.bin", "folder/b.txt"};
    for (int i = 0; i < 2; i++) {
        unsigned char *header = bytes + i * 1024;
        unsigned sum = 0;
        snprintf((char *)header, 100, "%s", names[i]);
        snprintf((char *)header + 124, 12, "%011o", 300 + 212 * i);
        header[156] = '0';
        memcpy(header + 257, "ustar\0" "00", 8);
        memset(header + 148, ' ', 8);
        for (int k = 0; k < 512; k++)
            sum += header[k];
        snprintf((char *)header + 148, 8, "%06o", sum);
        memset(header + 512, 'a' + i, 512);
    }
    FILE *file = fopen(in("tar", "two"), "wb");
    if (!file || fwrite(bytes, 1, sizeof bytes, file) != sizeof bytes || fclose(file))
        ct_fail("%s: %s", in("tar", "two"), strerror(errno));
}

static void make_encoding(void)
{
    ct_table_encoding *encoding = ct_table_encoding_parse("{\"kind\":\"table encoding\",\"columns\":[{\"name\":\"x\",\"fill\":1.5,\"center\":0,\"scale\":2},"
                                                          "{\"name\":\"c\",\"categories\":[\"a\",\"b\"]}],\"label\":{\"name\":\"y\",\"categories\":[\"n\"]}}");
    ct_table_encoding_save(encoding, in("encoding", "small"));
    (ct_free)(encoding);
}

static void make_tables(void)
{
    make_raw("csv", "plain", "", 0, "\x20""y,x,c\n1,2.5,a\n0,-1e-3,\"b \"\"b\"\"\"\r\n1,,a\n");
    make_raw("csv", "numbers", "", 0, "\x01""0.1,2,inf\n12345678901234567890,.5,nan\n");
    make_raw("csv", "mixed", "", 0, "\x02""\xef\xbb\xbf""a;b\n1; 2\nx ;NA\n\n3;\n");
    make_raw("csv", "blanks", "", 0, "\x0c""a b\n1 2\n3 \n4 5\n");
    make_raw("idx", "two", (const char[]){0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 4}, 12, "");
}

/* Of a run that stopped within its second epoch. */
static bool stop_at_three(ct_run *run, void *state)
{
    (void)state;
    if (ct_run_step(run) == 3)
        ct_run_stop(run, "enough");
    return ct_run_step(run) != 3 || ct_run_save(run, in("checkpoint", "within"));
}

static void make_checkpoints(void)
{
    static const ct_callback_calls calls = {.name = "stop", .step = stop_at_three};
    struct fuzz_run r = fuzz_run_new();
    ct_callback *stop = ct_callback_new(&calls, NULL);
    (ct_free)(fuzz_run_fit(&r, NULL, (ct_callbacks){&stop, 1}));
    ct_train_state state = {.module = r.net, .optimizer = r.optimizer, .schedule = r.schedule, .average = r.average};
    ct_train_save(&state, in("checkpoint", "plain"));
    fuzz_run_free(&r);
}

int main(int count, char **words)
{
    if (count != 2) {
        fprintf(stderr, "usage: %s DIR\n", words[0]);
        return 2;
    }
    root = words[1];
    ct_tensor *x = ct_reshape(ct_arange(6.0), 2, 3);
    const ct_named_tensor tensors[] = {{"a.weight", x}, {"b/c", ct_gt(x, 2.0)}, {"d", ct_vector_int(1, 2)}, {"e", ct_zeros(0, 2)}};
    const ct_metadata metadata[] = {{"format", "pt"}};
    make_headers();
    make_models();
    make_hdf5();
    make_tar();
    make_encoding();
    make_tables();
    make_checkpoints();
    ct_io_safetensors_write(in("safetensors", "written"), tensors, 4, metadata, 1);
    ct_io_npy_write(in("npy", "written"), x);
    if (ct_io_has_npz()) {
        ct_io_npz_write(in("npz", "stored"), tensors, 4, false);
        ct_io_npz_write(in("npz", "deflated"), tensors, 4, true);
        ct_io_npz_write(in("npz", "empty"), NULL, 0, true);
    }
    if (ct_io_has_png()) {
        ct_io_png_write(in("png", "grey"), ct_ones(4, 3));
        ct_io_png_write(in("png", "colour"), ct_zeros(3, 2, 5));
    }
    const int failed = ct_report_error();
    ct_shutdown();
    return failed;
}
