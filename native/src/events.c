#include "events.h"

#include <sys/epoll.h>
#include <time.h>

static int epoll = -1;

bool events_begin(void) {
  epoll = epoll_create1(EPOLL_CLOEXEC);
  return epoll >= 0;
}

int events_fd(void) { return epoll; }

static bool control(int operation, int fd, uint32_t interest, uint64_t tag) {
  struct epoll_event event = {.events = interest, .data.u64 = tag};
  return epoll_ctl(epoll, operation, fd, &event) == 0;
}

static uint64_t tag_of(const struct child *child, int stream) {
  return (uint64_t)child->generation << 32 | child->slot << 2 | (uint32_t)stream;
}

bool events_add_source(enum source source, int fd, uint32_t interest) {
  return control(EPOLL_CTL_ADD, fd, interest, (uint64_t)source << 2 | TAG_SOURCE);
}

void events_change_source(enum source source, int fd, uint32_t interest) {
  control(EPOLL_CTL_MOD, fd, interest, (uint64_t)source << 2 | TAG_SOURCE);
}

bool events_watch(const struct child *child, int stream, int fd, uint32_t interest) {
  return control(EPOLL_CTL_ADD, fd, interest, tag_of(child, stream));
}

bool events_change(const struct child *child, int stream, int fd, uint32_t interest) {
  return control(EPOLL_CTL_MOD, fd, interest, tag_of(child, stream));
}

void events_unwatch(int fd) { control(EPOLL_CTL_DEL, fd, 0, 0); }

uint64_t now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}
