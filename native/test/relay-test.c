#define _GNU_SOURCE
#include "relay.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#define SOCKET 3
#define MUCH (3u << 20)

static int to_relay, from_relay;
static pid_t relay;

static void begin(void (*halves)(void)) {
  int in[2], out[2];
  CHECK(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0);
  relay = fork();
  CHECK(relay >= 0);
  if (relay == 0) {
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    CHECK(dup2(in[0], 0) == 0 && dup2(out[1], 1) == 1);
    for (int fd = 3; fd < 16; fd++) close(fd);
    int status = relay_before(SOCKET);
    if (status != RELAY_GO_ON) _exit(status);
    halves();
    _exit(7);
  }
  close(in[0]);
  close(out[1]);
  to_relay = in[1];
  from_relay = out[0];
}

static void expect_end(int expected) {
  int status;
  CHECK(waitpid(relay, &status, 0) == relay);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == expected);
  close(to_relay);
  close(from_relay);
}

static uint8_t byte_at(size_t place) { return (uint8_t)(place * 31 + (place >> 13)); }

static void echo(void) {
  static uint8_t bytes[7000];
  ssize_t got;
  while ((got = read(SOCKET, bytes, sizeof bytes)) > 0) {
    for (ssize_t at = 0; at < got;) {
      ssize_t put = write(SOCKET, bytes + at, (size_t)(got - at));
      if (put <= 0) return;
      at += put;
    }
  }
}

static void talk_much(void) {
  static uint8_t bytes[MUCH];
  for (size_t n = 0; n < MUCH; n++) bytes[n] = byte_at(n);
  for (size_t at = 0; at < MUCH;) {
    ssize_t put = write(SOCKET, bytes + at, MUCH - at);
    if (put <= 0) _exit(1);
    at += (size_t)put;
  }
}

static void listen_only(void) {
  char byte;
  while (read(SOCKET, &byte, 1) > 0) continue;
}

/* Notices the end, and reads nothing. */
static void never_read(void) {
  struct pollfd watched = {.fd = SOCKET, .events = 0};
  while (poll(&watched, 1, -1) < 0) continue;
}

/* Reads `count` bytes, each the one that belongs at its place. */
static void expect_bytes(size_t from, size_t count) {
  static uint8_t bytes[5000];
  for (size_t at = 0; at < count;) {
    size_t most = count - at < sizeof bytes ? count - at : sizeof bytes;
    ssize_t got = read(from_relay, bytes, most);
    CHECK(got > 0);
    for (ssize_t n = 0; n < got; n++) CHECK(bytes[n] == byte_at(from + at + (size_t)n));
    at += (size_t)got;
  }
}

static void bytes_go_both_ways_as_they_were(void) {
  static uint8_t bytes[30000];
  begin(echo);
  for (size_t at = 0; at < MUCH; at += sizeof bytes) {
    for (size_t n = 0; n < sizeof bytes; n++) bytes[n] = byte_at(at + n);
    CHECK(write(to_relay, bytes, sizeof bytes) == sizeof bytes);
    expect_bytes(at, sizeof bytes);
  }
  close(to_relay);
  expect_end(7);
}

static void the_end_of_its_input_ends_the_halves(void) {
  begin(listen_only);
  CHECK(write(to_relay, "x", 1) == 1);
  close(to_relay);
  expect_end(7);
}

static void what_halves_that_ended_had_said_is_passed_on(void) {
  begin(talk_much);
  CHECK(write(to_relay, "never read", 10) == 10);
  expect_bytes(0, MUCH);
  char byte;
  CHECK(read(from_relay, &byte, 1) == 0);
  expect_end(7);
}

static void nobody_who_reads_ends_the_halves(void) {
  begin(echo);
  close(from_relay);
  CHECK(write(to_relay, "x", 1) == 1);
  expect_end(7);
}

static void halves_that_do_not_read_do_not_hide_a_hang_up(void) {
  static uint8_t bytes[1 << 20];
  begin(never_read);
  CHECK(fcntl(to_relay, F_SETFL, O_NONBLOCK) == 0);
  /* Until all on the way is full. */
  struct pollfd room = {.fd = to_relay, .events = POLLOUT};
  while (poll(&room, 1, 200) > 0) CHECK(write(to_relay, bytes, sizeof bytes) > 0);
  close(to_relay);
  expect_end(7);
}

int main(void) {
  signal(SIGPIPE, SIG_IGN);
  alarm(60);
  bytes_go_both_ways_as_they_were();
  the_end_of_its_input_ends_the_halves();
  what_halves_that_ended_had_said_is_passed_on();
  nobody_who_reads_ends_the_halves();
  halves_that_do_not_read_do_not_hide_a_hang_up();
  puts("relay: ok");
  return 0;
}
