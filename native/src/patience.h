/* How long nothing may come from Node over a connection whose end need not be noticed, before it counts as ended. */
#ifndef DROVER_PATIENCE_H
#define DROVER_PATIENCE_H

#include <stdbool.h>

#include "frames.h"

/* Answers it; false when the frame is not one that Node writes. */
bool patience_on_frame(const struct frame *frame);
/* Whether the next heartbeat should have come before now. */
bool patience_is_over(void);
/* Milliseconds, rounded up; -1 without end. */
int patience_left_ms(void);

#endif
