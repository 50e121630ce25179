/* Parts of a file on their way into a pipe, one after the other. */
#ifndef DROVER_RANGES_H
#define DROVER_RANGES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "options.h"

struct ranges;

/* Takes over the file, which is a regular one. */
struct ranges *ranges_open(int file, const struct range *list, uint32_t count);
/* Closes the file. Does nothing for NULL. */
void ranges_close(struct ranges *ranges);
bool ranges_ended(struct ranges *ranges);
/* Moves on as much as the pipe takes: how much that was; 0 when the file ends before the range does; -1 with an errno. */
ssize_t ranges_move(struct ranges *ranges, int pipe);

#endif
