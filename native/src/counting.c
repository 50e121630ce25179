#define _GNU_SOURCE
#include "counting.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "events.h"
#include "frames.h"
#include "outgoing.h"

/* What others wait for at the most: less than a millisecond. */
#define A_TURN (1024 * 1024)
#define INTERVAL_US 100000

static int null_fd = -1;

void counting_begin(int null) { null_fd = null; }

/* Splicing moves pages, which is cheaper than copying them; not every system that calls itself Linux can do it. */
static ssize_t drop(int fd) {
  static bool can_splice = true;
  static uint8_t bytes[65536];
  if (can_splice) {
    ssize_t got = splice(fd, NULL, null_fd, NULL, A_TURN, SPLICE_F_NONBLOCK);
    if (got >= 0 || (errno != EINVAL && errno != ENOSYS && errno != EPERM)) return got;
    can_splice = false;
  }
  return read(fd, bytes, sizeof bytes);
}

enum reading counting_read(struct child *child, int stream) {
  struct output *output = &child->outputs[stream];
  size_t read_now = 0;
  while (read_now < A_TURN) {
    ssize_t got = drop(output->fd);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return READ_NOTHING;
    if (got <= 0) return READ_END;
    read_now += (size_t)got;
    output->bytes += (uint64_t)got;
    pipes_note_reading(output, (size_t)got);
  }
  return READ_SOME;
}

void counting_tell(struct child *child, int stream) {
  struct output *output = &child->outputs[stream];
  if (output->bytes == output->told) return;
  uint32_t words[] = {(uint32_t)output->bytes, (uint32_t)(output->bytes >> 32)};
  outgoing_frame(FRAME_COUNTED, (uint16_t)stream, child->number, words, 2);
  output->told = output->bytes;
  output->told_us = now_us();
}

void counting_tell_in_time(struct child *child, int stream) {
  const struct output *output = &child->outputs[stream];
  if (output->bytes == output->told) return;
  if (child->running && now_us() - output->told_us < INTERVAL_US) return;
  counting_tell(child, stream);
}
