#include "outgoing.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "frames.h"
#include "memory.h"

/* Output waits in the pipes beyond this; notices are small and always taken. */
#define FULL (512 * 1024)
#define SMALL (160 * 1024)

static struct {
  int socket;
  uint8_t *bytes;
  size_t capacity;
  size_t written;
  size_t used;
  bool discarded;
  bool urgent;
} out;

void outgoing_begin(int socket) { out.socket = socket; }

void outgoing_discard(void) {
  out.discarded = true;
  out.used = out.written = 0;
}

bool outgoing_is_discarded(void) { return out.discarded; }

static void make_room(size_t bytes) {
  if (out.discarded) out.used = out.written = 0;
  if (out.capacity - out.used >= bytes) return;
  if (out.written > 0) {
    memmove(out.bytes, out.bytes + out.written, out.used - out.written);
    out.used -= out.written;
    out.written = 0;
  }
  if (out.capacity - out.used >= bytes) return;
  size_t wanted = out.capacity == 0 ? SMALL : out.capacity;
  while (wanted - out.used < bytes) wanted *= 2;
  out.bytes = must_resize(out.bytes, wanted);
  out.capacity = wanted;
}

uint8_t *outgoing_reserve(size_t bytes) {
  make_room(FRAME_HEADER + bytes);
  return out.bytes + out.used + FRAME_HEADER;
}

void outgoing_commit(uint16_t type, uint16_t flags, uint32_t number, size_t bytes) {
  frame_put_header(out.bytes + out.used, (uint32_t)bytes, type, flags, number);
  out.used += FRAME_HEADER + bytes;
  if (type != FRAME_SPAWNED) out.urgent = true;
}

void outgoing_frame(uint16_t type, uint16_t flags, uint32_t number, const uint32_t *words, size_t count) {
  uint8_t *at = outgoing_reserve(count * 4);
  for (size_t n = 0; n < count * 4; n++) at[n] = (uint8_t)(words[n / 4] >> (8 * (n % 4)));
  outgoing_commit(type, flags, number, count * 4);
}

void outgoing_hurry(void) { out.urgent = true; }

bool outgoing_is_urgent(void) { return out.urgent && out.used > out.written; }

bool outgoing_is_full(void) { return out.used - out.written >= FULL && !out.discarded; }

bool outgoing_is_empty(void) { return out.used == out.written || out.discarded; }

bool outgoing_flush(void) {
  while (!outgoing_is_empty()) {
    ssize_t sent = send(out.socket, out.bytes + out.written, out.used - out.written, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS || errno == ENOMEM;
    out.written += (size_t)sent;
  }
  out.urgent = false;
  out.used = out.written = 0;
  if (out.capacity > 2 * FULL) {
    out.bytes = must_resize(out.bytes, SMALL);
    out.capacity = SMALL;
  }
  return true;
}
