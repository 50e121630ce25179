/* Datagrams as frames ask for them, received by sockets of this process. */
#define _GNU_SOURCE
#include "datagrams.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "build-frame.h"
#include "check.h"
#include "outgoing.h"

static int node;

static bool send_frame(uint16_t flags, uint32_t number, const char *path, const char *text) {
  struct builder builder;
  begin_frame(&builder);
  put_u32(&builder, (uint32_t)getppid());
  put_text(&builder, path);
  put_text(&builder, text);
  end_frame(&builder, FRAME_DATAGRAM, flags, number);
  struct frame frame;
  CHECK(frame_next(builder.bytes, builder.length, &frame) == FRAME_WHOLE);
  return datagrams_on_frame(&frame);
}

/* The errno that is told of one. */
static uint32_t error_of(uint32_t number) {
  uint8_t bytes[FRAME_HEADER + 4];
  CHECK(outgoing_flush());
  CHECK(recv(node, bytes, sizeof bytes, MSG_DONTWAIT) == (ssize_t)sizeof bytes);
  struct frame frame;
  CHECK(frame_next(bytes, sizeof bytes, &frame) == FRAME_WHOLE);
  CHECK(frame.type == FRAME_COUNT && frame.number == number);
  struct cursor cursor = cursor_of(&frame);
  return take_u32(&cursor);
}

static int receiver(const char *name, size_t length) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  memcpy(address.sun_path, name, length);
  int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
  CHECK(bind(fd, (struct sockaddr *)&address, (socklen_t)(sizeof(sa_family_t) + length)) == 0);
  return fd;
}

static void expect_text(int fd, const char *text) {
  char got[256] = "";
  CHECK(recv(fd, got, sizeof got - 1, MSG_DONTWAIT) == (ssize_t)strlen(text));
  CHECK(strcmp(got, text) == 0);
}

static void one_comes_at_a_path_and_at_a_name_that_is_no_file(void) {
  char path[64];
  snprintf(path, sizeof path, "/tmp/drover-datagrams-test-%d", (int)getpid());
  int file = receiver(path, strlen(path));
  CHECK(send_frame(0, 1, path, "READY=1\nSTATUS=well"));
  CHECK(error_of(1) == 0);
  expect_text(file, "READY=1\nSTATUS=well");
  close(file);
  CHECK(send_frame(0, 2, path, "nobody is there"));
  CHECK(error_of(2) == ECONNREFUSED);
  unlink(path);
  path[0] = '\0';
  int name = receiver(path, 20);
  char abstract[21] = "";
  memcpy(abstract, path, 20);
  abstract[0] = '@';
  CHECK(send_frame(0, 3, abstract, "WATCHDOG=1"));
  CHECK(error_of(3) == 0);
  expect_text(name, "WATCHDOG=1");
  close(name);
}

static void one_that_cannot_be_sent_tells_why(void) {
  char longer[200];
  memset(longer, 'x', sizeof longer - 1);
  longer[sizeof longer - 1] = '\0';
  CHECK(send_frame(0, 4, "/nonexistent/socket", "x"));
  CHECK(error_of(4) == ENOENT);
  CHECK(send_frame(0, 5, longer, "x"));
  CHECK(error_of(5) == ENAMETOOLONG);
  CHECK(send_frame(0, 6, "", "x"));
  CHECK(error_of(6) == EINVAL);
  CHECK(!send_frame(1, 7, "/flags", "x"));
}

int main(void) {
  int pair[2];
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
  node = pair[0];
  outgoing_begin(pair[1]);
  one_comes_at_a_path_and_at_a_name_that_is_no_file();
  one_that_cannot_be_sent_tells_why();
  puts("datagrams: ok");
  return 0;
}
