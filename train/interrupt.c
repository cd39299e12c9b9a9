/* Ctrl-C: the first one is a wish to end after the step under way, a second one ends the program as if nobody listened. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <signal.h>

#include "train/run.h"

static volatile sig_atomic_t wished;
static struct sigaction before;
static int listeners;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void on_interrupt(int number)
{
    wished = 1;
    (void)number;
}

/* SA_RESETHAND gives the second one its usual end; reads and writes under way go on. */
void interrupt_begin(void)
{
    pthread_mutex_lock(&lock);
    if (!listeners++) {
        wished = 0;
        struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND | SA_RESTART};
        sigemptyset(&action.sa_mask);
        sigaction(SIGINT, &action, &before);
        if (before.sa_handler == SIG_IGN)       /* a job in the background: nobody sits at a keyboard */
            sigaction(SIGINT, &before, NULL);
    }
    pthread_mutex_unlock(&lock);
}

void interrupt_end(void)
{
    pthread_mutex_lock(&lock);
    if (!--listeners)
        sigaction(SIGINT, &before, NULL);
    pthread_mutex_unlock(&lock);
}

bool interrupted(void)
{
    return wished;
}
