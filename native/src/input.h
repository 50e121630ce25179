/* What children read: written as their pipes take it, acknowledged to Node. */
#ifndef DROVER_INPUT_H
#define DROVER_INPUT_H

#include <stddef.h>
#include <stdint.h>

#include "children.h"

void input_write(struct child *child, const uint8_t *bytes, size_t length);
void input_end(struct child *child);
/* So that it is noticed when the reader closes its end. */
void input_watch(struct child *child);
void input_on_event(struct child *child);

#endif
