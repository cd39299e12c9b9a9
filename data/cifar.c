/* cifar.c - CIFAR-10's binary files: records of a label and three planes of bytes, nothing else. */
#include "byte_file.h"
#include "folders.h"
#include "images.h"

#include <autograd/memory.h>

#include <string.h>

enum { CHANNELS = 3, SIDE = 32, IMAGE_BYTES = CHANNELS * SIDE * SIDE, RECORD = 1 + IMAGE_BYTES, CHUNK = 128, BATCHES = 5 };
enum { MOST_RECORDS = 1 << 20 };                /* in all; a small gzip file may unpack to anything */

static const char *const batches[BATCHES] = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
                                             "data_batch_5.bin"};

struct files {
    char paths[BATCHES][PATH_MOST];
    int count;
};

/* Those of the first folder that has any. */
static bool find(const struct folders *folders, bool train, struct files *files)
{
    files->count = 0;
    for (int i = 0; i < folders->count && !files->count; i++)
        if (train)
            for (int batch = 0; batch < BATCHES; batch++)
                files->count += folder_has(folders->paths[i], batches[batch], files->paths[files->count]);
        else
            files->count = folder_has(folders->paths[i], "test_batch.bin", files->paths[0]);
    return files->count;
}

bool ct_data_cifar10_available(const char *folder)
{
    struct folders folders;
    struct files files;
    folders_of(&folders, folder, "cifar10");
    return find(&folders, false, &files) && find(&folders, true, &files);
}

/* Memory grows with the records that are really there. */
static bool make_room(struct image_block *block, int64_t *room, const char *path)
{
    if (block->count + CHUNK <= *room)
        return true;
    if (block->count + CHUNK > MOST_RECORDS)
        return ct_fail("%s: with it, the set has more than the %d records that are read at most", path, MOST_RECORDS);
    const int64_t wanted = *room ? 2 * *room : 10240;
    uint8_t *images = heap_resize(block->images, (size_t)wanted * IMAGE_BYTES);
    block->images = images ? images : block->images;
    uint8_t *labels = images ? heap_resize(block->labels, (size_t)wanted) : NULL;
    block->labels = labels ? labels : block->labels;
    if (!labels)
        return ct_fail("%s: out of memory for %lld records", path, (long long)wanted);
    *room = wanted;
    return true;
}

static bool add_records(struct image_block *block, const uint8_t *records, int64_t count, int64_t before, const char *path)
{
    for (int64_t i = 0; i < count; i++, records += RECORD, block->count++) {
        if (records[0] >= IMAGE_CLASSES)
            return ct_fail("%s: label %d at record %lld is not in [0, %d)", path, records[0], (long long)(before + i), IMAGE_CLASSES);
        block->labels[block->count] = records[0];
        memcpy(block->images + (size_t)block->count * IMAGE_BYTES, records + 1, IMAGE_BYTES);
    }
    return true;
}

static bool read_records(gzFile file, const char *path, struct image_block *block, int64_t *room, uint8_t *chunk, int64_t *bytes)
{
    int64_t got = CHUNK * RECORD;
    for (*bytes = 0; got == CHUNK * RECORD; *bytes += got) {
        if ((got = byte_file_read(file, path, chunk, CHUNK * RECORD)) < 0 || (got >= RECORD && !make_room(block, room, path)) ||
            !add_records(block, chunk, got / RECORD, *bytes / RECORD, path))
            return false;
    }
    return true;
}

static bool read_file(const char *path, struct image_block *block, int64_t *room)
{
    uint8_t *chunk = heap_alloc(CHUNK * RECORD);
    gzFile file = chunk ? byte_file_open(path) : ct_fail("%s: out of memory", path);
    int64_t bytes = 0;
    const bool read = file && read_records(file, path, block, room, chunk, &bytes);
    heap_free(chunk);
    if (!file || !byte_file_close(file, path, read))
        return false;
    if (bytes == 0 || bytes % RECORD)
        return ct_fail("%s: %lld bytes, want a whole number of records of %d", path, (long long)bytes, RECORD);
    return true;
}

ct_dataset *(ct_data_cifar10)(const ct_data_cifar10_options *options)
{
    const ct_data_cifar10_options o = options ? *options : (ct_data_cifar10_options){0};
    struct folders folders;
    struct files files;
    char searched[FOLDER_LIST];
    if (o.limit < 0)
        return ct_fail("cifar10: limit %lld, want 0 (all) or more", (long long)o.limit);
    folders_of(&folders, o.folder, "cifar10");
    if (!find(&folders, o.train, &files))
        return ct_fail("cifar10: no %s (or .gz) in %s", o.train ? "data_batch_1.bin to data_batch_5.bin" : "test_batch.bin",
                       folders_text(&folders, searched));
    struct image_block block = {.channels = CHANNELS, .side = SIDE, .one_hot = o.one_hot, .normalize = o.normalize,
                                .mean = {0.4914f, 0.4822f, 0.4465f}, .deviation = {0.2470f, 0.2435f, 0.2616f}};
    int64_t room = 0;
    for (int i = 0; i < files.count && !(o.limit && block.count >= o.limit); i++)
        if (!read_file(files.paths[i], &block, &room)) {
            heap_free(block.images);
            heap_free(block.labels);
            return NULL;
        }
    if (o.limit && o.limit < block.count)
        block.count = o.limit;
    return image_dataset(&block);
}
