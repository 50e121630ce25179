#include "output.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "counting.h"
#include "events.h"
#include "frames.h"
#include "input.h"
#include "outgoing.h"
#include "pipes.h"

/* With its header as much as Node reads at once, so that a chunk arrives there in one piece. */
#define CHUNK (65536 - FRAME_HEADER)
/* The largest pipe holds so many chunks; what is counted takes as much in one turn. */
#define DRAINED 17

static bool may_be_read(const struct output *output) {
  return output->counted || output->credit > 0 || outgoing_is_discarded();
}

static void unwatch(struct output *output) {
  if (!output->watched) return;
  events_unwatch(output->fd);
  output->watched = false;
}

/* A program that is talked to may answer on one stream and complain on the other. */
static bool may_complain(const struct child *child) {
  const struct output *output = &child->outputs[STDERR_STREAM];
  return child->input.fd >= 0 && output->fd >= 0 && !output->counted;
}

static enum reading read_up_to(struct child *child, int stream, size_t most);

/* What it wrote to stderr before it answered is told before the answer: read after it, also without credit, since it is
   no more than a pipe holds. */
static void tell_complaints(struct child *child) {
  struct output *output = &child->outputs[STDERR_STREAM];
  enum reading reading = READ_SOME;
  for (int left = DRAINED; left > 0 && reading == READ_SOME; left--) {
    reading = read_up_to(child, STDERR_STREAM, CHUNK);
  }
  if (reading == READ_END) output_close_and_tell(child, STDERR_STREAM);
  else if (!may_be_read(output)) unwatch(output);
}

static enum reading read_answer(struct child *child, size_t most) {
  static uint8_t answer[CHUNK];
  struct output *output = &child->outputs[STDOUT_STREAM];
  ssize_t got = read(output->fd, answer, most);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return READ_NOTHING;
  tell_complaints(child);
  if (got <= 0) return READ_END;
  if (!outgoing_is_discarded()) output->credit -= got;
  memcpy(outgoing_reserve((size_t)got), answer, (size_t)got);
  outgoing_commit(FRAME_OUTPUT, STDOUT_STREAM, child->number, (size_t)got);
  pipes_note_reading(output, (size_t)got);
  return READ_SOME;
}

static enum reading read_up_to(struct child *child, int stream, size_t most) {
  struct output *output = &child->outputs[stream];
  if (stream == STDOUT_STREAM && may_complain(child)) return read_answer(child, most);
  uint8_t *room = outgoing_reserve(most);
  ssize_t got = read(output->fd, room, most);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return READ_NOTHING;
  if (got <= 0) return READ_END;
  if (!outgoing_is_discarded()) output->credit -= got;
  outgoing_commit(FRAME_OUTPUT, (uint16_t)stream, child->number, (size_t)got);
  pipes_note_reading(output, (size_t)got);
  return READ_SOME;
}

static enum reading read_chunk(struct child *child, int stream) {
  const struct output *output = &child->outputs[stream];
  bool all = output->credit >= CHUNK || outgoing_is_discarded();
  if ((!all && output->credit <= 0) || outgoing_is_full()) return READ_NOTHING;
  return read_up_to(child, stream, all ? CHUNK : (size_t)output->credit);
}

static enum reading read_some(struct child *child, int stream) {
  return child->outputs[stream].counted ? counting_read(child, stream) : read_chunk(child, stream);
}

void output_on_readable(struct child *child, int stream) {
  struct output *output = &child->outputs[stream];
  if (output->fd < 0) return;
  if (read_some(child, stream) == READ_END) {
    output_close_and_tell(child, stream);
    child_release_if_done(child);
    return;
  }
  if (!may_be_read(output)) unwatch(output);
  counting_tell_in_time(child, stream);
}

bool output_drain(struct child *child, int stream) {
  struct output *output = &child->outputs[stream];
  if (output->fd < 0 || child->direct) return false;
  enum reading reading = READ_SOME;
  /* A descendant may print for ever: no more than the pipe can have held. */
  for (int left = output->counted ? 1 : DRAINED; left > 0 && reading == READ_SOME; left--) {
    reading = read_some(child, stream);
  }
  counting_tell(child, stream);
  if (reading != READ_END) return false;
  output_close(child, stream);
  return true;
}

void output_watch(struct child *child, int stream) {
  struct output *output = &child->outputs[stream];
  if (output->fd < 0 || output->watched || child->direct) return;
  if (!may_be_read(output)) return;
  output->watched = events_watch(child, stream, output->fd, EPOLLIN);
  if (!output->watched) output_close_and_tell(child, stream);
}

void output_add_credit(struct child *child, int stream, uint32_t bytes) {
  struct output *output = &child->outputs[stream];
  if (output->fd < 0) return;
  output->credit = output->credit > UINT32_MAX ? output->credit : output->credit + bytes;
  if (!child->fresh) output_watch(child, stream);
}

void output_hand_over(struct child *child, bool taken) {
  if (!child->direct) return;
  child->direct = false;
  for (int stream = STDOUT_STREAM; stream <= STDERR_STREAM; stream++) {
    if (taken) output_close(child, stream);
    else output_watch(child, stream);
  }
  input_watch(child);
}

void output_close(struct child *child, int stream) {
  struct output *output = &child->outputs[stream];
  if (output->fd < 0) return;
  unwatch(output);
  pipes_note_close(output);
  close(output->fd);
  output->fd = -1;
}

void output_close_and_tell(struct child *child, int stream) {
  if (child->outputs[stream].fd < 0) return;
  counting_tell(child, stream);
  output_close(child, stream);
  outgoing_frame(FRAME_OUTPUT_END, (uint16_t)stream, child->number, NULL, 0);
}
