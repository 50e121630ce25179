#define _GNU_SOURCE
#include "token-pipes.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_fifo(const char *path, int flags) {
  int fd = open(path, flags | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) return -1;
  struct stat status;
  if (fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode)) return fd;
  close(fd);
  errno = EINVAL;
  return -1;
}

int token_pipe_open(struct token_pipe *pipe, const char *read_path, const char *write_path, bool create) {
  *pipe = (struct token_pipe){.read_fd = -1, .write_fd = -1};
  if (create && mkfifo(read_path, 0600) < 0) return errno;
  bool is_one = strcmp(read_path, write_path) == 0;
  pipe->read_fd = open_fifo(read_path, is_one ? O_RDWR : O_RDONLY);
  if (pipe->read_fd < 0) return errno;
  pipe->write_fd = is_one ? pipe->read_fd : open_fifo(write_path, O_WRONLY);
  return pipe->write_fd < 0 ? errno : 0;
}

int token_pipe_open_writer(struct token_pipe *pipe, const char *write_path) {
  *pipe = (struct token_pipe){.read_fd = -1, .write_fd = open_fifo(write_path, O_WRONLY)};
  return pipe->write_fd < 0 ? errno : 0;
}

void token_pipe_close(struct token_pipe *pipe) {
  if (pipe->write_fd >= 0 && pipe->write_fd != pipe->read_fd) close(pipe->write_fd);
  if (pipe->read_fd >= 0) close(pipe->read_fd);
  pipe->read_fd = pipe->write_fd = -1;
}

void token_pipe_put(const struct token_pipe *pipe, const uint8_t *bytes, size_t count) {
  while (count > 0) {
    ssize_t written = write(pipe->write_fd, bytes, count);
    /* Full it cannot be: no jobserver has as many tokens as a pipe has room. */
    if (written < 0 && errno != EINTR) return;
    if (written < 0) continue;
    bytes += written;
    count -= (size_t)written;
  }
}

void token_pipe_empty(const struct token_pipe *pipe) {
  uint8_t bytes[1024];
  while (read(pipe->read_fd, bytes, sizeof bytes) > 0) continue;
}
