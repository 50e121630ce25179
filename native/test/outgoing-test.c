#include "outgoing.h"

#include <sys/socket.h>
#include <unistd.h>

#include "check.h"
#include "frames.h"

static int ends[2];

/* Reads all that there is; returns the number of frames, which must be numbered from `next` on. */
static uint32_t read_frames(uint32_t next) {
  static uint8_t bytes[1 << 20];
  static size_t have;
  ssize_t got;
  while ((got = recv(ends[1], bytes + have, sizeof bytes - have, MSG_DONTWAIT)) > 0) {
    have += (size_t)got;
    struct frame frame;
    size_t at = 0;
    while (frame_next(bytes + at, have - at, &frame) == FRAME_WHOLE) {
      CHECK(frame.number == next);
      next += 1;
      at += FRAME_HEADER + frame.length;
    }
    memmove(bytes, bytes + at, have - at);
    have -= at;
  }
  return next;
}

static void nothing_is_lost_when_the_socket_is_full(void) {
  uint32_t written = 0;
  uint32_t read = 0;
  while (!outgoing_is_full()) {
    uint8_t *room = outgoing_reserve(5000);
    memset(room, 'x', 5000);
    outgoing_commit(FRAME_OUTPUT, 1, written, 5000);
    written += 1;
    CHECK(outgoing_flush());
  }
  /* Notices are taken nevertheless. */
  for (int n = 0; n < 1000; n++) {
    outgoing_frame(FRAME_EXIT, 0, written, (uint32_t[]){0, 1, 2}, 3);
    written += 1;
  }
  CHECK(!outgoing_is_empty());
  while (!outgoing_is_empty()) {
    read = read_frames(read);
    CHECK(outgoing_flush());
  }
  CHECK(read_frames(read) == written);
}

static void an_announcement_can_wait(void) {
  outgoing_frame(FRAME_SPAWNED, 0, 0, (uint32_t[]){1}, 1);
  CHECK(!outgoing_is_urgent() && !outgoing_is_empty());
  outgoing_frame(FRAME_EXIT, 0, 1, (uint32_t[]){1}, 1);
  CHECK(outgoing_is_urgent());
  CHECK(outgoing_flush() && outgoing_is_empty());
  CHECK(read_frames(0) == 2);
}

static void a_reader_that_is_gone_is_noticed(void) {
  close(ends[1]);
  outgoing_frame(FRAME_EXIT, 0, 0, NULL, 0);
  CHECK(!outgoing_flush());
}

int main(void) {
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
  outgoing_begin(ends[0]);
  nothing_is_lost_when_the_socket_is_full();
  an_announcement_can_wait();
  a_reader_that_is_gone_is_noticed();
  puts("outgoing: ok");
  return 0;
}
