/* Ending what was started. */
#ifndef DROVER_ENDING_H
#define DROVER_ENDING_H

#include <stdbool.h>

#include "processes.h"

/* Sends KILL to every descendant of this process that is meant, again and again until none is left or for ten seconds
   (a process in state D goes when it can). `reap` takes in zombies between the passes; it may be null. */
void end_descendants(bool (*is_meant)(const struct processes *table, struct process *process), void (*reap)(void));

#endif
