/* Tensors of a file into those of a module; for nn/ alone. Never installed. */
#ifndef COTANGENT_NN_STATE_H
#define COTANGENT_NN_STATE_H
#include "nn/model.h"

/* With a report, what has no counterpart is noted there; without, it is a failure. On failure nothing changes. */
bool state_load(ct_module *module, ct_tensor_file *file, const char *path, ct_load_report *report);
#endif
