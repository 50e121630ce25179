/* Datagrams to sockets with a path, which Node cannot send: a service tells its manager with them how it stands. */
#ifndef DROVER_DATAGRAMS_H
#define DROVER_DATAGRAMS_H

#include <stdbool.h>

#include "frames.h"

/* Sends one and tells the errno, or 0. False when the frame is not one that Node writes. */
bool datagrams_on_frame(const struct frame *frame);

#endif
