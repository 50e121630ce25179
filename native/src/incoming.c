#include "incoming.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "memory.h"

#define USUAL (256 * 1024)

static uint8_t *bytes;
static size_t capacity;
static size_t begin;
static size_t end;

/* A frame lies in one piece, so a big one needs a big buffer, which is given back afterwards. */
static void make_room(void) {
  if (begin == end) begin = end = 0;
  struct frame frame;
  size_t needed = USUAL;
  if (end - begin >= FRAME_HEADER && frame_next(bytes + begin, end - begin, &frame) == FRAME_PARTIAL) {
    size_t whole = (size_t)FRAME_HEADER + frame.length;
    if (whole > needed) needed = whole;
  }
  if (begin > 0 && (capacity - begin < needed || end == capacity)) {
    memmove(bytes, bytes + begin, end - begin);
    end -= begin;
    begin = 0;
  }
  if (capacity < needed || (capacity > needed && end == 0)) {
    bytes = must_resize(bytes, needed);
    capacity = needed;
  }
}

enum incoming incoming_read(int socket) {
  make_room();
  if (end == capacity) return INCOMING_OPEN;
  ssize_t got = recv(socket, bytes + end, capacity - end, MSG_DONTWAIT);
  if (got < 0) return errno == EAGAIN || errno == EINTR ? INCOMING_OPEN : INCOMING_GONE;
  if (got == 0) return INCOMING_GONE;
  end += (size_t)got;
  return INCOMING_OPEN;
}

enum frame_status incoming_next(struct frame *frame) {
  enum frame_status status = frame_next(bytes + begin, end - begin, frame);
  if (status == FRAME_WHOLE) begin += (size_t)FRAME_HEADER + frame->length;
  return status;
}
