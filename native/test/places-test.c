#include "places.h"

#include <sys/socket.h>
#include <time.h>

#include "build-frame.h"
#include "check.h"
#include "outgoing.h"

static int ends[2];
/* What was handled: a letter for each frame, and the digit of its child. */
static char handled[64];

static bool handle(const struct frame *frame) {
  static const char letters[] = {[FRAME_START] = 's', [FRAME_INPUT] = 'i', [FRAME_INPUT_END] = 'e'};
  CHECK(!places_keep(frame));
  char said[] = {letters[frame->type], (char)('0' + frame->number), '\0'};
  strcat(handled, said);
  if (frame->type == FRAME_INPUT) CHECK(frame->length == 3 && memcmp(frame->payload, "abc", 3) == 0);
  if (frame->type == FRAME_START) places_occupy(frame->number, frame->flags);
  return frame->number != 9;
}

/* As the launcher would: at once, or when there is a place. */
static void give(uint16_t type, uint16_t flags, uint32_t number) {
  uint8_t bytes[] = {'a', 'b', 'c'};
  struct frame frame = {.type = type, .flags = flags, .number = number, .payload = bytes};
  if (type == FRAME_INPUT) frame.length = sizeof bytes;
  if (!places_keep(&frame)) CHECK(handle(&frame));
  memset(bytes, 'x', sizeof bytes);
  CHECK(places_settle(handle));
}

static void start(uint32_t number, uint16_t more) { give(FRAME_START, START_PLACED | more, number); }

static bool set_places(uint32_t count, uint32_t lease_ms) {
  static struct builder builder;
  begin_frame(&builder);
  put_u32(&builder, count);
  put_u32(&builder, lease_ms);
  end_frame(&builder, FRAME_PLACES, 0, 0);
  struct frame frame;
  CHECK(frame_next(builder.bytes, builder.length, &frame) == FRAME_WHOLE);
  return places_on_frame(&frame) && places_settle(handle);
}

static void end_with(uint32_t number, int status) {
  places_note_exit(number, status);
  places_pass_on(number);
  CHECK(places_settle(handle));
}

static void leave(uint32_t number) {
  places_leave(number);
  CHECK(places_settle(handle));
}

static void expect(const char *what) {
  CHECK_TEXT(handled, what);
  handled[0] = '\0';
}

static void expect_word(uint16_t type, uint32_t number) {
  uint8_t bytes[64];
  struct frame frame;
  CHECK(outgoing_flush());
  ssize_t got = recv(ends[1], bytes, sizeof bytes, MSG_DONTWAIT);
  if (type == 0) {
    CHECK(got < 0);
    return;
  }
  CHECK(got == FRAME_HEADER && frame_next(bytes, (size_t)got, &frame) == FRAME_WHOLE);
  CHECK(frame.type == type && frame.number == number);
}

static void what_needs_no_place_is_started_at_once(void) {
  give(FRAME_START, 0, 1);
  expect("s1");
  places_leave(1);
}

static void the_next_begins_when_one_has_ended_in_the_order_they_came(void) {
  CHECK(set_places(2, 0));
  start(1, 0);
  start(2, 0);
  start(3, 0);
  start(4, 0);
  expect("s1s2");
  end_with(2, 0);
  expect("s3");
  end_with(1, 256);
  expect("s4");
  end_with(3, 0);
  end_with(4, 0);
  expect("");
}

static void what_comes_for_it_meanwhile_is_handled_after_its_start(void) {
  CHECK(set_places(1, 0));
  start(1, 0);
  start(2, 0);
  give(FRAME_INPUT, 0, 2);
  give(FRAME_INPUT_END, 0, 2);
  expect("s1");
  end_with(1, 0);
  expect("s2i2e2");
  give(FRAME_INPUT, 0, 2);
  expect("i2");
  end_with(2, 0);
}

static void what_waits_can_be_taken_back_and_what_has_begun_cannot(void) {
  start(1, 0);
  start(2, 0);
  start(3, 0);
  places_take_back(2);
  expect_word(FRAME_TAKEN_BACK, 2);
  places_take_back(1);
  expect_word(0, 0);
  end_with(1, 0);
  expect("s1s3");
  end_with(3, 0);
}

static void a_place_is_kept_until_node_says_so_where_it_asked_for_that(void) {
  start(1, START_KEEPS);
  start(2, START_KEEPS_ON_FAILURE);
  start(3, START_KEEPS_ON_FAILURE);
  start(4, 0);
  end_with(1, 0);
  expect("s1");
  leave(1);
  expect("s2");
  end_with(2, 0);
  expect("s3");
  end_with(3, 9);
  expect("");
  leave(3);
  expect("s4");
  end_with(4, 0);
  leave(4);
}

static void fewer_places_end_nothing_and_more_let_in_what_waits(void) {
  CHECK(set_places(2, 0));
  start(1, 0);
  start(2, 0);
  start(3, 0);
  start(4, 0);
  CHECK(set_places(1, 0));
  end_with(1, 0);
  expect("s1s2");
  CHECK(set_places(3, 0));
  expect("s3s4");
  for (uint32_t number = 2; number <= 4; number++) end_with(number, 0);
}

static void nothing_begins_when_node_has_been_silent_for_long(void) {
  CHECK(set_places(1, 20));
  places_heard();
  start(1, 0);
  start(2, 0);
  nanosleep(&(struct timespec){.tv_nsec = 30 * 1000 * 1000}, NULL);
  end_with(1, 0);
  expect("s1");
  places_heard();
  CHECK(places_settle(handle));
  expect("s2");
  end_with(2, 0);
}

static void what_node_does_not_write_is_told(void) {
  CHECK(set_places(1, 0));
  start(1, 0);
  start(9, 0);
  places_leave(1);
  CHECK(!places_settle(handle));
  places_leave(9);
  struct frame frame = {.type = FRAME_PLACES};
  CHECK(!places_on_frame(&frame));
  CHECK(!places_any_waits());
}

int main(void) {
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
  outgoing_begin(ends[0]);
  what_needs_no_place_is_started_at_once();
  the_next_begins_when_one_has_ended_in_the_order_they_came();
  what_comes_for_it_meanwhile_is_handled_after_its_start();
  what_waits_can_be_taken_back_and_what_has_begun_cannot();
  a_place_is_kept_until_node_says_so_where_it_asked_for_that();
  fewer_places_end_nothing_and_more_let_in_what_waits();
  nothing_begins_when_node_has_been_silent_for_long();
  what_node_does_not_write_is_told();
  puts("places: ok");
  return 0;
}
