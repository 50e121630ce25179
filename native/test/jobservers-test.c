/* Jobservers as frames ask for them; what is told to Node is read from a socket pair. */
#define _GNU_SOURCE
#include "jobservers.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "build-frame.h"
#include "check.h"
#include "events.h"
#include "outgoing.h"
#include "token-accounts.h"

static int node;
static char folder[] = "/tmp/drover-jobservers-test-XXXXXX";
static char path[64];

static bool send_frame(uint16_t type, uint16_t flags, uint32_t number, void (*fill)(struct builder *)) {
  static struct builder builder;
  begin_frame(&builder);
  if (fill != NULL) fill(&builder);
  end_frame(&builder, type, flags, number);
  struct frame frame;
  CHECK(frame_next(builder.bytes, builder.length, &frame) == FRAME_WHOLE);
  return jobservers_on_frame(&frame);
}

static void both_paths(struct builder *builder) {
  put_text(builder, path);
  put_text(builder, path);
}

static uint32_t wanted;
static void how_many(struct builder *builder) { put_u32(builder, wanted); }

static const char *tokens;
static void these(struct builder *builder) {
  for (const char *token = tokens; *token != '\0'; token++) put_u8(builder, (uint8_t)*token);
}

static void want(uint32_t number, uint32_t count) {
  wanted = count;
  CHECK(send_frame(FRAME_JOBSERVER_WANT, 0, number, how_many));
}

static void give(uint32_t number, const char *text) {
  tokens = text;
  CHECK(send_frame(FRAME_JOBSERVER_GIVE, 0, number, these));
}

static uint8_t told[64];
static struct frame frame;

static void expect(uint16_t type, uint32_t number) {
  CHECK(outgoing_flush());
  CHECK(recv(node, told, FRAME_HEADER, MSG_DONTWAIT) == FRAME_HEADER);
  frame_next(told, sizeof told, &frame);
  CHECK(frame.type == type && frame.number == number);
  if (frame.length > 0) CHECK(recv(node, frame.payload, frame.length, MSG_DONTWAIT) == (ssize_t)frame.length);
}

static void expect_error(uint16_t type, uint32_t number, uint32_t error) {
  expect(type, number);
  struct cursor cursor = cursor_of(&frame);
  CHECK(take_u32(&cursor) == error);
}

static void expect_tokens(uint32_t number, const char *text) {
  expect(FRAME_TOKENS, number);
  CHECK(frame.length == strlen(text) && memcmp(frame.payload, text, frame.length) == 0);
}

static void expect_nothing(void) {
  uint8_t byte;
  CHECK(outgoing_flush());
  CHECK(recv(node, &byte, 1, MSG_DONTWAIT) < 0);
}

/* What is in the pipe, read from outside, and put back. */
static int count_tokens(void) {
  uint8_t bytes[64];
  int fd = open(path, O_RDWR | O_NONBLOCK);
  CHECK(fd >= 0);
  ssize_t count = read(fd, bytes, sizeof bytes);
  if (count > 0) CHECK(write(fd, bytes, (size_t)count) == count);
  CHECK(close(fd) == 0);
  return count < 0 ? 0 : (int)count;
}

static void one_that_is_made_here_goes_with_its_end(void) {
  CHECK(send_frame(FRAME_JOBSERVER_OPEN, JOBSERVER_CREATE, 1, both_paths));
  expect_error(FRAME_JOBSERVER_OPENED, 1, 0);
  struct stat status;
  CHECK(stat(path, &status) == 0 && S_ISFIFO(status.st_mode) && (status.st_mode & 0777) == 0600);
  CHECK(send_frame(FRAME_JOBSERVER_OPEN, JOBSERVER_CREATE, 2, both_paths));
  expect_error(FRAME_JOBSERVER_OPENED, 2, EEXIST);
  CHECK(stat(path, &status) == 0);
  give(1, "+++");
  CHECK(count_tokens() == 3);
  want(1, 2);
  expect_tokens(1, "++");
  CHECK(send_frame(FRAME_JOBSERVER_DRAIN, 0, 1, NULL));
  expect(FRAME_JOBSERVER_DRAINED, 1);
  CHECK(count_tokens() == 0);
  CHECK(jobservers_any());
  CHECK(send_frame(FRAME_JOBSERVER_CLOSE, 0, 1, NULL));
  expect(FRAME_JOBSERVER_CLOSED, 1);
  CHECK(stat(path, &status) < 0 && errno == ENOENT);
  CHECK(!jobservers_any());
}

static void open_foreign(const char *content) {
  CHECK(mkfifo(path, 0600) == 0);
  CHECK(send_frame(FRAME_JOBSERVER_OPEN, 0, 1, both_paths));
  expect_error(FRAME_JOBSERVER_OPENED, 1, 0);
  int fd = open(path, O_RDWR | O_NONBLOCK);
  CHECK(fd >= 0 && write(fd, content, strlen(content)) == (ssize_t)strlen(content) && close(fd) == 0);
}

static void all_that_is_wanted_comes_or_nothing(void) {
  open_foreign("ab");
  want(1, 3);
  expect_nothing();
  CHECK(count_tokens() == 2);
  CHECK(jobservers_retry() > 0);
  int fd = open(path, O_RDWR | O_NONBLOCK);
  CHECK(write(fd, "c", 1) == 1 && close(fd) == 0);
  while (jobservers_retry() > 0) usleep(1000);
  expect_tokens(1, "abc");
  CHECK(count_tokens() == 0);
  /* As when Node is gone. */
  jobservers_end_all();
  int left = open(path, O_RDWR | O_NONBLOCK);
  CHECK(left >= 0 && close(left) == 0);
  CHECK(unlink(path) == 0);
}

static void what_is_held_goes_back_at_the_end(void) {
  open_foreign("xyz");
  int reader = open(path, O_RDWR | O_NONBLOCK);
  want(1, 2);
  expect_tokens(1, "xy");
  give(1, "x");
  CHECK(count_tokens() == 2);
  jobservers_end_all();
  CHECK(count_tokens() == 3);
  CHECK(close(reader) == 0 && unlink(path) == 0);
}

static void one_that_is_awaited_is_told_when_it_comes(void) {
  open_foreign("");
  want(1, 1);
  expect_nothing();
  jobservers_on_readable(1);
  expect_nothing();
  int fd = open(path, O_RDWR | O_NONBLOCK);
  CHECK(write(fd, "t", 1) == 1);
  jobservers_on_readable(1);
  expect_tokens(1, "t");
  want(1, 1);
  want(1, 0);
  CHECK(write(fd, "u", 1) == 1);
  jobservers_on_readable(1);
  expect_nothing();
  jobservers_end_all();
  CHECK(count_tokens() == 2);
  CHECK(close(fd) == 0 && unlink(path) == 0);
}

/* The launcher is gone, and the guardian knows what it held. */
static void the_guardian_gives_back_for_the_dead(void) {
  CHECK(mkfifo(path, 0600) == 0);
  int fd = open(path, O_RDWR | O_NONBLOCK);
  CHECK(fd >= 0 && write(fd, "123", 3) == 3);
  pid_t launcher = fork();
  CHECK(launcher >= 0);
  if (launcher == 0) {
    CHECK(send_frame(FRAME_JOBSERVER_OPEN, 0, 1, both_paths));
    want(1, 2);
    _exit(0);
  }
  int status;
  CHECK(waitpid(launcher, &status, 0) == launcher && status == 0);
  CHECK(count_tokens() == 1);
  token_accounts_settle_for_the_dead();
  CHECK(count_tokens() == 3);
  CHECK(close(fd) == 0 && unlink(path) == 0);
}

static void other_files_are_refused(void) {
  int fd = open(path, O_CREAT | O_WRONLY, 0600);
  CHECK(fd >= 0 && close(fd) == 0);
  CHECK(send_frame(FRAME_JOBSERVER_OPEN, 0, 1, both_paths));
  expect_error(FRAME_JOBSERVER_OPENED, 1, EINVAL);
  CHECK(unlink(path) == 0);
  CHECK(send_frame(FRAME_JOBSERVER_OPEN, 0, 1, both_paths));
  expect_error(FRAME_JOBSERVER_OPENED, 1, ENOENT);
}

static void frames_that_node_does_not_write_are_refused(void) {
  CHECK(!send_frame(FRAME_JOBSERVER_OPEN, 2, 1, both_paths));
  CHECK(!send_frame(FRAME_JOBSERVER_OPEN, 0, 1, NULL));
  CHECK(!send_frame(FRAME_JOBSERVER_WANT, 0, 1, NULL));
  wanted = 100000;
  open_foreign("");
  CHECK(!send_frame(FRAME_JOBSERVER_WANT, 0, 1, how_many));
  /* One that is not there may have failed without Node knowing it yet. */
  wanted = 1;
  CHECK(send_frame(FRAME_JOBSERVER_WANT, 0, 9, how_many));
  jobservers_end_all();
  CHECK(unlink(path) == 0);
}

int main(void) {
  int fds[2];
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
  node = fds[1];
  outgoing_begin(fds[0]);
  CHECK(events_begin() && token_accounts_share());
  CHECK(mkdtemp(folder) != NULL);
  snprintf(path, sizeof path, "%s/fifo", folder);
  one_that_is_made_here_goes_with_its_end();
  all_that_is_wanted_comes_or_nothing();
  what_is_held_goes_back_at_the_end();
  one_that_is_awaited_is_told_when_it_comes();
  other_files_are_refused();
  frames_that_node_does_not_write_are_refused();
  the_guardian_gives_back_for_the_dead();
  CHECK(rmdir(folder) == 0);
  puts("jobservers: ok");
  return 0;
}
