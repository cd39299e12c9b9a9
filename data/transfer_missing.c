/* What stands for data/transfer.c where libcurl was not found. */
#include "transfer.h"

#include <stdio.h>

bool transfer_available(void)
{
    return false;
}

bool transfer_run(struct transfer *transfer)
{
    transfer->is_local = true;
    snprintf(transfer->reason, sizeof transfer->reason, "this build of the library has no libcurl");
    return false;
}
