#define _GNU_SOURCE
#include "slot-files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A place that is not locked yet has another name, or it would be taken for one of the dead; so long it may take. */
#define UNFINISHED_S 60

uint32_t slot_files_limit(int folder, uint32_t otherwise) {
  char text[16];
  int fd = openat(folder, "limit", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) return otherwise;
  ssize_t length = read(fd, text, sizeof text - 1);
  close(fd);
  if (length <= 0) return otherwise;
  text[length] = '\0';
  char *end;
  unsigned long limit = strtoul(text, &end, 10);
  if (end == text || *end != '\n' || limit > MOST_SLOTS) return otherwise;
  return (uint32_t)limit;
}

static struct flock whole_file(void) { return (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET}; }

/* Looked at through a descriptor that is only for reading: one for writing that is closed wakes all who wait. */
static bool is_locked(int folder, const char *name) {
  int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) return false;
  struct flock lock = whole_file();
  bool locked = fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
  close(fd);
  return locked;
}

/* For people only: a slot whose file cannot be written is a slot. */
static void sign(int fd, const struct slot_holder *holder) {
  char text[512];
  int length = snprintf(text, sizeof text, "%u\n%s", holder->pid, holder->label);
  if (length < 0) return;
  if ((size_t)length >= sizeof text) length = sizeof text - 1;
  if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)length, 0) != length) return;
}

/* A locked file of this name, or -1. */
static int open_locked(int folder, const char *name, int flags) {
  int fd = openat(folder, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | flags, 0600);
  if (fd < 0) return -1;
  struct flock lock = whole_file();
  if (fcntl(fd, F_OFD_SETLK, &lock) == 0) return fd;
  int error = errno == EACCES ? EAGAIN : errno;
  close(fd);
  errno = error;
  return -1;
}

static void slot_name(uint32_t slot, char name[NAME_BYTES]) { snprintf(name, NAME_BYTES, "slot-%u", slot); }

static uint32_t count_free(int folder, uint32_t limit, uint32_t enough) {
  char name[NAME_BYTES];
  uint32_t count = 0;
  for (uint32_t slot = 1; slot <= limit && count < enough; slot++) {
    slot_name(slot, name);
    count += !is_locked(folder, name);
  }
  return count;
}

int slot_files_take(int folder, uint32_t count, uint32_t limit, const struct slot_holder *holder, int *fds) {
  if (count_free(folder, limit, count) < count) return EAGAIN;
  uint32_t taken = 0;
  int error = EAGAIN;
  for (uint32_t slot = 1; slot <= limit && taken < count; slot++) {
    char name[NAME_BYTES];
    slot_name(slot, name);
    if (is_locked(folder, name)) continue;
    int fd = open_locked(folder, name, 0);
    if (fd < 0 && errno != EAGAIN) {
      error = errno;
      break;
    }
    if (fd < 0) continue;
    sign(fd, holder);
    fds[taken++] = fd;
  }
  if (taken == count) return 0;
  slot_files_give(fds, taken);
  return error;
}

void slot_files_give(int *fds, uint32_t count) {
  for (uint32_t n = 0; n < count; n++) {
    /* Nobody is to be named who holds it no more. */
    if (ftruncate(fds[n], 0) < 0) errno = 0;
    close(fds[n]);
  }
}

int slot_files_queue(int folder, uint32_t number, const struct slot_holder *holder, char name[NAME_BYTES]) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  char unfinished[NAME_BYTES];
  snprintf(name, NAME_BYTES, "wait-%012lld%09ld-%u-%u", (long long)now.tv_sec, now.tv_nsec, (unsigned)getpid(), number);
  snprintf(unfinished, NAME_BYTES, "new-%u-%u", (unsigned)getpid(), number);
  int ticket = open_locked(folder, unfinished, O_EXCL);
  if (ticket < 0) return -1;
  sign(ticket, holder);
  if (renameat(folder, unfinished, folder, name) == 0) return ticket;
  int error = errno;
  unlinkat(folder, unfinished, 0);
  close(ticket);
  errno = error;
  return -1;
}

void slot_files_leave(int folder, int ticket, const char *name) {
  unlinkat(folder, name, 0);
  close(ticket);
}

static void remove_if_old(int folder, const char *name) {
  struct stat status;
  if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) < 0) return;
  if (time(NULL) - status.st_mtime > UNFINISHED_S) unlinkat(folder, name, 0);
}

static bool begins_with(const char *text, const char *beginning) {
  return strncmp(text, beginning, strlen(beginning)) == 0;
}

bool slot_files_is_first(int folder, const char *name) {
  /* A descriptor of its own: the directory stream closes it, and has a position. */
  int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *entries = fd < 0 ? NULL : fdopendir(fd);
  if (entries == NULL) {
    if (fd >= 0) close(fd);
    return false;
  }
  bool is_first = true;
  struct dirent *entry;
  while ((entry = readdir(entries)) != NULL) {
    if (begins_with(entry->d_name, "new-")) remove_if_old(folder, entry->d_name);
    if (!begins_with(entry->d_name, "wait-")) continue;
    if (name != NULL && strcmp(entry->d_name, name) >= 0) continue;
    if (is_locked(folder, entry->d_name)) is_first = false;
    else unlinkat(folder, entry->d_name, 0);
  }
  closedir(entries);
  return is_first;
}
