#define _GNU_SOURCE
#include "counting.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"
#include "events.h"
#include "frames.h"
#include "outgoing.h"
#include "output.h"

static int socket_ends[2];
static int writer;

static struct child *child_that_is_counted(uint32_t number) {
  int fds[2];
  CHECK(pipe2(fds, O_CLOEXEC | O_NONBLOCK) == 0);
  /* Beyond what the system gives to any process. */
  struct child *child = child_add(number, 0x7ffffff0, "counting");
  child->outputs[STDOUT_STREAM].fd = fds[0];
  child->outputs[STDOUT_STREAM].counted = true;
  writer = fds[1];
  return child;
}

static void print(size_t bytes) {
  static const char zeros[65536];
  CHECK(bytes <= sizeof zeros && write(writer, zeros, bytes) == (ssize_t)bytes);
}

/* The next notice, which must be of that type; what it says, where it says a count. */
static uint64_t notice(uint16_t type) {
  uint8_t bytes[FRAME_HEADER + 8];
  CHECK(outgoing_flush());
  CHECK(recv(socket_ends[1], bytes, FRAME_HEADER, MSG_DONTWAIT) == FRAME_HEADER);
  struct frame frame;
  frame_next(bytes, sizeof bytes, &frame);
  CHECK(frame.type == type && frame.flags == STDOUT_STREAM && frame.length <= 8);
  if (frame.length > 0) CHECK(recv(socket_ends[1], bytes + FRAME_HEADER, frame.length, MSG_DONTWAIT) == frame.length);
  struct cursor cursor = cursor_of(&frame);
  return frame.length == 8 ? take_u64(&cursor) : 0;
}

static bool is_told_nothing(void) {
  uint8_t byte;
  return outgoing_flush() && recv(socket_ends[1], &byte, 1, MSG_DONTWAIT) < 0;
}

static void the_first_is_told_and_the_rest_with_the_end(void) {
  struct child *child = child_that_is_counted(1);
  print(5);
  output_on_readable(child, STDOUT_STREAM);
  CHECK(notice(FRAME_COUNTED) == 5);
  child->outputs[STDOUT_STREAM].told_us = now_us();
  print(7);
  output_on_readable(child, STDOUT_STREAM);
  CHECK(is_told_nothing());
  close(writer);
  child->running = false;
  output_on_readable(child, STDOUT_STREAM);
  CHECK(notice(FRAME_COUNTED) == 12);
  notice(FRAME_OUTPUT_END);
  CHECK(child_by_number(1) == NULL);
}

static void after_the_exit_every_reading_is_told(void) {
  struct child *child = child_that_is_counted(2);
  child->running = false;
  child->ghost = true;
  for (uint64_t n = 1; n <= 3; n++) {
    print(10);
    output_on_readable(child, STDOUT_STREAM);
    CHECK(notice(FRAME_COUNTED) == 10 * n);
  }
  output_on_readable(child, STDOUT_STREAM);
  CHECK(is_told_nothing());
  close(writer);
  output_on_readable(child, STDOUT_STREAM);
  notice(FRAME_OUTPUT_END);
}

static void a_count_beyond_32_bits_is_whole(void) {
  struct child *child = child_that_is_counted(3);
  child->running = false;
  child->ghost = true;
  child->outputs[STDOUT_STREAM].bytes = UINT64_C(0x123456789a);
  print(6);
  output_on_readable(child, STDOUT_STREAM);
  CHECK(notice(FRAME_COUNTED) == UINT64_C(0x12345678a0));
  output_close_and_tell(child, STDOUT_STREAM);
  notice(FRAME_OUTPUT_END);
  close(writer);
}

static void a_pipe_that_fills_becomes_large(void) {
  struct child *child = child_that_is_counted(4);
  struct output *output = &child->outputs[STDOUT_STREAM];
  int usual = fcntl(output->fd, F_GETPIPE_SZ);
  print(100);
  CHECK(counting_read(child, STDOUT_STREAM) == READ_NOTHING);
  CHECK(!output->large && fcntl(output->fd, F_GETPIPE_SZ) == usual);
  print(40000);
  CHECK(counting_read(child, STDOUT_STREAM) == READ_NOTHING);
  CHECK(output->large == (fcntl(output->fd, F_GETPIPE_SZ) > usual));
  output_close(child, STDOUT_STREAM);
  CHECK(!output->large);
  close(writer);
}

/* Nothing can be spliced into a file that is appended to. */
static void it_is_read_where_it_cannot_be_spliced(void) {
  char path[] = "/tmp/drover-counting-XXXXXX";
  CHECK(close(mkstemp(path)) == 0);
  int file = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
  CHECK(file >= 0 && unlink(path) == 0);
  counting_begin(file);
  struct child *child = child_that_is_counted(5);
  print(50000);
  CHECK(counting_read(child, STDOUT_STREAM) == READ_NOTHING);
  CHECK(child->outputs[STDOUT_STREAM].bytes == 50000);
  close(writer);
  CHECK(counting_read(child, STDOUT_STREAM) == READ_END);
  CHECK(lseek(file, 0, SEEK_END) == 0);
  output_close(child, STDOUT_STREAM);
  close(file);
}

int main(void) {
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, socket_ends) == 0);
  outgoing_begin(socket_ends[0]);
  int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
  CHECK(null >= 0 && events_begin());
  counting_begin(null);
  the_first_is_told_and_the_rest_with_the_end();
  after_the_exit_every_reading_is_told();
  a_count_beyond_32_bits_is_whole();
  a_pipe_that_fills_becomes_large();
  it_is_read_where_it_cannot_be_spliced();
  puts("counting: ok");
  return 0;
}
