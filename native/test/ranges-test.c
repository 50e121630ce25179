/* Parts of a file come out of a pipe as they stand in it, whatever the pipe takes at a time. */
#define _GNU_SOURCE
#include "ranges.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"

#define SIZE 300000

static uint8_t content[SIZE];

static int file_of_content(size_t length) {
  char path[] = "/tmp/drover-ranges-XXXXXX";
  int fd = mkostemp(path, O_CLOEXEC);
  CHECK(fd >= 0 && unlink(path) == 0);
  CHECK(write(fd, content, length) == (ssize_t)length);
  return fd;
}

/* Reads what is in the pipe, a little at a time. */
static size_t drain(int pipe, uint8_t *into, size_t most) {
  size_t got = 0;
  while (got < most) {
    ssize_t now = read(pipe, into + got, most - got < 7000 ? most - got : 7000);
    if (now <= 0) break;
    got += (size_t)now;
  }
  return got;
}

static void parts_come_out_as_they_stand(void) {
  static const struct range list[] = {{5, 5}, {10, 20}, {0, SIZE}, {SIZE - 1, SIZE}, {7, 7}, {100, 200000}};
  static uint8_t got[2 * SIZE + 1000];
  int fds[2];
  CHECK(pipe2(fds, O_CLOEXEC | O_NONBLOCK) == 0);
  struct ranges *ranges = ranges_open(file_of_content(SIZE), list, 6);
  size_t length = 0;
  while (!ranges_ended(ranges)) {
    ssize_t moved = ranges_move(ranges, fds[1]);
    CHECK(moved > 0 || (moved < 0 && errno == EAGAIN));
    if (moved < 0) length += drain(fds[0], got + length, 10000);
  }
  length += drain(fds[0], got + length, sizeof got - length);
  size_t at = 0;
  for (int n = 0; n < 6; n++) {
    size_t part = (size_t)(list[n].end - list[n].start);
    CHECK(memcmp(got + at, content + list[n].start, part) == 0);
    at += part;
  }
  CHECK(at == length);
  ranges_close(ranges);
  close(fds[0]);
  close(fds[1]);
}

static void a_file_that_ends_too_early_is_told(void) {
  static const struct range list[] = {{0, 100}};
  int fds[2];
  CHECK(pipe2(fds, O_CLOEXEC | O_NONBLOCK) == 0);
  struct ranges *ranges = ranges_open(file_of_content(60), list, 1);
  CHECK(ranges_move(ranges, fds[1]) == 60);
  CHECK(!ranges_ended(ranges) && ranges_move(ranges, fds[1]) == 0);
  ranges_close(ranges);
  ranges_close(NULL);
  close(fds[0]);
  close(fds[1]);
}

/* The system makes such files up as they are read, and has no pages of them. */
static void what_has_no_pages_is_copied(void) {
  uint8_t expected[10];
  uint8_t got[10];
  int fds[2];
  int file = open("/proc/version", O_RDONLY | O_CLOEXEC);
  CHECK(file >= 0 && pread(file, expected, 10, 2) == 10);
  CHECK(pipe2(fds, O_CLOEXEC | O_NONBLOCK) == 0);
  struct ranges *ranges = ranges_open(file, (const struct range[]){{2, 12}}, 1);
  CHECK(ranges_move(ranges, fds[1]) == 10 && ranges_ended(ranges));
  CHECK(drain(fds[0], got, 10) == 10 && memcmp(got, expected, 10) == 0);
  ranges_close(ranges);
  close(fds[0]);
  close(fds[1]);
}

int main(void) {
  for (size_t n = 0; n < SIZE; n++) content[n] = (uint8_t)(n * 7919 >> 3);
  parts_come_out_as_they_stand();
  a_file_that_ends_too_early_is_told();
  what_has_no_pages_is_copied();
  puts("ranges: ok");
  return 0;
}
