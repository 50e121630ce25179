/* Shared slots as frames ask for them; what is told to Node is read from a socket pair. Others are stood for by child processes. */
#define _GNU_SOURCE
#include "slots.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "build-frame.h"
#include "check.h"
#include "events.h"
#include "outgoing.h"
#include "slot-files.h"

static int node;
static char folder[] = "/tmp/drover-slots-test-XXXXXX";

static bool send_take(uint32_t number, uint32_t weight, uint32_t limit, const char *path) {
  struct builder builder;
  begin_frame(&builder);
  put_u32(&builder, weight);
  put_u32(&builder, limit);
  put_u32(&builder, (uint32_t)getpid());
  put_text(&builder, path);
  put_text(&builder, "a label");
  end_frame(&builder, FRAME_SLOTS_TAKE, 0, number);
  struct frame frame;
  CHECK(frame_next(builder.bytes, builder.length, &frame) == FRAME_WHOLE);
  return slots_on_take_frame(&frame);
}

static void take(uint32_t number, uint32_t weight, uint32_t limit) { CHECK(send_take(number, weight, limit, folder)); }

static void expect(uint16_t type, uint32_t number, uint32_t word) {
  static uint8_t bytes[64];
  CHECK(outgoing_flush());
  CHECK(recv(node, bytes, FRAME_HEADER, MSG_DONTWAIT) == FRAME_HEADER);
  struct frame frame;
  frame_next(bytes, sizeof bytes, &frame);
  CHECK(frame.type == type && frame.number == number);
  if (frame.length == 0) return;
  CHECK(recv(node, frame.payload, frame.length, MSG_DONTWAIT) == (ssize_t)frame.length);
  struct cursor cursor = cursor_of(&frame);
  CHECK(take_u32(&cursor) == word);
}

static void expect_nothing(void) {
  uint8_t byte;
  CHECK(outgoing_flush());
  CHECK(recv(node, &byte, 1, MSG_DONTWAIT) < 0);
}

static void give(uint32_t number) {
  struct builder builder;
  begin_frame(&builder);
  end_frame(&builder, FRAME_SLOTS_GIVE, 0, number);
  struct frame frame;
  CHECK(frame_next(builder.bytes, builder.length, &frame) == FRAME_WHOLE);
  CHECK(slots_on_give_frame(&frame));
}

static int count_files(const char *beginning) {
  DIR *entries = opendir(folder);
  CHECK(entries != NULL);
  int count = 0;
  struct dirent *entry;
  while ((entry = readdir(entries)) != NULL) count += strncmp(entry->d_name, beginning, strlen(beginning)) == 0;
  closedir(entries);
  return count;
}

static void retry(void) {
  slots_on_change();
  slots_retry();
}

static void as_many_as_the_limit_says(void) {
  take(1, 1, 2);
  take(2, 1, 2);
  expect(FRAME_SLOTS_TAKEN, 1, 1);
  expect(FRAME_SLOTS_TAKEN, 2, 1);
  take(3, 1, 2);
  take(4, 1, 2);
  expect_nothing();
  CHECK(count_files("wait-") == 2 && slots_retry() > 0);
  give(1);
  expect(FRAME_SLOTS_GIVEN, 1, 0);
  retry();
  expect(FRAME_SLOTS_TAKEN, 3, 1);
  expect_nothing();
  give(4);
  expect(FRAME_SLOTS_GIVEN, 4, 0);
  CHECK(count_files("wait-") == 0 && slots_retry() == -1);
  slots_release_all();
  CHECK(!slots_any());
}

static void all_of_a_weight_or_nothing_and_nobody_overtakes(void) {
  take(1, 1, 3);
  expect(FRAME_SLOTS_TAKEN, 1, 1);
  take(2, 3, 3);
  take(3, 1, 3);
  expect_nothing();
  retry();
  expect_nothing();
  give(1);
  expect(FRAME_SLOTS_GIVEN, 1, 0);
  retry();
  expect(FRAME_SLOTS_TAKEN, 2, 3);
  give(2);
  expect(FRAME_SLOTS_GIVEN, 2, 0);
  retry();
  expect(FRAME_SLOTS_TAKEN, 3, 1);
  slots_release_all();
  /* More than there are is all there are. */
  take(4, 9, 3);
  expect(FRAME_SLOTS_TAKEN, 4, 3);
  slots_release_all();
}

static void write_limit(const char *text) {
  char path[64];
  snprintf(path, sizeof path, "%s/limit", folder);
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && close(fd) == 0);
}

static void the_file_says_the_limit(void) {
  write_limit("0\n");
  take(1, 1, 5);
  expect_nothing();
  write_limit("2\n");
  retry();
  expect(FRAME_SLOTS_TAKEN, 1, 1);
  write_limit("nonsense");
  take(2, 1, 1);
  expect_nothing();
  slots_release_all();
  char path[64];
  snprintf(path, sizeof path, "%s/limit", folder);
  CHECK(unlink(path) == 0);
}

/* Another process that holds a slot, or waits for one, until it is killed. */
static pid_t other(bool waits) {
  int ready[2];
  CHECK(pipe(ready) == 0);
  pid_t pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    int directory = open(folder, O_RDONLY | O_DIRECTORY);
    struct slot_holder holder = {.pid = 1, .label = "other"};
    char name[NAME_BYTES];
    int fd;
    if (waits) CHECK(slot_files_queue(directory, 1, &holder, name) >= 0);
    else CHECK(slot_files_take(directory, 1, 1, &holder, &fd) == 0);
    CHECK(write(ready[1], "x", 1) == 1);
    pause();
    _exit(0);
  }
  char byte;
  CHECK(read(ready[0], &byte, 1) == 1 && close(ready[0]) == 0 && close(ready[1]) == 0);
  return pid;
}

static void end(pid_t pid) {
  CHECK(kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid);
}

static void what_the_dead_held_is_free(void) {
  pid_t holder = other(false);
  take(1, 1, 1);
  expect_nothing();
  end(holder);
  retry();
  expect(FRAME_SLOTS_TAKEN, 1, 1);
  slots_release_all();
  pid_t first = other(true);
  take(2, 1, 1);
  expect_nothing();
  CHECK(count_files("wait-") == 2);
  end(first);
  retry();
  expect(FRAME_SLOTS_TAKEN, 2, 1);
  CHECK(count_files("wait-") == 0);
  slots_release_all();
}

static void what_cannot_be_says_why(void) {
  CHECK(send_take(1, 1, 1, "/nonexistent/slots"));
  expect(FRAME_SLOTS_FAILED, 1, ENOENT);
  CHECK(send_take(1, 1, 1, "/dev/null"));
  expect(FRAME_SLOTS_FAILED, 1, ENOTDIR);
  CHECK(!send_take(1, 0, 1, folder));
  CHECK(!send_take(1, 100000, 1, folder));
  take(1, 1, 1);
  expect(FRAME_SLOTS_TAKEN, 1, 1);
  CHECK(!send_take(1, 1, 1, folder));
  slots_release_all();
}

static void a_link_is_not_followed(void) {
  char path[80];
  char target[80];
  snprintf(target, sizeof target, "%s-target", folder);
  snprintf(path, sizeof path, "%s/slot-1", folder);
  unlink(path);
  CHECK(symlink(target, path) == 0);
  take(1, 1, 1);
  expect(FRAME_SLOTS_FAILED, 1, ELOOP);
  CHECK(access(target, F_OK) < 0 && unlink(path) == 0);
}

static void clean(void) {
  DIR *entries = opendir(folder);
  CHECK(entries != NULL);
  struct dirent *entry;
  while ((entry = readdir(entries)) != NULL) {
    if (entry->d_name[0] != '.') CHECK(unlinkat(dirfd(entries), entry->d_name, 0) == 0);
  }
  closedir(entries);
  CHECK(rmdir(folder) == 0);
}

int main(void) {
  int fds[2];
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
  node = fds[1];
  outgoing_begin(fds[0]);
  CHECK(events_begin());
  CHECK(mkdtemp(folder) != NULL);
  as_many_as_the_limit_says();
  all_of_a_weight_or_nothing_and_nobody_overtakes();
  the_file_says_the_limit();
  what_the_dead_held_is_free();
  what_cannot_be_says_why();
  a_link_is_not_followed();
  clean();
  puts("slots: ok");
  return 0;
}
