/* What the base of all modules is made of; for nn/ and the folders above it that must look inside. Never installed. */
#ifndef COTANGENT_NN_MODULE_H
#define COTANGENT_NN_MODULE_H
#include <stddef.h>

#include "autograd/object.h"
#include "nn/nn.h"
#include "nn/types.h"

enum { MODULE_NAME_BYTES = 64, MODULE_PATH_BYTES = 512, MODULE_NOTE_BYTES = 96 };

struct module_entry {                           /* in order of registration */
    char name[MODULE_NAME_BYTES];
    ct_module *child;                           /* or else tensor */
    ct_tensor *tensor;
    bool is_parameter, is_table;                /* a table is no one's business but the module's */
};

/* Called with the result of every forward of the module it is set on; meanwhile self->input is what it was given, NULL where it was more. */
typedef void module_watch(ct_module *self, const ct_tensor *result, void *context);

struct ct_module {
    struct object object;
    ct_module *parent;                          /* not counted: a parent outlives its children */
    char kind[MODULE_NAME_BYTES], description[MODULE_NOTE_BYTES];
    ct_module_forward *forward;                 /* NULL: it only holds parts */
    struct module_entry *entries;
    size_t count, room;
    bool checkpointed;
    bool training, failed;                      /* failed: a part could not be added; ct_module_ready looks at it */
    unsigned place;                             /* its path, see autograd/place.h; 0: not asked for yet */
    unsigned paused;                            /* while above 0, evaluation mode whatever training says */
    module_watch *watch;
    const ct_tensor *input;
    void *watch_context;
    const ct_module_type *type;                 /* NULL: no file can hold it */
    void *settings;                             /* as type says; ours, texts too */
    size_t made_of;                             /* entries that the constructor made: later ones no file would bring back */
    max_align_t state[];
};

/* A buffer that no visit meets and no file holds, as the constructor makes it again: PyTorch's persistent=False. */
ct_tensor *module_add_table(ct_module *self, const char *name, ct_tensor *values);

/* run(self, inputs, options), by ct_checkpoint while that is asked for: the module and a copy of options live as long as the graph. */
typedef ct_tensor *module_run(ct_module *self, ct_tensor *const *inputs, const void *options);
ct_tensor *module_run_checkpointed(ct_module *self, module_run *run, ct_tensor *const *inputs, size_t count, const void *options, size_t bytes);

/* Evaluation mode for a while: resuming brings each module's own mode back, mixed ones too. They nest. */
void module_pause_training(ct_module *module);
void module_resume_training(ct_module *module);
const char *module_path(const ct_module *module, char text[MODULE_PATH_BYTES]); /* "0.attention", below its root; "" for the root */
int64_t module_count(const ct_module *module, bool trainable_only); /* elements; a tensor under two names counts once */
/* On: running values of all batch normalisations within start anew and average all batches alike, until off. */
bool batch_norm_count(ct_module *module, bool on);
bool module_has(const ct_module *module, const ct_tensor *tensor); /* among its parameters and buffers, children's too */
const char *module_shape_text(char text[MODULE_PATH_BYTES], const ct_tensor *t); /* "(64, 784)" */
#endif
