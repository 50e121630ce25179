#include "incoming.h"

#include <sys/socket.h>
#include <unistd.h>

#include "build-frame.h"
#include "check.h"

static int ends[2];

static void feed(const uint8_t *bytes, size_t length) {
  CHECK(send(ends[1], bytes, length, 0) == (ssize_t)length);
  CHECK(incoming_read(ends[0]) == INCOMING_OPEN);
}

static void frames_arrive_whole_wherever_they_are_split(void) {
  static struct builder first, second;
  static uint8_t both[8192];
  build_start(&first, 1);
  build_environment(&second);
  memcpy(both, first.bytes, first.length);
  memcpy(both + first.length, second.bytes, second.length);
  size_t length = first.length + second.length;
  for (size_t split = 1; split < length; split++) {
    struct frame frame;
    feed(both, split);
    enum frame_status status = incoming_next(&frame);
    CHECK(status == (split < first.length ? FRAME_PARTIAL : FRAME_WHOLE));
    feed(both + split, length - split);
    if (status == FRAME_PARTIAL) CHECK(incoming_next(&frame) == FRAME_WHOLE && frame.number == 1);
    CHECK(incoming_next(&frame) == FRAME_WHOLE && frame.type == FRAME_ENVIRONMENT);
    CHECK(memcmp(frame.payload, second.bytes + FRAME_HEADER, frame.length) == 0);
    CHECK(incoming_next(&frame) == FRAME_PARTIAL);
  }
}

static void a_frame_bigger_than_the_buffer_arrives_in_one_piece(void) {
  static uint8_t piece[65536];
  const uint32_t length = 3 * 1024 * 1024;
  uint8_t header[FRAME_HEADER];
  struct frame frame;
  frame_put_header(header, length, FRAME_INPUT, 0, 9);
  feed(header, sizeof header);
  for (uint32_t sent = 0; sent < length; sent += sizeof piece) {
    CHECK(incoming_next(&frame) == FRAME_PARTIAL);
    memset(piece, (int)(sent / sizeof piece), sizeof piece);
    feed(piece, sizeof piece);
  }
  CHECK(incoming_next(&frame) == FRAME_WHOLE && frame.length == length && frame.number == 9);
  for (uint32_t at = 0; at < length; at += sizeof piece) CHECK(frame.payload[at] == at / sizeof piece);
}

static void the_end_is_noticed(void) {
  close(ends[1]);
  CHECK(incoming_read(ends[0]) == INCOMING_GONE);
}

int main(void) {
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
  frames_arrive_whole_wherever_they_are_split();
  a_frame_bigger_than_the_buffer_arrives_in_one_piece();
  the_end_is_noticed();
  puts("incoming: ok");
  return 0;
}
