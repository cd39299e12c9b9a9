/* transfer.c - libcurl, told to trust nothing: http and https alone, redirected or not; a status, a type and a length that are those of the file
 * asked for before a byte of it is written; no more bytes than it has; an end to every wait. */
#define _GNU_SOURCE
#include "transfer.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

enum { REDIRECTS_MOST = 10, BYTES_A_SECOND = 64 }; /* slower is as good as nothing */

struct reply {
    struct transfer *transfer;
    CURL *curl;
    int64_t range_start, range_total;           /* of the Content-Range; -1: none */
    bool is_checked;
    double latest;                              /* when something came */
    int64_t then;                               /* what was there at that time; -1: not even an answer */
};

static bool refuse(struct transfer *transfer, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool refuse(struct transfer *transfer, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (!transfer->reason[0])
        vsnprintf(transfer->reason, sizeof transfer->reason, format, arguments);
    va_end(arguments);
    return false;
}

static bool refuse_locally(struct transfer *transfer, int code)
{
    transfer->is_local = true;
    return refuse(transfer, "cannot write: %s", strerror(code));
}

/* ---- What the server says before the first byte ------------------------------------------------------------------------------ */
static size_t read_header(char *line, size_t one, size_t count, void *context)
{
    struct reply *reply = context;
    static const char name[] = "Content-Range:";
    char text[100];
    long long start, end, total;
    snprintf(text, sizeof text, "%.*s", (int)(count < sizeof text ? count : sizeof text - 1), line);
    if (!strncasecmp(text, "HTTP/", 5))         /* of another answer: a redirection's lines do not count */
        reply->range_start = reply->range_total = -1;
    else if (!strncasecmp(text, name, sizeof name - 1) && sscanf(text + sizeof name - 1, " bytes %lld-%lld/%lld", &start, &end, &total) == 3)
        reply->range_start = start, reply->range_total = total;
    return one * count;
}

static bool check_length(struct transfer *transfer, int64_t total)
{
    if (total < 0 || transfer->bytes < 0 || total == transfer->bytes)
        return true;
    transfer->is_refused = true;
    return refuse(transfer, "it has %lld bytes there, want %lld", (long long)total, (long long)transfer->bytes);
}

static bool start_anew(struct transfer *transfer)
{
    if (ftruncate(transfer->descriptor, 0) || lseek(transfer->descriptor, 0, SEEK_SET))
        return refuse_locally(transfer, errno);
    transfer->have = 0;
    return true;
}

static bool check_reply(struct reply *reply)
{
    struct transfer *transfer = reply->transfer;
    long status = 0;
    char *type = NULL;
    curl_off_t length = -1;
    curl_easy_getinfo(reply->curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(reply->curl, CURLINFO_CONTENT_TYPE, &type);
    curl_easy_getinfo(reply->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    if (status == 416 && transfer->have) {      /* what is there is not the beginning of what the server has */
        start_anew(transfer);
        return refuse(transfer, "the server cannot go on where an earlier download ended");
    }
    if (status != 200 && status != 206) {
        transfer->is_refused = status >= 400 && status < 500 && status != 408 && status != 429;
        return refuse(transfer, "the server answers %ld", status);
    }
    if (type && !strncasecmp(type, "text/html", 9)) {
        transfer->is_refused = true;
        return refuse(transfer, "the server sends a web page instead");
    }
    if (status == 200)                          /* the whole, asked for or not */
        return check_length(transfer, length) && (!transfer->have || start_anew(transfer));
    if (reply->range_start != transfer->have || !transfer->have) {
        start_anew(transfer);
        return refuse(transfer, "the server sends another part than it was asked for");
    }
    return check_length(transfer, reply->range_total);
}

/* ---- Bytes ------------------------------------------------------------------------------------------------------------------- */
static size_t take_bytes(char *bytes, size_t one, size_t count, void *context)
{
    struct reply *reply = context;
    struct transfer *transfer = reply->transfer;
    if (!reply->is_checked && !check_reply(reply))
        return 0;
    reply->is_checked = true;
    if (transfer->bytes >= 0 && (int64_t)count > transfer->bytes - transfer->have) {
        transfer->is_refused = true;
        refuse(transfer, "the server sends more than %lld bytes", (long long)transfer->bytes);
        return 0;
    }
    for (size_t done = 0; done < count;) {
        const ssize_t written = write(transfer->descriptor, bytes + done, count - done);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0) {
            refuse_locally(transfer, written ? errno : ENOSPC);
            return 0;
        }
        done += (size_t)written;
        transfer->have += written;
    }
    return one * count;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static bool refuse_stalled(struct transfer *transfer)
{
    transfer->is_refused = true;
    return refuse(transfer, "nothing came for %ld s", transfer->stall_seconds);
}

/* libcurl calls it once a second or more. What it calls low speed is an average over some seconds, which bytes that came in a lump keep up. */
static int watch(void *context, curl_off_t total, curl_off_t got, curl_off_t up_total, curl_off_t up_got)
{
    (void)total, (void)got, (void)up_total, (void)up_got;
    struct reply *reply = context;
    struct transfer *transfer = reply->transfer;
    if (transfer->progress)
        transfer->progress(transfer->context, transfer->have, transfer->bytes);
    if (reply->then != transfer->have)
        reply->then = transfer->have, reply->latest = now();
    return now() - reply->latest >= (double)transfer->stall_seconds && !refuse_stalled(transfer);
}

static void begin_curl(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

bool transfer_available(void)
{
    return true;
}

static void set_options(CURL *curl, struct reply *reply)
{
    struct transfer *transfer = reply->transfer;
    char range[32];
#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
#else
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
    curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
    curl_easy_setopt(curl, CURLOPT_URL, transfer->url);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "cotangent/" COTANGENT_VERSION);
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(curl, CURLOPT_MAXREDIRS, (long)REDIRECTS_MOST);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, transfer->stall_seconds);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, (long)BYTES_A_SECOND);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, transfer->stall_seconds);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, read_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, reply);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_bytes);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, reply);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, watch);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, reply);
    snprintf(range, sizeof range, "%lld-", (long long)transfer->have);
    if (transfer->have)
        curl_easy_setopt(curl, CURLOPT_RANGE, range);
}

bool transfer_run(struct transfer *transfer)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, begin_curl);
    struct reply reply = {.transfer = transfer, .range_start = -1, .range_total = -1, .then = -1, .curl = curl_easy_init()};
    transfer->reason[0] = 0;
    transfer->is_local = transfer->is_refused = false;
    if (!reply.curl) {
        transfer->is_local = true;
        return refuse(transfer, "libcurl does not start");
    }
    set_options(reply.curl, &reply);
    const CURLcode code = curl_easy_perform(reply.curl);
    if (code == CURLE_OK && !reply.is_checked)  /* an answer without a byte */
        check_reply(&reply);
    if (code == CURLE_OPERATION_TIMEDOUT)
        refuse_stalled(transfer);
    else if (code != CURLE_OK)
        refuse(transfer, "%s", curl_easy_strerror(code));
    else if (transfer->bytes >= 0 && transfer->have != transfer->bytes)
        refuse(transfer, "it ends after %lld of %lld bytes", (long long)transfer->have, (long long)transfer->bytes);
    curl_easy_cleanup(reply.curl);
    return !transfer->reason[0];
}
