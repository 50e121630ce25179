/* What Node tells: bytes from the socket, cut into frames. */
#ifndef DROVER_INCOMING_H
#define DROVER_INCOMING_H

#include <stdbool.h>

#include "frames.h"

enum incoming { INCOMING_OPEN, INCOMING_GONE };

/* Reads once. */
enum incoming incoming_read(int socket);
/* Takes the next frame; it is valid until the next call of either function. */
enum frame_status incoming_next(struct frame *frame);

#endif
