#define _GNU_SOURCE
#include "ranges.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "memory.h"

#define PIECE (1024 * 1024)
/* The disk is asked for so much ahead of what is moved, so that moving seldom waits for it. */
#define AHEAD (4 * 1024 * 1024)

struct ranges {
  int file;
  /* Its filesystem cannot hand its pages to a pipe. */
  bool copies;
  uint64_t asked;
  uint32_t at;
  uint32_t count;
  struct range list[];
};

struct ranges *ranges_open(int file, const struct range *list, uint32_t count) {
  struct ranges *ranges = must_resize(NULL, sizeof *ranges + count * sizeof *list);
  *ranges = (struct ranges){.file = file, .count = count};
  memcpy(ranges->list, list, count * sizeof *list);
  return ranges;
}

void ranges_close(struct ranges *ranges) {
  if (ranges == NULL) return;
  close(ranges->file);
  free(ranges);
}

bool ranges_ended(struct ranges *ranges) {
  while (ranges->at < ranges->count && ranges->list[ranges->at].start == ranges->list[ranges->at].end) {
    ranges->at += 1;
    ranges->asked = 0;
  }
  return ranges->at == ranges->count;
}

static void ask_ahead(struct ranges *ranges, const struct range *range) {
  if (range->start + AHEAD / 2 < ranges->asked || ranges->asked == range->end) return;
  uint64_t from = ranges->asked > range->start ? ranges->asked : range->start;
  uint64_t to = range->end - range->start > AHEAD ? range->start + AHEAD : range->end;
  /* Only a hint. */
  (void)posix_fadvise(ranges->file, (off_t)from, (off_t)(to - from), POSIX_FADV_WILLNEED);
  ranges->asked = to;
}

static ssize_t copy(struct ranges *ranges, uint64_t from, size_t length, int pipe) {
  static uint8_t bytes[64 * 1024];
  ssize_t got = pread(ranges->file, bytes, length < sizeof bytes ? length : sizeof bytes, (off_t)from);
  return got <= 0 ? got : write(pipe, bytes, (size_t)got);
}

ssize_t ranges_move(struct ranges *ranges, int pipe) {
  struct range *range = &ranges->list[ranges->at];
  ask_ahead(ranges, range);
  uint64_t left = range->end - range->start;
  size_t length = left < PIECE ? (size_t)left : PIECE;
  ssize_t moved = -1;
  if (!ranges->copies) {
    off_t from = (off_t)range->start;
    moved = splice(ranges->file, &from, pipe, NULL, length, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    ranges->copies = moved < 0 && errno == EINVAL;
  }
  if (ranges->copies) moved = copy(ranges, range->start, length, pipe);
  if (moved > 0) range->start += (uint64_t)moved;
  return moved;
}
