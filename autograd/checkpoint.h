/* What the walk and the random numbers know of checkpoints. */
#ifndef COTANGENT_CHECKPOINT_H
#define COTANGENT_CHECKPOINT_H
#include <stdlib.h>

#include "walk.h"

struct taken {                                  /* from a generator's stream */
    uint64_t seed, block, blocks;
};
struct tape {
    struct tape *outer;                         /* of the checkpoint around this one, where this notes */
    struct taken *taken;
    size_t count, room, next;
    bool failed;
};

void tape_write(struct taken taken);            /* onto all tapes under way in this thread */
bool tape_read(struct taken *taken);            /* the next of as many blocks; false: none is being read, or it has something else there */

uint32_t graph_mark(void);                      /* not 0, and no other's for a long time */
bool is_checkpoint(const ct_node *node);
ct_tensor *checkpoint_unfold(struct walk *w, ct_node *node); /* runs it again, recorded and, for ct_grads, judged; NULL after reporting */
#endif
