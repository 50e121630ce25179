/* Kernel locks on files, held for Node: it has no call for them, and they must be free as soon as it is dead. */
#ifndef DROVER_LOCKS_H
#define DROVER_LOCKS_H

#include <stdbool.h>

#include "frames.h"

/* Both: false when the frame is not one that Node writes. */
bool locks_on_lock_frame(const struct frame *frame);
bool locks_on_unlock_frame(const struct frame *frame);
/* Tries again for those that wait, when it is time; how many ms until the next time, or -1. */
int locks_retry(void);
bool locks_any(void);
void locks_release_all(void);

#endif
