/* What children read: written as their pipes take it, acknowledged to Node. */
#ifndef DROVER_INPUT_H
#define DROVER_INPUT_H

#include <stddef.h>
#include <stdint.h>

#include "children.h"
#include "options.h"

/* From now on it is what stands in these parts of a file, which is closed in the end. */
void input_from_ranges(struct child *child, int file, const struct range *list, uint32_t count);
void input_write(struct child *child, const uint8_t *bytes, size_t length);
void input_end(struct child *child);
/* So that it is noticed when the reader closes its end. */
void input_watch(struct child *child);
void input_on_event(struct child *child);

#endif
