/* What children print: read as far as Node has given credit, and told. */
#ifndef DROVER_OUTPUT_H
#define DROVER_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "children.h"

/* Reads once. */
void output_on_readable(struct child *child, int stream);
/* Reads what is there when the child has ended. Returns whether the stream has ended; the caller tells that. */
bool output_drain(struct child *child, int stream);
void output_watch(struct child *child, int stream);
void output_add_credit(struct child *child, int stream, uint32_t bytes);
/* Of a child that Node may have taken the pipes of: what it has taken is closed here, the rest is read as it always is. */
void output_hand_over(struct child *child, bool taken);
/* Closes without a word. */
void output_close(struct child *child, int stream);
void output_close_and_tell(struct child *child, int stream);

#endif
