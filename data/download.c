/* download.c - a file comes whole and right, or not at all. Bytes gather in NAME.part, from which a later call goes on, and are renamed once
 * their length and hash are those wanted. A lock on the folder lets one process at a time do so; it ends with its process. */
#define _GNU_SOURCE
#include "download.h"
#include "sha256.h"
#include "transfer.h"

#include <autograd/autograd.h>
#include <data/data.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TRIES = 5, STALL_SECONDS = 30, REASONS_MOST = 400, MODE_FOLDER = 0700, MODE_FILE = 0666, STEP = 1 << 16 }; /* MODE_FOLDER: XDG's */

struct download {
    const struct remote_file *file;
    char target[PATH_MOST], part[PATH_MOST];
    char urls[MIRRORS_MOST][URL_MOST];
    int url_count;
    long stall_seconds;
    FILE *progress;
    char reasons[REASONS_MOST];                 /* why each address did not do */
    bool is_local;                              /* a failure is reported already */
};

static bool fail_at(const char *path, const char *action)
{
    return ct_fail("%s: cannot %s: %s", path, action, strerror(errno));
}

/* ---- The folder -------------------------------------------------------------------------------------------------------------- */
bool download_folder(const char *folder, const char *set, char path[PATH_MOST])
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    const bool by_xdg = cache && *cache == '/';
    int length = -1;
    if (folder)
        length = snprintf(path, PATH_MOST, "%s", folder);
    else if (by_xdg || (home && *home))
        length = snprintf(path, PATH_MOST, "%s%s/cotangent/%s", by_xdg ? cache : home, by_xdg ? "" : "/.cache", set);
    else
        return ct_fail("%s: no folder to download to: set .folder, XDG_CACHE_HOME or HOME", set);
    return (length > 0 && length < PATH_MOST) || ct_fail("%s: the path of the folder to download to is %s", set, length ? "too long" : "empty");
}

static bool make_folder(const char *folder)
{
    char path[PATH_MOST];
    snprintf(path, sizeof path, "%s", folder);
    for (char *slash = path; slash;) {
        slash = strchr(slash + 1, '/');
        if (slash)
            *slash = 0;
        if (mkdir(path, MODE_FOLDER) && errno != EEXIST)
            return fail_at(path, "create the folder");
        if (slash)
            *slash = '/';
    }
    return true;
}

/* Another process of ours that downloads is waited for. The lock's file stays: whoever removed it would part those who wait from those who come. */
static int lock_folder(const char *folder, FILE *progress)
{
    char path[PATH_MOST];
    const int length = snprintf(path, sizeof path, "%s/.lock", folder);
    const int lock = length < PATH_MOST ? open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, MODE_FILE) : -1;
    if (lock < 0) {
        fail_at(path, "create");
        return -1;
    }
    if (!flock(lock, LOCK_EX | LOCK_NB))
        return lock;
    if (errno == EWOULDBLOCK && progress)
        fprintf(progress, "%s: waiting for another process that downloads\n", folder), fflush(progress);
    while (flock(lock, LOCK_EX))
        if (errno != EINTR) {
            fail_at(path, "lock");
            close(lock);
            return -1;
        }
    return lock;
}

/* ---- Is a file the one wanted? ------------------------------------------------------------------------------------------------- */
static bool hash_file(int descriptor, char text[SHA256_TEXT])
{
    unsigned char bytes[STEP];
    struct sha256 hash;
    ssize_t got;
    sha256_begin(&hash);
    for (off_t at = 0; (got = pread(descriptor, bytes, STEP, at)) != 0; at += got > 0 ? got : 0)
        if (got > 0)
            sha256_add(&hash, bytes, (size_t)got);
        else if (errno != EINTR)
            return false;
    sha256_end(&hash, text);
    return true;
}

/* What is wrong with it goes to reason. */
static bool is_right(int descriptor, const struct remote_file *file, char reason[TRANSFER_REASON])
{
    struct stat status;
    char hash[SHA256_TEXT];
    if (fstat(descriptor, &status) || !S_ISREG(status.st_mode))
        snprintf(reason, TRANSFER_REASON, "not a regular file");
    else if (file->bytes >= 0 && status.st_size != file->bytes)
        snprintf(reason, TRANSFER_REASON, "%lld bytes, want %lld", (long long)status.st_size, (long long)file->bytes);
    else if (!file->sha256)
        return true;
    else if (!hash_file(descriptor, hash))
        snprintf(reason, TRANSFER_REASON, "cannot read: %s", strerror(errno));
    else if (strcasecmp(hash, file->sha256))
        snprintf(reason, TRANSFER_REASON, "its sha256 is %.16s..., want %.16s...", hash, file->sha256);
    else
        return true;
    return false;
}

/* Is the target there, and right? One that is not is told of. */
static bool is_there(const struct download *d, bool tell)
{
    char reason[TRANSFER_REASON];
    const int descriptor = open(d->target, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0)
        return false;
    const bool right = is_right(descriptor, d->file, reason);
    close(descriptor);
    if (!right && tell && d->progress)
        fprintf(d->progress, "%s: %s; fetching it anew\n", d->target, reason), fflush(d->progress);
    return right;
}

/* ---- Getting it ---------------------------------------------------------------------------------------------------------------- */
static void add_reason(struct download *d, const char *url, const char *reason)
{
    const size_t used = strlen(d->reasons);
    snprintf(d->reasons + used, sizeof d->reasons - used, "%s%s: %s", used ? "; " : "", url, reason);
}

static bool clear(struct download *d, int part)
{
    d->is_local = ftruncate(part, 0) != 0;
    return !d->is_local || fail_at(d->part, "write");
}

/* A connection that is cut is taken up again where it was, as long as that brings bytes. What came in parts and is wrong as a whole is
 * asked for once more in one. */
static bool get_from(struct download *d, const char *url, int part)
{
    struct download_bar bar = download_bar(d->progress, d->file->name);
    struct transfer transfer = {.url = url, .descriptor = part, .bytes = d->file->bytes, .stall_seconds = d->stall_seconds,
                                .progress = download_bar_show, .context = &bar};
    bool good = false;
    for (int try = 0; try < TRIES && !good; try++) {
        const int64_t before = transfer.have = lseek(part, 0, SEEK_END);
        const bool is_whole = before > 0 && before == d->file->bytes;
        const bool came = is_whole || transfer_run(&transfer);
        if (!came && transfer.is_local) {
            d->is_local = true;
            ct_fail("%s: %s", d->part, transfer.reason);
            break;
        }
        if (!came && (transfer.is_refused || transfer.have == before))
            break;
        if (!came)
            continue;
        if ((good = is_right(part, d->file, transfer.reason)))
            break;
        if (!clear(d, part) || before == 0)
            break;
    }
    download_bar_end(&bar, transfer.have, good);
    if (!good && !d->is_local)
        add_reason(d, url, transfer.reason);
    return good;
}

static bool put_in_place(struct download *d, int part)
{
    d->is_local = fsync(part) || rename(d->part, d->target);
    return !d->is_local || fail_at(d->target, "save");
}

static bool get(struct download *d)
{
    struct stat status;
    if (!lstat(d->target, &status) && !S_ISREG(status.st_mode)) {
        d->is_local = true;
        return ct_fail("%s: cannot save: %s", d->target, S_ISDIR(status.st_mode) ? "it is a folder" : "not a regular file");
    }
    const int part = open(d->part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_APPEND, MODE_FILE);
    bool good = part >= 0 && !fstat(part, &status) && S_ISREG(status.st_mode);
    if (!good)
        d->is_local = !fail_at(d->part, "create");
    /* Without a hash nothing tells whether what is there belongs to the file; without a length, whether it is all of it. */
    else if (!d->file->sha256 || d->file->bytes < 0 || status.st_size > d->file->bytes)
        good = clear(d, part);
    bool came = false;
    for (int i = 0; good && !came && !d->is_local && i < d->url_count; i++) {
        good = i == 0 || d->file->sha256 || clear(d, part); /* nor whether what one address gave goes on at another */
        came = good && get_from(d, d->urls[i], part);
    }
    came = came && put_in_place(d, part);
    if (part >= 0)
        close(part);
    if (part >= 0 && !came && !d->is_local && !stat(d->part, &status) && status.st_size == 0)
        unlink(d->part);
    return came;
}

/* ---- All of them --------------------------------------------------------------------------------------------------------------- */
/* $COTANGENT_MIRROR, addresses with blanks between, takes the place of a set's own. */
static bool list_urls(struct download *d, const struct remote_set *set)
{
    const char *mirror = getenv("COTANGENT_MIRROR");
    int length = 0;
    if (mirror && *mirror)
        for (mirror += strspn(mirror, " "); *mirror && d->url_count < MIRRORS_MOST; mirror += strspn(mirror, " ")) {
            const int bytes = (int)strcspn(mirror, " ");
            const bool slash = mirror[bytes - 1] == '/';
            length = snprintf(d->urls[d->url_count++], URL_MOST, "%.*s%s%s/%s", bytes, mirror, slash ? "" : "/", set->name, d->file->name);
            mirror += bytes;
        }
    else
        for (int i = 0; i < MIRRORS_MOST && set->mirrors[i] && length < URL_MOST; i++)
            length = snprintf(d->urls[d->url_count++], URL_MOST, "%s%s", set->mirrors[i], set->whole_addresses ? "" : d->file->name);
    return length < URL_MOST || ct_fail("%s: an address of more than %d bytes", set->name, URL_MOST - 1);
}

static bool prepare(struct download *d, const struct remote_set *set, const struct remote_file *file, const char *folder, FILE *progress)
{
    *d = (struct download){.file = file, .stall_seconds = set->stall_seconds ? set->stall_seconds : STALL_SECONDS, .progress = progress};
    if (snprintf(d->target, PATH_MOST, "%s/%s", folder, file->name) + 5 >= PATH_MOST)
        return ct_fail("%s: the path of %s is too long", set->name, file->name);
    snprintf(d->part, PATH_MOST, "%.*s.part", PATH_MOST - 6, d->target);
    return list_urls(d, set);
}

/* What a person without a network can do. */
static bool fail_with_advice(const struct remote_set *set, const struct remote_file *files, int count, const struct download *d, const char *folder)
{
    char names[200] = "";
    for (int i = 0; i < count; i++) {
        const size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s%s", i ? ", " : "", files[i].name);
    }
    return ct_fail("%s: cannot download %s (by hand: put %s into %s): %s", set->name, d->file->name, names, folder, d->reasons);
}

bool download_files(const struct remote_set *set, const struct remote_file *files, int count, const char *folder, FILE *progress)
{
    struct download d;
    int there = 0;
    for (int i = 0; i < count; i++) {           /* first without a lock, for a folder that may only be read */
        if (!prepare(&d, set, &files[i], folder, progress))
            return false;
        there += is_there(&d, false);
    }
    if (there == count)
        return true;
    if (!transfer_available()) {
        snprintf(d.reasons, sizeof d.reasons, "this build of the library has no libcurl");
        return fail_with_advice(set, files, count, &d, folder);
    }
    const int lock = make_folder(folder) ? lock_folder(folder, progress) : -1;
    bool good = lock >= 0;
    for (int i = 0; good && i < count; i++) {
        good = prepare(&d, set, &files[i], folder, progress) && (is_there(&d, true) || get(&d));
        if (!good && !d.is_local)
            fail_with_advice(set, files, count, &d, folder);
    }
    if (lock >= 0)
        close(lock);
    return good;
}

/* ---- A user's own files -------------------------------------------------------------------------------------------------------- */
bool ct_data_has_download(void)
{
    return transfer_available();
}

static bool is_plain_name(const char *name)
{
    return name && *name && *name != '.' && !strchr(name, '/') && strlen(name) < 200;
}

static bool is_sha256(const char *text)
{
    return strlen(text) == SHA256_TEXT - 1 && strspn(text, "0123456789abcdefABCDEF") == SHA256_TEXT - 1;
}

bool (ct_data_download)(const char *set, const char *name, const char *const *urls, size_t count, const ct_data_download_options *options)
{
    const ct_data_download_options o = options ? *options : (ct_data_download_options){0};
    char folder[PATH_MOST];
    if (!is_plain_name(set) || !is_plain_name(name))
        return ct_fail("data_download: '%s' is no plain name of a %s", !is_plain_name(set) ? set ? set : "NULL" : name ? name : "NULL",
                       !is_plain_name(set) ? "set" : "file");
    if (!urls || count < 1 || count > MIRRORS_MOST)
        return ct_fail("data_download: %zu addresses, want 1 to %d", urls ? count : 0, MIRRORS_MOST);
    if (o.bytes < 0 || o.stall_seconds < 0 || o.stall_seconds > 86400)
        return ct_fail("data_download: %s %lld", o.bytes < 0 ? "bytes" : "stall_seconds", (long long)(o.bytes < 0 ? o.bytes : o.stall_seconds));
    if (o.sha256 && !is_sha256(o.sha256))
        return ct_fail("data_download: sha256 '%s', want 64 hexadecimal digits", o.sha256);
    struct remote_set remote = {.name = set, .stall_seconds = (long)o.stall_seconds, .whole_addresses = true};
    for (size_t i = 0; i < count; i++)
        if (!(remote.mirrors[i] = urls[i]))
            return ct_fail("data_download: address %zu is NULL", i);
    const struct remote_file file = {name, o.sha256, o.bytes ? o.bytes : -1};
    return download_folder(o.folder, set, folder) && download_files(&remote, &file, 1, folder, o.progress);
}
