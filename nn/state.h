/* Tensors of a file into those of a module, and a module's tensors as parts of a larger file. Never installed. */
#ifndef COTANGENT_NN_STATE_H
#define COTANGENT_NN_STATE_H
#include "io/parts.h"
#include "nn/model.h"

/* With a report, what has no counterpart is noted there; without, it is a failure. On failure nothing changes. */
bool state_load(ct_module *module, ct_tensor_file *file, const char *path, ct_load_report *report);

bool module_list(const ct_module *module, struct parts *parts); /* parameters and buffers by name, as ct_module_save has them */
bool module_plan(ct_module *module, const struct parts_source *from, struct plan *plan); /* from a file; strict as ct_module_load */
#endif
