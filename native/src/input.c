#include "input.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "events.h"
#include "frames.h"
#include "memory.h"
#include "outgoing.h"
#include "ranges.h"

/* Node waits for acknowledgements at 64 KiB and goes on at 32 KiB, so holding back less than half of that is safe. */
#define ACKNOWLEDGE_AT (16 * 1024)

static void close_input(struct child *child) {
  struct input *input = &child->input;
  if (input->watched) events_unwatch(input->fd);
  input->watched = false;
  close(input->fd);
  input->fd = -1;
  ranges_close(input->ranges);
  input->ranges = NULL;
  while (input->first != NULL) {
    struct piece *piece = input->first;
    input->first = piece->next;
    free(piece);
  }
  input->last = &input->first;
}

static void lose_input(struct child *child) {
  close_input(child);
  outgoing_frame(FRAME_INPUT_CLOSED, 0, child->number, NULL, 0);
}

static void acknowledge(struct child *child, size_t written) {
  struct input *input = &child->input;
  input->unacknowledged += (uint32_t)written;
  if (input->unacknowledged < ACKNOWLEDGE_AT) return;
  outgoing_frame(FRAME_INPUT_ACK, 0, child->number, &input->unacknowledged, 1);
  input->unacknowledged = 0;
}

static void watch(struct child *child, bool wants_room) {
  struct input *input = &child->input;
  uint32_t interest = wants_room ? EPOLLOUT : 0;
  if (input->watched && input->wants_room == wants_room) return;
  bool done = input->watched ? events_change(child, STDIN_STREAM, input->fd, interest)
                             : events_watch(child, STDIN_STREAM, input->fd, interest);
  if (!done) return lose_input(child);
  input->watched = true;
  input->wants_room = wants_room;
}

/* How much the pipe took; -1 when nobody can read it any more. */
static ssize_t write_some(struct child *child, const uint8_t *bytes, size_t length) {
  ssize_t written = write(child->input.fd, bytes, length);
  if (written >= 0) {
    acknowledge(child, (size_t)written);
    return written;
  }
  return errno == EAGAIN || errno == EINTR ? 0 : -1;
}

/* How much of a file goes into a pipe before somebody else gets a turn. */
#define MOST_A_TURN (1024 * 1024)

static void feed(struct child *child) {
  struct input *input = &child->input;
  for (size_t fed = 0; !ranges_ended(input->ranges);) {
    if (fed >= MOST_A_TURN) return watch(child, true);
    ssize_t moved = ranges_move(input->ranges, input->fd);
    if (moved > 0) {
      fed += (size_t)moved;
      continue;
    }
    if (moved < 0 && errno == EINTR) continue;
    if (moved < 0 && errno == EAGAIN) return watch(child, true);
    if (moved < 0 && errno == EPIPE) return lose_input(child);
    /* The file ends too early, or cannot be read. It is told before the end of the child can be. */
    outgoing_frame(FRAME_INPUT_FAILED, 0, child->number, (uint32_t[]){moved == 0 ? 0 : (uint32_t)errno}, 1);
    break;
  }
  close_input(child);
}

void input_from_ranges(struct child *child, int file, const struct range *list, uint32_t count) {
  child->input.ranges = ranges_open(file, list, count);
  feed(child);
}

void input_write(struct child *child, const uint8_t *bytes, size_t length) {
  struct input *input = &child->input;
  if (input->fd < 0 || input->ending || input->ranges != NULL) return;
  size_t written = 0;
  if (input->first == NULL) {
    ssize_t taken = write_some(child, bytes, length);
    if (taken < 0) return lose_input(child);
    written = (size_t)taken;
  }
  if (written == length) return;
  struct piece *piece = must_resize(NULL, sizeof *piece + length - written);
  *piece = (struct piece){.length = (uint32_t)(length - written)};
  memcpy(piece->bytes, bytes + written, piece->length);
  *input->last = piece;
  input->last = &piece->next;
  watch(child, true);
}

void input_end(struct child *child) {
  struct input *input = &child->input;
  if (input->fd < 0 || input->ranges != NULL) return;
  input->ending = true;
  if (input->first == NULL) close_input(child);
}

void input_watch(struct child *child) {
  struct input *input = &child->input;
  /* Until Node has opened them the numbers of the pipes must not become those of others: nothing is closed before. */
  if (input->fd >= 0 && !input->watched && !child->direct) watch(child, false);
}

void input_on_event(struct child *child) {
  struct input *input = &child->input;
  if (input->fd < 0) return;
  if (input->ranges != NULL) return feed(child);
  /* With nothing to write, the only event is that nobody can read any more. */
  if (input->first == NULL) return lose_input(child);
  while (input->first != NULL) {
    struct piece *piece = input->first;
    ssize_t taken = write_some(child, piece->bytes + piece->written, piece->length - piece->written);
    if (taken < 0) return lose_input(child);
    piece->written += (uint32_t)taken;
    if (piece->written < piece->length) return;
    input->first = piece->next;
    if (input->first == NULL) input->last = &input->first;
    free(piece);
  }
  if (input->ending) close_input(child);
  else watch(child, false);
}
