/* The pipe of a jobserver: a named one, or two names of one that somebody else has made, as /proc/PID/fd has them. Nobody else's
   descriptors are touched: both ends are opened anew, and never waited for. */
#ifndef DROVER_TOKEN_PIPES_H
#define DROVER_TOKEN_PIPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* -1 where an end is not open; both may be one descriptor. */
struct token_pipe {
  int read_fd;
  int write_fd;
};

/* The errno, or 0; what was opened before the error is for token_pipe_close. `create` makes it, for the owner only. */
int token_pipe_open(struct token_pipe *pipe, const char *read_path, const char *write_path, bool create);
/* Only to put tokens into. */
int token_pipe_open_writer(struct token_pipe *pipe, const char *write_path);
void token_pipe_close(struct token_pipe *pipe);

void token_pipe_put(const struct token_pipe *pipe, const uint8_t *bytes, size_t count);
/* Takes out all that is in it. */
void token_pipe_empty(const struct token_pipe *pipe);

#endif
