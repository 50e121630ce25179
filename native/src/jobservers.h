/* Jobservers, as GNU make has them: pipes with a byte for each job that may run besides the one that each process has anyway. What
   is taken here goes back however Node or this process ends. */
#ifndef DROVER_JOBSERVERS_H
#define DROVER_JOBSERVERS_H

#include <stdbool.h>
#include <stdint.h>

#include "frames.h"

/* False when the frame is not one that Node writes. */
bool jobservers_on_frame(const struct frame *frame);
void jobservers_on_readable(uint32_t number);
/* Tries again what needs several at once; milliseconds until the next time, or -1. */
int jobservers_retry(void);
bool jobservers_any(void);
void jobservers_end_all(void);

#endif
