#define _GNU_SOURCE
#include "pipes.h"

#include <fcntl.h>
#include <unistd.h>

/* A pipe has room for 64 KiB; one that was found half full was in the way of its writer. */
#define MUCH (32 * 1024)
#define LARGE (1024 * 1024)
/* The system gives each user 64 MiB of pipes before it makes new ones very small. */
#define MOST_LARGE 16
/* Two pipes each. */
#define ROOMY (256 * 1024)
#define MOST_ROOMY 32

/* Less than that a pipe holds as it is made. */
#define LEAST_WIDE (128 * 1024)

static int large_count;
static int roomy_count;
static bool refused;

void pipes_note_reading(struct output *output, size_t bytes) {
  if (bytes < MUCH || output->large || refused || large_count == MOST_LARGE) return;
  if (fcntl(output->fd, F_SETPIPE_SZ, LARGE) < 0) {
    /* The administrator or another program of the user's has set the limit lower: it works as well, if slower. */
    refused = true;
    return;
  }
  output->large = true;
  large_count += 1;
}

void pipes_note_close(struct output *output) {
  if (output->large) large_count -= 1;
  output->large = false;
}

void pipes_enlarge(struct child *child) {
  if (refused || roomy_count == MOST_ROOMY) return;
  if (fcntl(child->input.fd, F_SETPIPE_SZ, ROOMY) < 0 ||
      fcntl(child->outputs[STDOUT_STREAM].fd, F_SETPIPE_SZ, ROOMY) < 0) {
    refused = true;
    return;
  }
  child->roomy = true;
  roomy_count += 1;
}

void pipes_widen_input(void) {
  int now = fcntl(STDIN_FILENO, F_GETPIPE_SZ);
  if (now < 0) return;
  for (int size = LARGE; size >= LEAST_WIDE && size > now; size /= 2) {
    /* Where the administrator allows less, less may be had. */
    if (fcntl(STDIN_FILENO, F_SETPIPE_SZ, size) >= 0) return;
  }
}

void pipes_forget(struct child *child) {
  if (child->roomy) roomy_count -= 1;
  child->roomy = false;
}
