/* cifar.c - CIFAR-10's binary files, or the archive they come in: records of a label and three planes of bytes, nothing else. */
#include "download.h"
#include "folders.h"
#include "images.h"
#include "tar.h"

#include <autograd/memory.h>

#include <string.h>

enum { CHANNELS = 3, SIDE = 32, IMAGE_BYTES = CHANNELS * SIDE * SIDE, RECORD = 1 + IMAGE_BYTES, CHUNK = 128, BATCHES = 5 };
enum { MOST_RECORDS = 1 << 20, MOST_ARCHIVE = 1 << 30 }; /* in all; a small gzip file may unpack to anything */

static const char *const batches[BATCHES] = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
                                             "data_batch_5.bin"};
static const char test_batch[] = "test_batch.bin";

static const struct remote_set remote = {"cifar10", {"https://www.cs.toronto.edu/~kriz/",
                                                     "https://storage.googleapis.com/s4tf-hosted-binaries/datasets/CIFAR10/"}, false, 0};
static const struct remote_file archive = {"cifar-10-binary.tar.gz", "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd", 170052171};

/* ---- Finding ----------------------------------------------------------------------------------------------------------------- */
struct files {
    char paths[BATCHES][PATH_MOST];
    int count;
    bool is_archive;                            /* the one file holds them all */
};

/* Those of the first folder that has any. */
static bool find(const struct folders *folders, bool train, struct files *files)
{
    files->count = 0, files->is_archive = false;
    for (int i = 0; i < folders->count && !files->count; i++)
        if (train)
            for (int batch = 0; batch < BATCHES; batch++)
                files->count += folder_has(folders->paths[i], batches[batch], files->paths[files->count]);
        else
            files->count = folder_has(folders->paths[i], test_batch, files->paths[0]);
    for (int i = 0; i < folders->count && !files->count; i++)
        files->count = files->is_archive = folder_has(folders->paths[i], archive.name, files->paths[0]);
    return files->count;
}

/* What somebody put elsewhere is taken as it is; what was fetched is held against its hash each time. */
static bool get_files(const ct_data_cifar10_options *o, struct files *files)
{
    struct folders folders;
    char place[PATH_MOST], fetched[PATH_MOST], searched[FOLDER_LIST];
    folders_of(&folders, o->folder, remote.name);
    if (o->download) {
        if (!download_folder(o->folder, remote.name, place))
            return false;
        snprintf(fetched, sizeof fetched, "%.*s/%s", PATH_MOST / 2, place, archive.name);
        if ((!find(&folders, o->train, files) || !strcmp(files->paths[0], fetched)) && !download_files(&remote, &archive, 1, place, o->progress))
            return false;
    }
    return find(&folders, o->train, files) ||
           ct_fail("cifar10: no %s (or .gz) in %s", o->train ? "data_batch_1.bin to data_batch_5.bin" : test_batch, folders_text(&folders, searched));
}

bool ct_data_cifar10_available(const char *folder)
{
    struct folders folders;
    struct files files;
    folders_of(&folders, folder, "cifar10");
    return find(&folders, false, &files) && find(&folders, true, &files);
}

/* ---- Records ----------------------------------------------------------------------------------------------------------------- */
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

/* A file of its own, or a member of the archive. */
struct source {
    char path[PATH_MOST + TAR_NAME];
    gzFile file;
    struct tar *tar;
};

static bool read_chunks(struct source *from, struct image_block *block, int64_t *room, uint8_t *chunk, int64_t *bytes)
{
    const int64_t whole = CHUNK * RECORD;
    int64_t got = whole;
    for (*bytes = 0; got == whole; *bytes += got) {
        got = from->tar ? tar_read(from->tar, chunk, CHUNK * RECORD) : byte_file_read(from->file, from->path, chunk, CHUNK * RECORD);
        if (got < 0 || (got >= RECORD && !make_room(block, room, from->path)) ||
            !add_records(block, chunk, got / RECORD, *bytes / RECORD, from->path))
            return false;
    }
    return true;
}

static bool read_records(struct source *from, struct image_block *block, int64_t *room)
{
    uint8_t *chunk = heap_alloc(CHUNK * RECORD);
    int64_t bytes = 0;
    bool good = (chunk || ct_fail("%s: out of memory", from->path)) && read_chunks(from, block, room, chunk, &bytes);
    heap_free(chunk);
    if (from->file)
        good = byte_file_close(from->file, from->path, good);
    return good && ((bytes && bytes % RECORD == 0) ||
                    ct_fail("%s: %lld bytes, want a whole number of records of %d", from->path, (long long)bytes, RECORD));
}

static void free_block(struct image_block *block)
{
    heap_free(block->images);
    heap_free(block->labels);
    block->images = block->labels = NULL;
}

static bool read_files(const struct files *files, int64_t limit, struct image_block *block)
{
    int64_t room = 0;
    bool good = true;
    for (int i = 0; good && i < files->count && !(limit && block->count >= limit); i++) {
        struct source from = {.tar = NULL};
        snprintf(from.path, sizeof from.path, "%s", files->paths[i]);
        good = (from.file = byte_file_open(from.path)) && read_records(&from, block, &room);
    }
    return good;
}

/* ---- The archive: its members come in any order ---------------------------------------------------------------------------------- */
static int batch_number(const char *member, bool train)
{
    const char *slash = strrchr(member, '/'), *name = slash ? slash + 1 : member;
    if (!train)
        return strcmp(name, test_batch) ? -1 : 0;
    int number = BATCHES - 1;
    while (number >= 0 && strcmp(name, batches[number]))
        number--;
    return number;
}

static bool read_members(struct tar *tar, bool train, struct image_block parts[BATCHES])
{
    int found;
    while ((found = tar_next(tar)) > 0) {
        const int number = batch_number(tar->name, train);
        int64_t room = 0;
        if (number < 0)
            continue;
        if (parts[number].images)
            return ct_fail("%s: %s is there twice", tar->path, tar->name);
        struct source from = {.tar = tar};
        snprintf(from.path, sizeof from.path, "%s: %s", tar->path, tar->name);
        if (!read_records(&from, &parts[number], &room))
            return false;
    }
    return found == 0;
}

static bool join(const char *path, struct image_block parts[BATCHES], struct image_block *block)
{
    int64_t count = 0;
    for (int i = 0; i < BATCHES; i++)
        count += parts[i].count;
    if (!count)
        return ct_fail("%s: none of the files wanted is in it", path);
    block->images = heap_alloc((size_t)count * IMAGE_BYTES);
    block->labels = heap_alloc((size_t)count);
    if (!block->images || !block->labels)
        return ct_fail("%s: out of memory for %lld records", path, (long long)count);
    for (int i = 0; i < BATCHES; i++) {
        if (parts[i].count) {
            memcpy(block->images + (size_t)block->count * IMAGE_BYTES, parts[i].images, (size_t)parts[i].count * IMAGE_BYTES);
            memcpy(block->labels + block->count, parts[i].labels, (size_t)parts[i].count);
        }
        block->count += parts[i].count;
        free_block(&parts[i]);
    }
    return true;
}

static bool read_archive(const char *path, bool train, struct image_block *block)
{
    struct tar tar;
    struct image_block parts[BATCHES] = {{.count = 0}};
    const bool good = tar_open(&tar, path, MOST_ARCHIVE) && tar_close(&tar, read_members(&tar, train, parts)) && join(path, parts, block);
    for (int i = 0; i < BATCHES; i++)
        free_block(&parts[i]);
    return good;
}

ct_dataset *(ct_data_cifar10)(const ct_data_cifar10_options *options)
{
    const ct_data_cifar10_options o = options ? *options : (ct_data_cifar10_options){0};
    struct files files;
    if (o.limit < 0)
        return ct_fail("cifar10: limit %lld, want 0 (all) or more", (long long)o.limit);
    if (!get_files(&o, &files))
        return NULL;
    struct image_block block = {.channels = CHANNELS, .side = SIDE, .one_hot = o.one_hot, .normalize = o.normalize,
                                .mean = {0.4914f, 0.4822f, 0.4465f}, .deviation = {0.2470f, 0.2435f, 0.2616f}};
    if (!(files.is_archive ? read_archive(files.paths[0], o.train, &block) : read_files(&files, o.limit, &block))) {
        free_block(&block);
        return NULL;
    }
    if (o.limit && o.limit < block.count)
        block.count = o.limit;
    return image_dataset(&block);
}
