/* Which children run, in memory that both halves see: all that the guardian knows when the launcher has died. */
#ifndef DROVER_RUNNING_H
#define DROVER_RUNNING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* To be called before the halves part. False when there is no such memory. */
bool running_share(void);
void running_set(uint32_t slot, pid_t pid);
bool running_has(pid_t pid);

#endif
