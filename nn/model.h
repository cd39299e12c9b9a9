/* Models as files: weights of other programs, files that rebuild a model without its code. Part of nn.h. */
#ifndef COTANGENT_NN_MODEL_H
#define COTANGENT_NN_MODEL_H
#include <nn/nn.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Weights that fit in part ---------------------------------------------------------------------------------------------
 * As ct_module_load, but a name that only one side has is listed and left alone: PyTorch's strict=False. A shape or dtype that differs
 * is an error there too, and nothing changes. */
typedef struct ct_load_report ct_load_report;   /* freed by ct_free */
CT_API ct_load_report *ct_module_load_partly(ct_module *module, const char *path); /* NULL: the failure */
CT_API const char *ct_load_report_missing(const ct_load_report *report, size_t index);    /* names that the module has and the file has not, in
                                                            the module's order; NULL past the end */
CT_API const char *ct_load_report_unexpected(const ct_load_report *report, size_t index); /* the opposite, in the file's order */

#ifdef __cplusplus
}
#endif
#endif
