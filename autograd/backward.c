/* Gradients into leaves, and whether ops record. */
#include "profile.h"
#include "walk.h"

bool(ct_backward)(ct_tensor *root, const ct_backward_options *options)
{
    ct_backward_options o = options ? *options : (ct_backward_options){0};
    if (!walk_check_root("backward", root, o.cotangent))
        return false;
    PROFILE_SPAN("(walk of the graph)");
    struct walk w = {.name = "backward", .retain = o.retain_graph, .gather = true};
    bool was = ct_set_recording(false);
    bool ok = walk_start(&w, root, o.cotangent);
    ok = walk_run(&w) && ok;                         /* also after a failed start: what waits must be let go */
    ct_set_recording(was);
    return ok;
}

/* ---- Recording on and off --------------------------------------------------------------------------------------------------------------------- */
bool ct_recording(void)
{
    return recording();
}

bool ct_set_recording(bool on)
{
    bool was = recording();
    thread_state.recording_off = !on;
    return was;
}

char ct_no_grad_enter_(void)
{
    return ct_set_recording(false);
}

void ct_no_grad_leave_(const char *was)
{
    thread_state.recording_off = !*was;
}
