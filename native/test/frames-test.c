#include "frames.h"

#include <unistd.h>

#include "build-frame.h"
#include "check.h"

static struct frame frame_of(struct builder *builder) {
  struct frame frame;
  CHECK(frame_next(builder->bytes, builder->length, &frame) == FRAME_WHOLE);
  return frame;
}

static void a_start_is_read_as_it_was_written(void) {
  struct builder builder;
  build_start(&builder, 7);
  struct frame frame = frame_of(&builder);
  CHECK(frame.number == 7 && frame.type == FRAME_START);
  static struct start start;
  CHECK(start_parse(&frame, &start));
  CHECK(start.kinds[0] == STREAM_FILE && start.kinds[1] == STREAM_PIPE && start.kinds[2] == STREAM_APPEND);
  CHECK(start.credit == 65536 && !start.nul);
  CHECK(start.options.nice == -5 && start.options.limits[LIMIT_STACK] == UINT64_MAX - LIMIT_STACK);
  CHECK(start.options.descriptor_count == 2 && start.options.descriptors[1].as == 4);
  CHECK(start.options.descriptors[1].mode == (DESCRIPTOR_READ_WRITE | DESCRIPTOR_APPEND));
  CHECK_TEXT(start.options.descriptors[1].path, "/fifo");
  CHECK(start.options.group_count == 2);
  CHECK_TEXT(start.options.groups[1], "/groups/b/cgroup.procs");
  CHECK(start.options.range_count == 2 && start.options.ranges[1].start == (uint64_t)1 << 40);
  CHECK(start.options.ranges[1].end == ((uint64_t)1 << 40) + 10);
  CHECK(start.options.most.bytes == (uint64_t)1 << 33 && start.options.most.processes == 12);
  CHECK_TEXT(start.scope, "scope-1");
  CHECK_TEXT(start.cwd, "/folder");
  CHECK_TEXT(start.paths[0], "in");
  CHECK(start.paths[1] == NULL);
  CHECK_TEXT(start.paths[2], "err");
  CHECK_TEXT(start.argv[0], "program");
  CHECK_TEXT(start.argv[1], "");
  CHECK_TEXT(start.argv[2], "caf\xe9");
  CHECK(start.argv[3] == NULL);
  CHECK(start.set_count == 2 && start.removed_count == 1);
  CHECK_TEXT(start.set[1], "B=");
  CHECK_TEXT(start.removed[0], "GONE");
}

static void a_stream_that_is_counted_has_no_path(void) {
  struct builder builder;
  build_start(&builder, 7);
  builder.bytes[FRAME_HEADER + STDOUT_FILENO] = STREAM_COUNT;
  struct frame frame = frame_of(&builder);
  static struct start start;
  CHECK(start_parse(&frame, &start));
  CHECK(start.kinds[1] == STREAM_COUNT && start.paths[1] == NULL);
  CHECK_TEXT(start.paths[2], "err");
}

static void ranges_of_what_is_no_file_are_refused(void) {
  struct builder builder;
  build_start(&builder, 7);
  builder.bytes[FRAME_HEADER + STDIN_FILENO] = STREAM_PIPE;
  struct frame frame = frame_of(&builder);
  static struct start start;
  CHECK(!start_parse(&frame, &start));
}

static void only_pipes_are_talked_to_directly(void) {
  struct builder builder;
  build_start(&builder, 7);
  builder.bytes[FRAME_HEADER + 8] = OPTIONS_KNOWN & 0xff;
  builder.bytes[FRAME_HEADER + 9] = OPTIONS_KNOWN >> 8;
  struct frame frame = frame_of(&builder);
  static struct start start;
  CHECK(!start_parse(&frame, &start));
}

static void input_that_is_counted_is_refused(void) {
  struct builder builder;
  build_start(&builder, 7);
  builder.bytes[FRAME_HEADER + STDIN_FILENO] = STREAM_COUNT;
  struct frame frame = frame_of(&builder);
  static struct start start;
  CHECK(!start_parse(&frame, &start));
}

static void a_kind_that_is_not_known_is_refused(void) {
  struct builder builder;
  build_start(&builder, 7);
  builder.bytes[FRAME_HEADER + STDOUT_FILENO] = STREAM_COUNT + 1;
  struct frame frame = frame_of(&builder);
  static struct start start;
  CHECK(!start_parse(&frame, &start));
}

static void what_is_not_all_there_is_partial(void) {
  struct builder builder;
  struct frame frame;
  build_start(&builder, 7);
  for (size_t length = 0; length < builder.length; length++) {
    CHECK(frame_next(builder.bytes, length, &frame) == FRAME_PARTIAL);
  }
}

static void a_length_beyond_the_limit_is_bad(void) {
  uint8_t header[FRAME_HEADER];
  struct frame frame;
  frame_put_header(header, FRAME_LIMIT + 1, FRAME_INPUT, 0, 1);
  CHECK(frame_next(header, sizeof header, &frame) == FRAME_BAD);
}

static void a_nul_within_a_text_is_noticed(void) {
  struct builder builder;
  begin_frame(&builder);
  for (int n = 0; n < 4; n++) put_u8(&builder, 0);
  for (int n = 0; n < 2; n++) put_u32(&builder, 0);
  put_u32(&builder, 1);
  put_u32(&builder, 0);
  put_u32(&builder, 0);
  put_text(&builder, "scope");
  put_bytes(&builder, "a\0b", 3);
  end_frame(&builder, FRAME_START, 0, 1);
  struct frame frame = frame_of(&builder);
  static struct start start;
  CHECK(start_parse(&frame, &start));
  CHECK(start.nul);
}

static void a_start_with_an_option_that_is_not_known_is_refused(void) {
  struct builder builder;
  build_start(&builder, 7);
  /* Behind three kinds, whether there is a directory, and the credit. */
  builder.bytes[FRAME_HEADER + 8 + 3] = 0x80;
  struct frame frame = frame_of(&builder);
  static struct start start;
  CHECK(!start_parse(&frame, &start));
}

static void a_niceness_that_no_process_has_is_refused(void) {
  struct builder builder;
  build_start(&builder, 7);
  builder.bytes[FRAME_HEADER + 24] = (uint8_t)-21;
  struct frame frame = frame_of(&builder);
  static struct start start;
  CHECK(!start_parse(&frame, &start));
}

static void a_descriptor_that_is_a_stream_or_beyond_all_is_refused(void) {
  for (int wrong = 0; wrong < 2; wrong++) {
    struct builder builder;
    build_start(&builder, 7);
    /* Behind the fixed part, the niceness, the limits and the count. */
    builder.bytes[FRAME_HEADER + 24 + 4 + LIMITS * 8 + 4 + wrong] = wrong == 0 ? STDERR_FILENO : 4;
    struct frame frame = frame_of(&builder);
    static struct start start;
    CHECK(!start_parse(&frame, &start));
  }
}

static void a_payload_with_something_left_over_is_refused(void) {
  struct builder builder;
  build_start(&builder, 7);
  put_u8(&builder, 0);
  end_frame(&builder, FRAME_START, 0, 7);
  struct frame frame = frame_of(&builder);
  static struct start start;
  CHECK(!start_parse(&frame, &start));
}

static void counts_that_cannot_be_true_reserve_nothing(void) {
  struct builder builder;
  begin_frame(&builder);
  put_u32(&builder, 0xffffffff);
  put_u32(&builder, 0xffffffff);
  end_frame(&builder, FRAME_ENVIRONMENT, 0, 0);
  struct frame frame = frame_of(&builder);
  static struct environment_change change;
  CHECK(!environment_change_parse(&frame, &change));
  CHECK(change.words_capacity == 0);
}

int main(void) {
  a_start_is_read_as_it_was_written();
  a_stream_that_is_counted_has_no_path();
  ranges_of_what_is_no_file_are_refused();
  only_pipes_are_talked_to_directly();
  input_that_is_counted_is_refused();
  a_kind_that_is_not_known_is_refused();
  what_is_not_all_there_is_partial();
  a_length_beyond_the_limit_is_bad();
  a_nul_within_a_text_is_noticed();
  a_start_with_an_option_that_is_not_known_is_refused();
  a_niceness_that_no_process_has_is_refused();
  a_descriptor_that_is_a_stream_or_beyond_all_is_refused();
  a_payload_with_something_left_over_is_refused();
  counts_that_cannot_be_true_reserve_nothing();
  puts("frames: ok");
  return 0;
}
