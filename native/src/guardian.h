/* The half that does nothing but wait: for the death of the other half, and of Node. */
#ifndef DROVER_GUARDIAN_H
#define DROVER_GUARDIAN_H

#include <stdbool.h>
#include <sys/types.h>

/* `lifeline` is closed to tell the launcher that Node has died. Returns the exit status. */
int guardian_run(pid_t launcher, int node, int lifeline, bool keep);

#endif
