#include "patience.h"

#include <limits.h>

#include "events.h"
#include "outgoing.h"

/* 0 is never. */
static uint64_t deadline_us;

bool patience_on_frame(const struct frame *frame) {
  struct cursor cursor = cursor_of(frame);
  uint32_t ms = take_u32(&cursor);
  if (cursor.bad || ms > INT_MAX) return false;
  deadline_us = ms == 0 ? 0 : now_us() + (uint64_t)ms * 1000u;
  outgoing_frame(FRAME_ALIVE, 0, frame->number, NULL, 0);
  return true;
}

bool patience_is_over(void) { return deadline_us != 0 && now_us() >= deadline_us; }

int patience_left_ms(void) {
  if (deadline_us == 0) return -1;
  uint64_t now = now_us();
  return now >= deadline_us ? 0 : (int)((deadline_us - now + 999) / 1000);
}
