#define _GNU_SOURCE
#include "datagrams.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "outgoing.h"

union credentials {
  char bytes[CMSG_SPACE(sizeof(struct ucred))];
  struct cmsghdr aligned;
};

/* The errno, or 0. A path that begins with `@` is a name that is no file's. */
static int address_of(const char *path, struct sockaddr_un *address, socklen_t *size) {
  size_t length = strlen(path);
  *address = (struct sockaddr_un){.sun_family = AF_UNIX};
  if (length == 0) return EINVAL;
  if (length >= sizeof address->sun_path) return ENAMETOOLONG;
  memcpy(address->sun_path, path, length);
  if (path[0] == '@') address->sun_path[0] = '\0';
  *size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (path[0] != '@'));
  return 0;
}

static void speak_for(struct msghdr *message, union credentials *space, pid_t pid) {
  memset(space, 0, sizeof *space);
  message->msg_control = space->bytes;
  message->msg_controllen = sizeof space->bytes;
  struct cmsghdr *header = CMSG_FIRSTHDR(message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_CREDENTIALS;
  header->cmsg_len = CMSG_LEN(sizeof(struct ucred));
  struct ucred who = {.pid = pid, .uid = getuid(), .gid = getgid()};
  memcpy(CMSG_DATA(header), &who, sizeof who);
}

static int send_one(int fd, struct msghdr *message) {
  return sendmsg(fd, message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? errno : 0;
}

static int send_to(const char *path, char *text, pid_t pid) {
  struct sockaddr_un address;
  socklen_t size;
  int error = address_of(path, &address, &size);
  if (error != 0) return error;
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return errno;
  struct iovec piece = {.iov_base = text, .iov_len = strlen(text)};
  struct msghdr message = {.msg_name = &address, .msg_namelen = size, .msg_iov = &piece, .msg_iovlen = 1};
  union credentials space;
  speak_for(&message, &space, pid);
  error = send_one(fd, &message);
  /* Only a privileged process may speak for another. */
  if (error == EPERM || error == ESRCH) {
    message.msg_control = NULL;
    message.msg_controllen = 0;
    error = send_one(fd, &message);
  }
  close(fd);
  return error;
}

bool datagrams_on_frame(const struct frame *frame) {
  struct cursor cursor = cursor_of(frame);
  uint32_t pid = take_u32(&cursor);
  const char *path = take_text(&cursor);
  char *text = take_text(&cursor);
  if (cursor.bad || cursor.at != cursor.end || frame->flags != 0) return false;
  uint32_t error = cursor.nul ? EINVAL : (uint32_t)send_to(path, text, (pid_t)pid);
  outgoing_frame(FRAME_COUNT, 0, frame->number, &error, 1);
  outgoing_hurry();
  return true;
}
