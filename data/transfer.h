/* One file from one web address. */
#ifndef COTANGENT_TRANSFER_H
#define COTANGENT_TRANSFER_H
#include <stdbool.h>
#include <stdint.h>

enum { TRANSFER_REASON = 160 };

struct transfer {
    const char *url;
    int descriptor;                             /* of the file to write */
    int64_t have;                               /* bytes of it already there: the server is asked for those behind. Where it sends all of them, they are
                                                   written anew. After a transfer: how many there are */
    int64_t bytes;                              /* what the whole must have; -1: not known */
    long stall_seconds;                         /* so long without an answer, or without bytes to speak of, end it */
    void (*progress)(void *context, int64_t done, int64_t total); /* may be NULL; total -1: not known */
    void *context;
    char reason[TRANSFER_REASON];               /* of a failure */
    bool is_local;                              /* the failure is of this machine: no other address will do better */
    bool is_refused;                            /* the server has no such file, or another: asking again is in vain */
};

bool transfer_run(struct transfer *transfer);   /* the whole file is there, unchecked but for its length; else a reason */
bool transfer_available(void);                  /* was the library built with libcurl? */
#endif
