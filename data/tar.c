/* tar.c - headers of 512 bytes, each followed by its member, filled up to as many. A header is believed once its checksum is right. */
#define _GNU_SOURCE
#include "tar.h"

#include <autograd/autograd.h>

#include <string.h>

enum { BLOCK = 512, NAME = 0, NAME_BYTES = 100, SIZE = 124, SIZE_BYTES = 12, CHECKSUM = 148, CHECKSUM_BYTES = 8, TYPE = 156, MAGIC = 257, PREFIX = 345, PREFIX_BYTES = 155,
       EXTENDED_MOST = 1 << 14 };

bool tar_open(struct tar *tar, const char *path, int64_t most)
{
    *tar = (struct tar){.path = path, .most = most, .file = byte_file_open(path)};
    return tar->file;
}

bool tar_close(struct tar *tar, bool good)
{
    return byte_file_close(tar->file, tar->path, good);
}

/* Blanks, octal digits, then blanks or the end; -1: anything else. */
static int64_t octal(const unsigned char *text, int count)
{
    int64_t value = 0;
    int i = 0;
    while (i < count && text[i] == ' ')
        i++;
    const int first = i;
    for (; i < count && text[i] >= '0' && text[i] <= '7'; i++)
        value = 8 * value + (text[i] - '0');
    const bool good = i > first;
    for (; i < count; i++)
        if (text[i] && text[i] != ' ')
            return -1;
    return good ? value : -1;
}

static bool is_header(const unsigned char *block)
{
    int64_t sum = 0;
    for (int i = 0; i < BLOCK; i++)
        sum += i >= CHECKSUM && i < CHECKSUM + CHECKSUM_BYTES ? ' ' : block[i];
    return (!block[MAGIC] || !memcmp(block + MAGIC, "ustar", 5)) && octal(block + CHECKSUM, CHECKSUM_BYTES) == sum;
}

static bool is_zero(const unsigned char *block)
{
    for (int i = 0; i < BLOCK; i++)
        if (block[i])
            return false;
    return true;
}

/* The prefix belongs to ustar; GNU's own headers have other things in its place. */
static void take_name(struct tar *tar, const unsigned char *block)
{
    const bool prefix = !memcmp(block + MAGIC, "ustar", 6) && block[PREFIX];
    snprintf(tar->name, sizeof tar->name, "%.*s%s%.*s", prefix ? PREFIX_BYTES : 0, (const char *)block + PREFIX, prefix ? "/" : "", NAME_BYTES,
             (const char *)block + NAME);
}

static bool check_name(const struct tar *tar)
{
    if (!*tar->name)
        return ct_fail("%s: a member without a name", tar->path);
    if (*tar->name == '/')
        return ct_fail("%s: the name of member %s is absolute", tar->path, tar->name);
    for (const char *part = tar->name; part; part = strchr(part, '/')) {
        part += *part == '/';
        if (!strncmp(part, "..", 2) && (!part[2] || part[2] == '/'))
            return ct_fail("%s: the name of member %s leads out of the archive", tar->path, tar->name);
    }
    return true;
}

static bool check_type(const struct tar *tar, unsigned char type)
{
    if (type == '1' || type == '2')
        return ct_fail("%s: member %s is a link", tar->path, tar->name);
    if (type == 'L' || type == 'K')
        return ct_fail("%s: member %s is a name of GNU's, which is not understood", tar->path, tar->name);
    if (type && type != '0' && type != '5' && type != 'x' && type != 'g')
        return ct_fail("%s: member %s is no file: type 0x%02x", tar->path, tar->name, type);
    return true;
}

static bool skip(struct tar *tar, int64_t bytes)
{
    char block[16 * BLOCK];
    while (bytes > 0) {
        const size_t step = bytes < (int64_t)sizeof block ? (size_t)bytes : sizeof block;
        const int64_t got = byte_file_read(tar->file, tar->path, block, step);
        if (got < (int64_t)step)
            return got >= 0 && ct_fail("%s: ends inside member %s", tar->path, tar->name);
        bytes -= got;
    }
    return true;
}

enum { PASSED_OVER = 2 };                       /* a folder, an extended header */

static int next_header(struct tar *tar)
{
    unsigned char block[BLOCK];
    const int64_t got = byte_file_read(tar->file, tar->path, block, BLOCK);
    if (got == BLOCK && is_zero(block))
        return 0;
    if (got < 0)
        return -1;
    if (got < BLOCK)
        return ct_fail("%s: ends before the archive's end", tar->path), -1;
    if (!is_header(block))
        return ct_fail("%s: not a tar archive, or a damaged one", tar->path), -1;
    take_name(tar, block);
    tar->left = tar->padding = 0;
    const int64_t bytes = octal(block + SIZE, SIZE_BYTES);
    if (!check_name(tar) || !check_type(tar, block[TYPE]))
        return -1;
    if (bytes < 0 || bytes > tar->most - BLOCK)
        return ct_fail("%s: member %s: %s", tar->path, tar->name, bytes < 0 ? "its size is no octal number" : "more bytes than are read"), -1;
    tar->most -= BLOCK + bytes;
    tar->bytes = tar->left = bytes;
    tar->padding = (BLOCK - bytes % BLOCK) % BLOCK;
    tar->is_extended = block[TYPE] == 'x' || block[TYPE] == 'g';
    return tar->is_extended || block[TYPE] == '5' ? PASSED_OVER : 1;
}

int64_t tar_read(struct tar *tar, void *out, size_t want)
{
    const size_t step = (int64_t)want < tar->left ? want : (size_t)tar->left;
    const int64_t got = byte_file_read(tar->file, tar->path, out, step);
    if (got >= 0 && got < (int64_t)step) {
        ct_fail("%s: ends inside member %s", tar->path, tar->name);
        return -1;
    }
    tar->left -= got < 0 ? 0 : got;
    return got;
}

/* pax says of the member to come what its header cannot: times and owners are of no use here, other names and sizes would be. */
static bool check_extended(struct tar *tar)
{
    static const char *const keys[] = {" path=", " size=", " linkpath="};
    char text[EXTENDED_MOST];
    const int64_t bytes = tar->bytes <= EXTENDED_MOST ? tar_read(tar, text, (size_t)tar->bytes) : -2;
    bool good = bytes == tar->bytes;
    for (int i = 0; good && i < 3; i++)
        good = !memmem(text, (size_t)bytes, keys[i], strlen(keys[i]));
    return good || ct_fail("%s: extended header %s changes a name or a size, which is not understood", tar->path, tar->name);
}

int tar_next(struct tar *tar)
{
    int found;
    do {
        found = skip(tar, tar->left + tar->padding) ? next_header(tar) : -1;
        if (found == PASSED_OVER && tar->is_extended && !check_extended(tar))
            found = -1;
    } while (found == PASSED_OVER);
    return found;
}
