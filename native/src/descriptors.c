#define _GNU_SOURCE
#include "descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "frames.h"

static int flags_of(uint32_t mode) {
  static const int access[] = {O_RDONLY, O_WRONLY, O_RDWR};
  return access[mode & DESCRIPTOR_ACCESS] | ((mode & DESCRIPTOR_APPEND) != 0 ? O_APPEND : 0);
}

/* Above all numbers that the child is to have, so that none of them is overwritten before it is used. */
static int move_above(int fd, int highest) {
  if (fd > highest) return fd;
  int moved = fcntl(fd, F_DUPFD_CLOEXEC, highest + 1);
  int error = errno;
  close(fd);
  errno = error;
  return moved;
}

/* Without waiting, as a named pipe would have it; the child gets an ordinary descriptor. */
static int open_above(const struct descriptor *descriptor, int highest) {
  int flags = flags_of(descriptor->mode);
  int fd = open(descriptor->path, flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (fd >= 0) fd = move_above(fd, highest);
  if (fd < 0 || fcntl(fd, F_SETFL, flags & O_APPEND) == 0) return fd;
  int error = errno;
  close(fd);
  errno = error;
  return -1;
}

int descriptors_open(const struct options *options, struct spawn_plan *plan) {
  int highest = 0;
  for (uint32_t n = 0; n < options->descriptor_count; n++) {
    if (options->descriptors[n].as > highest) highest = options->descriptors[n].as;
  }
  for (uint32_t n = 0; n < options->descriptor_count; n++) {
    int fd = open_above(&options->descriptors[n], highest);
    if (fd < 0) {
      int error = errno;
      descriptors_close(plan);
      errno = error;
      return STEP_DESCRIPTOR + (int)n;
    }
    plan->descriptors[n] = (struct spawn_descriptor){.from = fd, .as = options->descriptors[n].as};
    plan->descriptor_count += 1;
  }
  return 0;
}

void descriptors_close(struct spawn_plan *plan) {
  for (int n = 0; n < plan->descriptor_count; n++) close(plan->descriptors[n].from);
  plan->descriptor_count = 0;
}
