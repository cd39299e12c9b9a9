/* Downloads from a server that cuts, stalls, redirects, corrupts and lies; the lock; the hash. */
#define _GNU_SOURCE
#include <cotangent.h>

#include "data/sha256.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "files.h"

extern char **environ;

enum { BYTES = 300000, PIECE = 100000, REQUESTS_MOST = 64 };

static char content[BYTES];
static char hash[SHA256_TEXT];

/* ---- The disk ------------------------------------------------------------------------------------------------------------------ */
static bool disk_is_full;
ssize_t __real_write(int descriptor, const void *bytes, size_t count);
ssize_t __wrap_write(int descriptor, const void *bytes, size_t count);
ssize_t __wrap_write(int descriptor, const void *bytes, size_t count)
{
    struct stat status;
    if (disk_is_full && !fstat(descriptor, &status) && S_ISREG(status.st_mode)) {
        errno = ENOSPC;
        return -1;
    }
    return __real_write(descriptor, bytes, count);
}

/* ---- The server: the first part of a path says what it does ---------------------------------------------------------------------- */
static struct {
    int listener, port;
    pthread_mutex_t lock;
    int requests;
    long long ranges[REQUESTS_MOST];            /* where each was asked to begin; -1: no Range */
} server = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void send_all(int to, const char *bytes, size_t count)
{
    while (count) {
        const ssize_t sent = send(to, bytes, count, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        bytes += sent, count -= (size_t)sent;
    }
}

static void send_text(int to, const char *text)
{
    send_all(to, text, strlen(text));
}

static void send_file(int to, const char *bytes, long long size, long long from, long long count, long long claimed)
{
    char head[300];
    if (from > 0)
        snprintf(head, sizeof head, "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes %lld-%lld/%lld\r\nContent-Length: %lld\r\nConnection: close\r\n\r\n",
                 from, size - 1, size, claimed - from);
    else
        snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %lld\r\nConnection: close\r\n\r\n", claimed);
    send_text(to, head);
    send_all(to, bytes + from, (size_t)count);
}

static void wait_for_close(int from)
{
    char byte;
    while (recv(from, &byte, 1, 0) > 0)
        ;
}

static void pause_for(int milliseconds)
{
    nanosleep(&(struct timespec){milliseconds / 1000, milliseconds % 1000 * 1000000L}, NULL);
}

/* A folder of this machine's files, for whole sets. */
static void send_real(int to, const char *path)
{
    char name[400], head[100];
    snprintf(name, sizeof name, "%s/%s", getenv("CT_TEST_SERVED"), path);
    FILE *file = fopen(name, "rb");
    if (!file) {
        send_text(to, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        return;
    }
    fseek(file, 0, SEEK_END);
    snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %ld\r\nConnection: close\r\n\r\n", ftell(file));
    rewind(file);
    send_text(to, head);
    char bytes[1 << 14];
    for (size_t got; (got = fread(bytes, 1, sizeof bytes, file));)
        send_all(to, bytes, got);
    fclose(file);
}

static void answer(int to, const char *what, const char *rest, long long range)
{
    const long long from = range > 0 ? range : 0, left = BYTES - from;
    char head[300];
    if (!strcmp(what, "good"))
        send_file(to, content, BYTES, from, left, BYTES);
    else if (!strcmp(what, "cut"))
        send_file(to, content, BYTES, from, left < PIECE ? left : PIECE, BYTES);
    else if (!strcmp(what, "dead"))
        ;
    else if (!strcmp(what, "norange"))
        send_file(to, content, BYTES, 0, BYTES, BYTES);
    else if (!strcmp(what, "nolength")) {
        send_text(to, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
        send_all(to, content, BYTES);
    } else if (!strcmp(what, "endless")) {
        send_text(to, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
        for (int i = 0; i < 20; i++)
            send_all(to, content, BYTES);
    } else if (!strcmp(what, "slow"))
        for (int i = 0; i < 6; i++) {
            if (i == 0)
                send_file(to, content, BYTES, 0, BYTES / 6, BYTES);
            else
                send_all(to, content + i * (BYTES / 6), BYTES / 6);
            pause_for(80);
        }
    else if (!strcmp(what, "stall")) {
        send_file(to, content, BYTES, from, 1000, BYTES);
        wait_for_close(to);
    } else if (!strcmp(what, "silent"))
        wait_for_close(to);
    else if (!strcmp(what, "corrupt")) {
        char *wrong = malloc(BYTES);
        memcpy(wrong, content, BYTES);
        wrong[BYTES - 7] ^= 1;
        send_file(to, wrong, BYTES, from, left, BYTES);
        free(wrong);
    } else if (!strcmp(what, "another")) {      /* the beginning of another file, and no more */
        char *wrong = calloc(1, PIECE);
        if (range <= 0)
            send_file(to, wrong, BYTES, 0, PIECE, BYTES);
        free(wrong);
    } else if (!strcmp(what, "short"))
        send_file(to, content, BYTES, 0, 5000, 5000);
    else if (!strcmp(what, "html"))
        send_text(to, "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 300000\r\n\r\n<html>Log in first</html>");
    else if (!strcmp(what, "wrongpart")) {
        snprintf(head, sizeof head, "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes %lld-%d/%d\r\nContent-Length: %lld\r\nConnection: close\r\n\r\n",
                 from / 2, BYTES - 1, BYTES, BYTES - from / 2);
        if (range < 0)
            send_file(to, content, BYTES, 0, BYTES, BYTES);
        else
            send_text(to, head), send_all(to, content + from / 2, (size_t)(BYTES - from / 2));
    } else if (!strcmp(what, "nomore")) {
        if (range < 0)
            send_file(to, content, BYTES, 0, BYTES, BYTES);
        else
            send_text(to, "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    } else if (!strcmp(what, "moved")) {
        snprintf(head, sizeof head, "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%d/good/%s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", server.port, rest);
        send_text(to, head);
    } else if (!strcmp(what, "loop"))
        send_text(to, "HTTP/1.1 302 Found\r\nLocation: /loop/f\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    else if (!strcmp(what, "local"))
        send_text(to, "HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    else if (!strcmp(what, "busy"))
        send_text(to, "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbusy");
    else if (!strcmp(what, "real"))
        send_real(to, rest);
    else
        send_text(to, "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\nConnection: close\r\n\r\nnone");
}

static void *serve_one(void *argument)
{
    const int socket = (int)(intptr_t)argument;
    char request[4096], what[100] = "", rest[200] = "";
    size_t used = 0;
    for (ssize_t got = 1; got > 0 && used < sizeof request - 1 && !(used && strstr(request, "\r\n\r\n"));) {
        got = recv(socket, request + used, sizeof request - 1 - used, 0);
        used += got > 0 ? (size_t)got : 0;
        request[used] = 0;
    }
    long long range = -1;
    const char *line = strcasestr(request, "\r\nRange: bytes=");
    if (line)
        sscanf(line, "\r\n%*[^=]=%lld", &range);
    sscanf(request, "GET /%99[^/]/%199[^ ]", what, rest);
    pthread_mutex_lock(&server.lock);
    if (server.requests < REQUESTS_MOST)
        server.ranges[server.requests++] = range;
    pthread_mutex_unlock(&server.lock);
    answer(socket, what, rest, range);
    shutdown(socket, SHUT_WR);
    wait_for_close(socket);
    close(socket);
    return NULL;
}

static void *serve(void *unused)
{
    for (int socket; (socket = accept4(server.listener, NULL, NULL, SOCK_CLOEXEC)) >= 0;) {
        pthread_t thread;
        if (!pthread_create(&thread, NULL, serve_one, (void *)(intptr_t)socket))
            pthread_detach(thread);
    }
    return unused;
}

static const char *url(const char *what)        /* valid for seven more calls */
{
    static char texts[8][100];
    static int turn;
    turn = (turn + 1) % 8;
    snprintf(texts[turn], sizeof *texts, "http://127.0.0.1:%d/%s/f", server.port, what);
    return texts[turn];
}

static int requests(void)
{
    pthread_mutex_lock(&server.lock);
    const int count = server.requests;
    pthread_mutex_unlock(&server.lock);
    return count;
}

/* ---- The folder: empty before and after each test, but for the lock --------------------------------------------------------------- */
static int clean(void **state)
{
    (void)state;
    char command[300];
    snprintf(command, sizeof command, "rm -rf '%s' && mkdir '%s'", folder, folder);
    server.requests = 0;
    return system(command);
}

static int begin(void **state)
{
    pthread_t thread;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    unsetenv("COTANGENT_MIRROR"), unsetenv("http_proxy"), unsetenv("all_proxy"), unsetenv("ALL_PROXY");
    uint32_t random = 1;
    for (int i = 0; i < BYTES; i++)
        content[i] = (char)((random = random * 1664525 + 1013904223) >> 24);
    struct sha256 sum;
    sha256_begin(&sum);
    sha256_add(&sum, content, BYTES);
    sha256_end(&sum, hash);
    server.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(server.listener, (struct sockaddr *)&address, sizeof address) || listen(server.listener, 16) ||
        getsockname(server.listener, (struct sockaddr *)&address, &length) || pthread_create(&thread, NULL, serve, NULL))
        return -1;
    pthread_detach(thread);
    server.port = ntohs(address.sin_port);
    return make_folder(state);
}

static int end(void **state)
{
    shutdown(server.listener, SHUT_RDWR);
    close(server.listener);
    clean(state);
    return remove_folder(state);
}

static void assert_content(const char *name)
{
    char *bytes = malloc(BYTES + 1);
    FILE *file = fopen(path_of(name), "rb");
    assert_non_null(file);
    assert_int_equal(fread(bytes, 1, BYTES + 1, file), BYTES);
    fclose(file);
    assert_memory_equal(bytes, content, BYTES);
    free(bytes);
    assert_int_not_equal(access(path_of("f.part"), F_OK), 0);
}

static bool is_there(const char *name)
{
    return !access(path_of(name), F_OK);
}

#define GET(...) ct_data_download("set", "f", CT_URLS(__VA_ARGS__), .folder = folder, .bytes = BYTES, .sha256 = hash, .stall_seconds = 1)

#define NEEDS_CURL()             \
    (void)state;                 \
    if (!ct_data_has_download()) \
        skip()

/* ---- The hash -------------------------------------------------------------------------------------------------------------------- */
static void assert_hash(const char *text, size_t repeated, const char *want)
{
    char got[SHA256_TEXT];
    for (size_t step = 1; step < 200; step += 17) { /* however the bytes come */
        struct sha256 sum;
        sha256_begin(&sum);
        for (size_t k = 0; k < repeated; k++)
            for (size_t i = 0; i < strlen(text); i += step)
                sha256_add(&sum, text + i, strlen(text) - i < step ? strlen(text) - i : step);
        sha256_end(&sum, got);
        assert_string_equal(got, want);
    }
}

static void test_sha256_of_the_standard(void **state)
{
    (void)state;
    assert_hash("", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_hash("abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_hash("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    assert_hash("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu", 1,
                "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1");
    assert_hash("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 10000,
                "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

/* ---- What goes well ---------------------------------------------------------------------------------------------------------------- */
static void test_a_file_comes_and_is_not_asked_for_again(void **state)
{
    NEEDS_CURL();
    static const char *const kinds[] = {"good", "nolength", "norange", "moved", "slow"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        clean(NULL);
        assert_true(GET(url(kinds[i])));
        assert_fine();
        assert_content("f");
        const int before = requests();
        assert_true(GET(url("dead")));
        assert_int_equal(requests(), before);
    }
    char path[300];
    clean(NULL);
    setenv("XDG_CACHE_HOME", folder, 1);
    assert_true(ct_data_download("mine", "f", CT_URLS(url("good"))));  /* nothing known of it */
    assert_content("cotangent/mine/f");
    assert_true(ct_data_find(NULL, "mine", "f", path, sizeof path));
    assert_string_equal(path, path_of("cotangent/mine/f"));
    unsetenv("XDG_CACHE_HOME");
}

static void test_a_cut_connection_is_taken_up_where_it_was(void **state)
{
    NEEDS_CURL();
    assert_true(GET(url("cut")));
    assert_content("f");
    assert_int_equal(requests(), 3);
    assert_memory_equal(server.ranges, ((const long long[]){-1, PIECE, 2 * PIECE}), 3 * sizeof *server.ranges);
}

static void test_an_earlier_download_is_gone_on_with(void **state)
{
    NEEDS_CURL();
    write_file(path_of("f.part"), content, 120000);
    assert_true(GET(url("good")));
    assert_content("f");
    assert_int_equal(requests(), 1);
    assert_int_equal(server.ranges[0], 120000);
    static const char *const kinds[] = {"norange", "wrongpart", "nomore"}; /* servers that cannot */
    for (int i = 0; i < 3; i++) {
        clean(NULL);
        write_file(path_of("f.part"), content, 120000);
        assert_true(GET(url(kinds[i])));
        assert_fine();
        assert_content("f");
        assert_int_equal(requests(), i ? 2 : 1);
        assert_int_equal(server.ranges[i ? 1 : 0], i ? -1 : 120000);
    }
    clean(NULL);
    write_file(path_of("f.part"), content, BYTES); /* only the renaming was missing */
    assert_true(GET(url("good")));
    assert_content("f");
    assert_int_equal(requests(), 0);
}

static void test_a_wrong_beginning_is_fetched_anew(void **state)
{
    NEEDS_CURL();
    char *wrong = calloc(1, BYTES + 10);
    static const size_t sizes[] = {5000, BYTES, BYTES + 10};
    for (int i = 0; i < 3; i++) {
        clean(NULL);
        write_file(path_of("f.part"), wrong, sizes[i]);
        assert_true(GET(url("good")));
        assert_fine();
        assert_content("f");
        assert_int_equal(requests(), i ? 1 : 2);
        assert_int_equal(server.ranges[requests() - 1], -1);
    }
    clean(NULL);
    write_file(path_of("f.part"), wrong, 5000);  /* of a file with no hash nothing is taken over */
    assert_true(ct_data_download("set", "f", CT_URLS(url("good")), .folder = folder, .bytes = BYTES));
    assert_content("f");
    free(wrong);
}

static void test_without_a_hash_no_file_is_made_of_two(void **state)
{
    NEEDS_CURL();
    assert_true(ct_data_download("set", "f", CT_URLS(url("another"), url("good")), .folder = folder, .bytes = BYTES));
    assert_content("f");
    clean(NULL);
    assert_true(GET(url("cut"), url("good")));  /* with one, each goes on where the one before ended */
    assert_content("f");
}

static void test_a_wrong_file_in_the_cache_is_told_and_fetched_anew(void **state)
{
    NEEDS_CURL();
    char text[600] = "";
    FILE *log = fmemopen(text, sizeof text, "w");
    char *wrong = calloc(1, BYTES);
    write_file(path_of("f"), wrong, BYTES);
    assert_true(ct_data_download("set", "f", CT_URLS(url("good")), .folder = folder, .bytes = BYTES, .sha256 = hash, .progress = log));
    fflush(log);
    assert_non_null(strstr(text, "/f: its sha256 is "));
    assert_non_null(strstr(text, "fetching it anew\n"));
    assert_non_null(strstr(text, "f: 0.3 MB ("));
    assert_null(strchr(text, '\r'));            /* no terminal, no bar */
    assert_content("f");
    write_file(path_of("f"), wrong, 100);
    rewind(log);
    assert_true(ct_data_download("set", "f", CT_URLS(url("good")), .folder = folder, .bytes = BYTES, .sha256 = hash, .progress = log));
    fflush(log);
    assert_non_null(strstr(text, "/f: 100 bytes, want 300000; fetching it anew"));
    assert_content("f");
    fclose(log);
    free(wrong);
}

static void test_a_bar_on_a_terminal(void **state)
{
    NEEDS_CURL();
    const int master = posix_openpt(O_RDWR | O_NOCTTY);
    if (master < 0 || grantpt(master) || unlockpt(master))
        skip();
    FILE *terminal = fopen(ptsname(master), "w");
    assert_non_null(terminal);
    assert_true(ct_data_download("set", "f", CT_URLS(url("slow")), .folder = folder, .bytes = BYTES, .sha256 = hash, .progress = terminal));
    fclose(terminal);
    char text[4096] = "";
    for (size_t used = 0; used < sizeof text - 1;) {
        const ssize_t got = read(master, text + used, sizeof text - 1 - used);
        if (got <= 0)
            break;
        used += (size_t)got;
    }
    close(master);
    assert_non_null(strstr(text, "\rf   "));
    assert_non_null(strstr(text, "of 0.3 MB"));
    assert_non_null(strstr(text, "=>"));
}

static void test_mirrors_are_asked_in_turn(void **state)
{
    NEEDS_CURL();
    assert_true(GET(url("none"), url("html"), url("corrupt"), url("stall"), url("local"), url("good"), url("dead")));
    assert_fine();
    assert_content("f");
    assert_int_equal(server.ranges[0], -1);
}

/* ---- What does not -------------------------------------------------------------------------------------------------------------- */
static void test_each_lie_of_a_server_is_told(void **state)
{
    NEEDS_CURL();
    static const struct {
        const char *what, *error;
        bool keeps_part;
    } lies[] = {
        {"none", "none/f: the server answers 404", false},
        {"busy", "the server answers 503", false},
        {"html", "the server sends a web page instead", false},
        {"short", "it has 5000 bytes there, want 300000", false},
        {"endless", "the server sends more than 300000 bytes", true},
        {"corrupt", "its sha256 is ", false},
        {"stall", "nothing came for 1 s", true},
        {"silent", "nothing came for 1 s", false},
        {"dead", "Server returned nothing", false},
        {"loop", "redirects", false},
        {"local", "nsupported protocol", false},
    };
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        clean(NULL);
        assert_false(GET(url(lies[i].what)));
        if (!strstr(ct_error(), "set: cannot download f (by hand: put f into /"))
            fail_msg("%s", ct_error());
        assert_error(lies[i].error);
        assert_false(is_there("f"));
        assert_int_equal(is_there("f.part"), lies[i].keeps_part);
    }
    assert_false(GET(url("none"), url("busy"), "ftp://127.0.0.1/f"));
    if (!strstr(ct_error(), "404; ") || !strstr(ct_error(), "503; "))
        fail_msg("%s", ct_error());
    assert_error("nsupported protocol");        /* every address with its reason */
}

static void test_without_a_network(void **state)
{
    NEEDS_CURL();
    char mirror[100], wanted[300];
    const int probe = socket(AF_INET, SOCK_STREAM, 0); /* a port that nobody listens on */
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    assert_int_equal(bind(probe, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(probe, (struct sockaddr *)&address, &length), 0);
    snprintf(mirror, sizeof mirror, "http://127.0.0.1:%d", ntohs(address.sin_port));
    setenv("COTANGENT_MIRROR", mirror, 1), setenv("XDG_CACHE_HOME", folder, 1), unsetenv("COTANGENT_DATA");
    assert_null(ct_data_mnist(.download = true));
    snprintf(wanted, sizeof wanted, "mnist: cannot download t10k-images-idx3-ubyte.gz (by hand: put t10k-images-idx3-ubyte.gz, t10k-labels-idx1-ubyte.gz into "
             "%s/cotangent/mnist): %s/mnist/t10k-images-idx3-ubyte.gz: ", folder, mirror);
    assert_error(wanted);
    assert_null(ct_data_fashion_mnist(.download = true, .train = true));
    assert_error("fashion_mnist: cannot download train-images-idx3-ubyte.gz");
    assert_null(ct_data_cifar10(.download = true));
    assert_error("cifar10: cannot download cifar-10-binary.tar.gz");
    close(probe);
    unsetenv("COTANGENT_MIRROR"), unsetenv("XDG_CACHE_HOME");
}

static void test_a_full_disk(void **state)
{
    NEEDS_CURL();
    disk_is_full = true;
    const bool got = GET(url("good"), url("good"));
    disk_is_full = false;
    assert_false(got);
    assert_error("/f.part: cannot write: No space left on device");
    assert_int_equal(requests(), 1);            /* another address would not help */
    assert_true(GET(url("good")));
    assert_content("f");
}

static void test_folders_that_cannot_be_written(void **state)
{
    NEEDS_CURL();
    write_file(path_of("file"), "", 0);
    assert_false(ct_data_download("set", "f", CT_URLS(url("good")), .folder = path_of("file/below")));
    assert_error("/file/below: cannot create the folder: Not a directory");
    assert_false(ct_data_download("set", "f", CT_URLS(url("good")), .folder = path_of("file")));
    assert_error("/file/.lock: cannot create: Not a directory");
    assert_int_equal(mkdir(path_of("f"), 0700), 0);
    assert_false(GET(url("good")));
    assert_error("/f: cannot save: it is a folder");
    rmdir(path_of("f"));
    assert_int_equal(mkdir(path_of("f.part"), 0700), 0);
    assert_false(GET(url("good")));
    assert_error("/f.part: cannot create: Is a directory");
    assert_int_equal(requests(), 0);
    rmdir(path_of("f.part"));
    if (geteuid() == 0)
        return;
    assert_true(GET(url("good")));
    assert_int_equal(chmod(folder, 0500), 0);
    assert_true(GET(url("dead")));              /* what is there can be used from a folder that may only be read */
    unlink(path_of("f"));
    assert_false(ct_data_download("set", "g", CT_URLS(url("good")), .folder = folder));
    assert_error("Permission denied");
    chmod(folder, 0700);
}

static void test_calls_that_are_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"", "..", "a/b", ".lock", NULL};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_false(ct_data_download(names[i], "f", CT_URLS(url("good"))));
        assert_error("is no plain name of a set");
        assert_false(ct_data_download("set", names[i], CT_URLS(url("good"))));
        assert_error("is no plain name of a file");
    }
    assert_false(ct_data_download("set", "f", NULL, 0));
    assert_error("0 addresses, want 1 to 8");
    assert_false(ct_data_download("set", "f", CT_URLS(url("good"), NULL)));
    assert_error("address 1 is NULL");
    assert_false(ct_data_download("set", "f", CT_URLS(url("good")), .bytes = -1));
    assert_error("bytes -1");
    assert_false(ct_data_download("set", "f", CT_URLS(url("good")), .sha256 = "abc"));
    assert_error("sha256 'abc', want 64 hexadecimal digits");
    if (ct_data_has_download())
        return;
    assert_false(GET(url("good")));
    assert_error("this build of the library has no libcurl");
}

/* ---- Other processes --------------------------------------------------------------------------------------------------------------- */
/* This program, as a process of its own: "get URL" downloads f, "lock" takes the lock, says so and stays. */
static pid_t start(const char *what, const char *address, int *says)
{
    char *const words[] = {"test_download", (char *)what, folder, (char *)address, hash, NULL};
    int pipes[2];
    pid_t child;
    posix_spawn_file_actions_t actions;
    assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, pipes[1], 1);
    assert_int_equal(posix_spawn(&child, "/proc/self/exe", &actions, NULL, words, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(pipes[1]);
    *says = pipes[0];
    return child;
}

static int other_process(char **words)
{
    char path[300];
    if (!strcmp(words[1], "lock")) {
        snprintf(path, sizeof path, "%s/.lock", words[2]);
        const int lock = open(path, O_RDWR | O_CREAT, 0600);
        if (lock < 0 || flock(lock, LOCK_EX) || __real_write(1, "x", 1) != 1)
            return 1;
        for (;;)
            pause();
    }
    ct_data_download("set", "f", CT_URLS(words[3]), .folder = words[2], .bytes = BYTES, .sha256 = words[4], .stall_seconds = 5);
    return ct_report_error();
}

static void test_two_processes_fetch_once(void **state)
{
    NEEDS_CURL();
    int says[3];
    pid_t children[3];
    for (int i = 0; i < 3; i++)
        children[i] = start("get", url("slow"), &says[i]);
    for (int i = 0; i < 3; i++) {
        int status = -1;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        close(says[i]);
    }
    assert_content("f");
    assert_int_equal(requests(), 1);
}

static void test_a_dead_process_leaves_its_lock(void **state)
{
    NEEDS_CURL();
    int says, status;
    char byte, text[300] = "";
    FILE *log = fmemopen(text, sizeof text, "w");
    const pid_t child = start("lock", "", &says);
    assert_int_equal(read(says, &byte, 1), 1);
    close(says);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(is_there(".lock"));
    write_file(path_of("f.part"), content, 250000); /* and what it had */
    assert_true(ct_data_download("set", "f", CT_URLS(url("good")), .folder = folder, .bytes = BYTES, .sha256 = hash, .progress = log));
    fclose(log);
    assert_null(strstr(text, "waiting"));
    assert_content("f");
    assert_int_equal(server.ranges[0], 250000);
}

/* ---- A set of the library's ---------------------------------------------------------------------------------------------------------- */
static void test_mnist_from_a_mirror(void **state)
{
    NEEDS_CURL();
    char served[600], mirror[200], path[700];
    const char *data = getenv("COTANGENT_DATA"), *root = getenv("CT_SOURCE_ROOT");
    snprintf(served, sizeof served, "%s", data ? data : "");
    snprintf(path, sizeof path, "%s/mnist/t10k-images-idx3-ubyte.gz", served);
    if (access(path, R_OK))
        snprintf(served, sizeof served, "%s/../shared/data", root ? root : ".");
    snprintf(path, sizeof path, "%s/mnist/t10k-images-idx3-ubyte.gz", served);
    if (access(path, R_OK)) {
        printf("# no MNIST found: set COTANGENT_DATA\n");
        skip();
    }
    snprintf(mirror, sizeof mirror, " http://127.0.0.1:%d/none  http://127.0.0.1:%d/real/", server.port, server.port);
    setenv("CT_TEST_SERVED", served, 1), setenv("COTANGENT_MIRROR", mirror, 1), setenv("XDG_CACHE_HOME", folder, 1), unsetenv("COTANGENT_DATA");
    assert_null(ct_data_mnist());               /* not without being asked to */
    assert_error("mnist: no t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte (or .gz) in ");
    for (int i = 0; i < 3; i++) {
        if (i == 2)                             /* damaged since */
            write_file(path_of("cotangent/mnist/t10k-labels-idx1-ubyte.gz"), "x", 1);
        ct_dataset *set = ct_data_mnist(.download = true, .limit = 5);
        assert_fine();
        assert_int_equal(ct_dataset_size(set), 5);
        assert_int_equal(requests(), i < 2 ? 4 : 6);
        ct_free(set);
    }
    assert_null(ct_data_fashion_mnist());       /* whose files have the same names */
    assert_error("fashion_mnist: no t10k-images");
    unsetenv("COTANGENT_MIRROR"), unsetenv("XDG_CACHE_HOME"), unsetenv("CT_TEST_SERVED");
    if (data)
        setenv("COTANGENT_DATA", served, 1);
}

#define TEST(test) cmocka_unit_test_setup(test, clean)

int main(int count, char **words)
{
    if (count > 1)
        return other_process(words);
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        TEST(test_sha256_of_the_standard),
        TEST(test_a_file_comes_and_is_not_asked_for_again),
        TEST(test_a_cut_connection_is_taken_up_where_it_was),
        TEST(test_an_earlier_download_is_gone_on_with),
        TEST(test_a_wrong_beginning_is_fetched_anew),
        TEST(test_without_a_hash_no_file_is_made_of_two),
        TEST(test_a_wrong_file_in_the_cache_is_told_and_fetched_anew),
        TEST(test_a_bar_on_a_terminal),
        TEST(test_mirrors_are_asked_in_turn),
        TEST(test_each_lie_of_a_server_is_told),
        TEST(test_without_a_network),
        TEST(test_a_full_disk),
        TEST(test_folders_that_cannot_be_written),
        TEST(test_calls_that_are_refused),
        TEST(test_two_processes_fetch_once),
        TEST(test_a_dead_process_leaves_its_lock),
        TEST(test_mnist_from_a_mirror),
    };
    const int failed = cmocka_run_group_tests(tests, begin, end);
    ct_shutdown();
    return failed;
}
