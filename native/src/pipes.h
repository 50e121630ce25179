/* The pipes that output comes through. */
#ifndef DROVER_PIPES_H
#define DROVER_PIPES_H

#include <stddef.h>

#include "children.h"

/* What came of reading; there may be more after READ_SOME only. */
enum reading { READ_SOME, READ_NOTHING, READ_END };

/* To be told of each reading. The pipe of a child that prints faster than it is read becomes a large one. */
void pipes_note_reading(struct output *output, size_t bytes);
/* To be told before its descriptor is closed. */
void pipes_note_close(struct output *output);

#endif
