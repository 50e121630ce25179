/* Locks as frames ask for them; what is told to Node is read from a socket pair. */
#define _GNU_SOURCE
#include "locks.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "build-frame.h"
#include "check.h"
#include "outgoing.h"

static int node;
static char path[] = "/tmp/drover-locks-test-XXXXXX";

static bool send_frame(uint16_t type, uint16_t flags, uint32_t number, const char *text) {
  struct builder builder;
  begin_frame(&builder);
  if (text != NULL) {
    put_u32(&builder, (uint32_t)getpid());
    put_text(&builder, text);
  }
  end_frame(&builder, type, flags, number);
  struct frame frame;
  CHECK(frame_next(builder.bytes, builder.length, &frame) == FRAME_WHOLE);
  return type == FRAME_LOCK ? locks_on_lock_frame(&frame) : locks_on_unlock_frame(&frame);
}

static void lock(uint32_t number, uint16_t flags) { CHECK(send_frame(FRAME_LOCK, flags, number, path)); }

static void unlock(uint32_t number) { CHECK(send_frame(FRAME_UNLOCK, 0, number, NULL)); }

/* Of the last failure that was told. */
static uint32_t error;
static uint32_t holder;

/* The next thing that is told is this. */
static void expect(uint16_t type, uint32_t number) {
  static uint8_t bytes[64];
  CHECK(outgoing_flush());
  CHECK(recv(node, bytes, FRAME_HEADER, MSG_DONTWAIT) == FRAME_HEADER);
  struct frame frame;
  frame_next(bytes, sizeof bytes, &frame);
  CHECK(frame.type == type && frame.number == number);
  if (frame.length == 0) return;
  CHECK(recv(node, frame.payload, frame.length, MSG_DONTWAIT) == (ssize_t)frame.length);
  struct cursor cursor = cursor_of(&frame);
  error = take_u32(&cursor);
  holder = take_u32(&cursor);
}

static void expect_nothing(void) {
  uint8_t byte;
  CHECK(outgoing_flush());
  CHECK(recv(node, &byte, 1, MSG_DONTWAIT) < 0);
}

static void one_that_is_taken_is_refused_and_names_the_holder(void) {
  lock(1, 0);
  expect(FRAME_LOCKED, 1);
  lock(2, 0);
  expect(FRAME_LOCK_FAILED, 2);
  CHECK(error == EAGAIN && holder == (uint32_t)getpid());
  unlock(1);
  expect(FRAME_UNLOCKED, 1);
  CHECK(!locks_any());
}

static void those_that_wait_get_it_in_their_order(void) {
  lock(1, 0);
  expect(FRAME_LOCKED, 1);
  for (uint32_t number = 2; number <= 4; number++) lock(number, LOCK_WAIT);
  CHECK(locks_retry() > 0);
  expect_nothing();
  unlock(3);
  expect(FRAME_UNLOCKED, 3);
  unlock(1);
  expect(FRAME_UNLOCKED, 1);
  /* Not even one that comes at this very moment is served first. */
  lock(5, 0);
  expect(FRAME_LOCK_FAILED, 5);
  CHECK(error == EAGAIN);
  CHECK(locks_retry() > 0);
  expect(FRAME_LOCKED, 2);
  unlock(2);
  expect(FRAME_UNLOCKED, 2);
  CHECK(locks_retry() == -1);
  expect(FRAME_LOCKED, 4);
  unlock(4);
  expect(FRAME_UNLOCKED, 4);
  CHECK(!locks_any());
}

static void shared_ones_get_along_and_keep_out_others(void) {
  lock(1, LOCK_SHARED);
  lock(2, LOCK_SHARED);
  lock(3, 0);
  expect(FRAME_LOCKED, 1);
  expect(FRAME_LOCKED, 2);
  expect(FRAME_LOCK_FAILED, 3);
  locks_release_all();
  CHECK(!locks_any());
  lock(4, 0);
  expect(FRAME_LOCKED, 4);
  locks_release_all();
}

static void what_cannot_be_locked_says_why(void) {
  CHECK(send_frame(FRAME_LOCK, LOCK_WAIT, 1, "/nonexistent/lock"));
  expect(FRAME_LOCK_FAILED, 1);
  CHECK(error == ENOENT && holder == 0);
  CHECK(send_frame(FRAME_LOCK, 0, 2, "/dev/null"));
  expect(FRAME_LOCK_FAILED, 2);
  CHECK(error == EINVAL);
  CHECK(!locks_any());
}

static void frames_that_node_does_not_write_are_refused(void) {
  CHECK(!send_frame(FRAME_LOCK, 4, 1, path));
  CHECK(!send_frame(FRAME_LOCK, 0, 1, NULL));
  lock(1, 0);
  expect(FRAME_LOCKED, 1);
  CHECK(!send_frame(FRAME_LOCK, 0, 1, path));
  locks_release_all();
}

int main(void) {
  int fds[2];
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
  node = fds[1];
  outgoing_begin(fds[0]);
  int file = mkstemp(path);
  CHECK(file >= 0 && close(file) == 0);
  one_that_is_taken_is_refused_and_names_the_holder();
  those_that_wait_get_it_in_their_order();
  shared_ones_get_along_and_keep_out_others();
  what_cannot_be_locked_says_why();
  frames_that_node_does_not_write_are_refused();
  CHECK(unlink(path) == 0);
  puts("locks: ok");
  return 0;
}
