/* TFRecord: a length, its checksum, that many bytes, their checksum; little-endian. github.com/tensorflow/tensorflow, core/lib/io/record_writer.cc */
#define _GNU_SOURCE
#include "train/events.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "autograd/memory.h"
#include "train/log.h"

static const char name_start[] = "events.out.tfevents.";
enum { PATH_BYTES = 4096, HOST_BYTES = 64, TRIES = 1000 };

uint32_t events_checksum(const void *bytes, size_t count)
{
    static const uint32_t nibbles[16] = {       /* of the reversed polynomial 0x82f63b78 */
        0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
        0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75};
    uint32_t crc = UINT32_MAX;
    for (const unsigned char *byte = bytes; count--; byte++) {
        crc = nibbles[(crc ^ *byte) & 15] ^ crc >> 4;
        crc = nibbles[(crc ^ *byte >> 4) & 15] ^ crc >> 4;
    }
    crc = ~crc;
    return (crc >> 15 | crc << 17) + 0xa282ead8;
}

static bool cannot(const struct events *self, const char *what)
{
    return ct_fail("%s: cannot %s: %s", self->path, what, strerror(errno)) != NULL;
}

/* Is somebody writing it? Who does holds a lock on it. */
static bool is_being_written(int folder, const char *name)
{
    const int descriptor = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    const bool locked = descriptor >= 0 && flock(descriptor, LOCK_SH | LOCK_NB) && errno == EWOULDBLOCK;
    if (descriptor >= 0)
        close(descriptor);
    return locked;
}

/* Looked for once our own is there: of two runs that begin at once, at most one finds itself alone. */
static bool others_are_fine(const struct events *self, const char *folder, enum events_others others)
{
    const char *own = strrchr(self->path, '/') + 1;
    DIR *open = opendir(folder);
    bool good = open || ct_fail("%s: cannot read the folder: %s", folder, strerror(errno));
    for (struct dirent *entry; good && (entry = readdir(open));) {
        if (strncmp(entry->d_name, name_start, sizeof name_start - 1) || !strcmp(entry->d_name, own))
            continue;
        if (others == EVENTS_NONE)
            good = ct_fail("%s/%s is there already, from another run: go on from that with .resume, or name another folder", folder, entry->d_name);
        else if (is_being_written(dirfd(open), entry->d_name))
            good = ct_fail("%s/%s: another run is writing it", folder, entry->d_name);
    }
    if (open)
        closedir(open);
    return good;
}

/* A name that nobody has: TensorBoard reads a folder's files in the order of their names. */
static int create(struct events *self, const char *folder)
{
    char host[HOST_BYTES] = "";
    gethostname(host, sizeof host - 1);
    for (char *c = host; *c; c++)
        *c = *c == '/' || *c <= ' ' ? '_' : *c;
    int descriptor = -1;
    for (int i = 0; i < TRIES; i++) {
        snprintf(self->path, PATH_BYTES, "%s/%s%010lld.%s.%03d", folder, name_start, (long long)time(NULL), *host ? host : "localhost", i);
        descriptor = open(self->path, O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (descriptor >= 0 || errno != EEXIST)
            break;
    }
    return descriptor;
}

bool events_open(struct events *self, const char *folder, enum events_others others)
{
    *self = (struct events){0};
    if (strlen(folder) >= PATH_BYTES - 2 * HOST_BYTES)
        return ct_fail("%.80s...: the path is too long", folder) != NULL;
    if (!folder_make(folder))
        return false;
    self->path = heap_alloc(PATH_BYTES);
    if (!self->path)
        return ct_fail("%s: out of memory", folder) != NULL;
    const int descriptor = create(self, folder);
    if (descriptor < 0) {
        cannot(self, "write it");
        events_close(self);
        return false;
    }
    flock(descriptor, LOCK_EX | LOCK_NB);       /* where there are no locks we go without */
    bool good = others == EVENTS_ANY || others_are_fine(self, folder, others);
    if (good)
        good = (self->file = fdopen(descriptor, "a")) != NULL || cannot(self, "write it");
    if (!good) {
        close(descriptor);
        unlink(self->path);
        events_close(self);
    }
    return good;
}

static void put_little(unsigned char *at, uint64_t value, size_t count)
{
    for (size_t i = 0; i < count; i++)
        at[i] = (unsigned char)(value >> 8 * i);
}

bool events_append(struct events *self, const void *record, size_t count)
{
    unsigned char head[12], tail[4];
    put_little(head, count, 8);
    put_little(head + 8, events_checksum(head, 8), 4);
    put_little(tail, events_checksum(record, count), 4);
    return (fwrite(head, sizeof head, 1, self->file) == 1 && (!count || fwrite(record, count, 1, self->file) == 1) &&
            fwrite(tail, sizeof tail, 1, self->file) == 1) || cannot(self, "write it");
}

bool events_flush(struct events *self)
{
    return (!fflush(self->file) && !ferror(self->file)) || cannot(self, "write it");
}

bool events_close(struct events *self)
{
    FILE *file = self->file;
    self->file = NULL;
    const bool good = !file || !fclose(file) || cannot(self, "write it");
    heap_free(self->path);
    self->path = NULL;
    return good;
}
