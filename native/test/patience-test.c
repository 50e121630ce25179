#include "patience.h"

#include <sys/socket.h>
#include <time.h>

#include "build-frame.h"
#include "check.h"
#include "outgoing.h"

static int ends[2];

static bool beat(uint32_t ms) {
  static struct builder builder;
  begin_frame(&builder);
  put_u32(&builder, ms);
  end_frame(&builder, FRAME_HEARTBEAT, 0, 7);
  struct frame frame;
  CHECK(frame_next(builder.bytes, builder.length, &frame) == FRAME_WHOLE);
  return patience_on_frame(&frame);
}

static void expect_answer(void) {
  uint8_t bytes[64];
  struct frame frame;
  CHECK(outgoing_flush());
  ssize_t got = recv(ends[1], bytes, sizeof bytes, MSG_DONTWAIT);
  CHECK(got == FRAME_HEADER && frame_next(bytes, (size_t)got, &frame) == FRAME_WHOLE);
  CHECK(frame.type == FRAME_ALIVE && frame.number == 7);
}

static void it_has_no_end_before_the_first_beat(void) {
  CHECK(!patience_is_over() && patience_left_ms() == -1);
}

static void it_is_over_when_no_beat_comes_in_time(void) {
  CHECK(beat(30));
  expect_answer();
  CHECK(!patience_is_over() && patience_left_ms() > 0 && patience_left_ms() <= 30);
  while (!patience_is_over()) nanosleep(&(struct timespec){.tv_nsec = 1000 * 1000}, NULL);
  CHECK(patience_left_ms() == 0);
}

static void every_beat_begins_it_anew(void) {
  CHECK(beat(60 * 1000));
  expect_answer();
  CHECK(!patience_is_over() && patience_left_ms() > 50 * 1000);
}

static void a_beat_can_end_the_hurry(void) {
  CHECK(beat(0));
  expect_answer();
  CHECK(!patience_is_over() && patience_left_ms() == -1);
}

static void what_is_no_beat_is_refused(void) {
  struct frame frame = {.type = FRAME_HEARTBEAT};
  CHECK(!patience_on_frame(&frame));
  CHECK(!beat(UINT32_MAX));
}

int main(void) {
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
  outgoing_begin(ends[0]);
  it_has_no_end_before_the_first_beat();
  it_is_over_when_no_beat_comes_in_time();
  every_beat_begins_it_anew();
  a_beat_can_end_the_hurry();
  what_is_no_beat_is_refused();
  puts("patience: ok");
  return 0;
}
