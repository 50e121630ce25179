#include "places.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "events.h"
#include "memory.h"
#include "outgoing.h"

/* A frame that was put aside. */
struct kept {
  STAILQ_ENTRY(kept) link;
  struct frame frame;
  uint8_t payload[];
};

STAILQ_HEAD(kept_list, kept);

/* A start, and what came for it meanwhile. */
struct waiting {
  TAILQ_ENTRY(waiting) link;
  uint32_t number;
  struct kept_list frames;
};

struct place {
  uint32_t number;
  uint16_t flags;
  bool failed;
};

static TAILQ_HEAD(, waiting) line = TAILQ_HEAD_INITIALIZER(line);
static struct place *places;
static size_t used;
static size_t capacity;
static uint32_t limit;
static uint64_t lease_us;
static uint64_t heard_us;
/* One that is let in is not to wait again. */
static uint32_t admitted;
static bool is_admitting;

static struct waiting *find_waiting(uint32_t number) {
  struct waiting *waiting;
  TAILQ_FOREACH(waiting, &line, link) if (waiting->number == number) return waiting;
  return NULL;
}

static struct place *find_place(uint32_t number) {
  for (size_t n = 0; n < used; n++) {
    if (places[n].number == number) return &places[n];
  }
  return NULL;
}

static bool is_free(void) { return used < limit && (lease_us == 0 || now_us() - heard_us < lease_us); }

static void put_aside(struct waiting *waiting, const struct frame *frame) {
  struct kept *kept = must_resize(NULL, sizeof *kept + frame->length);
  kept->frame = *frame;
  kept->frame.payload = kept->payload;
  if (frame->length > 0) memcpy(kept->payload, frame->payload, frame->length);
  STAILQ_INSERT_TAIL(&waiting->frames, kept, link);
}

static void drop(struct waiting *waiting) {
  struct kept *kept;
  while ((kept = STAILQ_FIRST(&waiting->frames)) != NULL) {
    STAILQ_REMOVE_HEAD(&waiting->frames, link);
    free(kept);
  }
  free(waiting);
}

bool places_on_frame(const struct frame *frame) {
  struct cursor cursor = cursor_of(frame);
  limit = take_u32(&cursor);
  lease_us = (uint64_t)take_u32(&cursor) * 1000u;
  return !cursor.bad && cursor.at == cursor.end;
}

bool places_keep(const struct frame *frame) {
  if (is_admitting && frame->number == admitted) return false;
  switch (frame->type) {
    case FRAME_START: {
      if ((frame->flags & START_PLACED) == 0 || (TAILQ_EMPTY(&line) && is_free())) return false;
      struct waiting *waiting = must_resize(NULL, sizeof *waiting);
      *waiting = (struct waiting){.number = frame->number, .frames = STAILQ_HEAD_INITIALIZER(waiting->frames)};
      TAILQ_INSERT_TAIL(&line, waiting, link);
      put_aside(waiting, frame);
      return true;
    }
    case FRAME_INPUT:
    case FRAME_INPUT_END:
    case FRAME_CREDIT:
    case FRAME_CLOSE_OUTPUT:
    case FRAME_DIRECT: {
      struct waiting *waiting = TAILQ_EMPTY(&line) ? NULL : find_waiting(frame->number);
      if (waiting == NULL) return false;
      put_aside(waiting, frame);
      return true;
    }
    default:
      return false;
  }
}

void places_take_back(uint32_t number) {
  struct waiting *waiting = find_waiting(number);
  if (waiting == NULL) return;
  TAILQ_REMOVE(&line, waiting, link);
  drop(waiting);
  outgoing_frame(FRAME_TAKEN_BACK, 0, number, NULL, 0);
  outgoing_hurry();
}

void places_occupy(uint32_t number, uint16_t flags) {
  if (used == capacity) {
    capacity = capacity == 0 ? 16 : capacity * 2;
    places = must_resize(places, capacity * sizeof *places);
  }
  places[used] = (struct place){.number = number, .flags = flags};
  used += 1;
}

void places_note_exit(uint32_t number, int status) {
  struct place *place = find_place(number);
  if (place != NULL) place->failed = status != 0;
}

static void vacate(struct place *place) {
  *place = places[used - 1];
  used -= 1;
}

void places_pass_on(uint32_t number) {
  struct place *place = find_place(number);
  if (place == NULL || (place->flags & START_KEEPS) != 0) return;
  if (place->failed && (place->flags & START_KEEPS_ON_FAILURE) != 0) return;
  vacate(place);
}

void places_leave(uint32_t number) {
  struct place *place = find_place(number);
  if (place != NULL) vacate(place);
}

void places_heard(void) { heard_us = now_us(); }

static bool admit(struct waiting *waiting, bool (*handle)(const struct frame *frame)) {
  struct kept *kept;
  bool good = true;
  admitted = waiting->number;
  is_admitting = true;
  STAILQ_FOREACH(kept, &waiting->frames, link) good = good && handle(&kept->frame);
  is_admitting = false;
  drop(waiting);
  return good;
}

bool places_settle(bool (*handle)(const struct frame *frame)) {
  bool good = true;
  while (good && !TAILQ_EMPTY(&line) && is_free()) {
    struct waiting *waiting = TAILQ_FIRST(&line);
    TAILQ_REMOVE(&line, waiting, link);
    good = admit(waiting, handle);
  }
  return good;
}

bool places_any_waits(void) { return !TAILQ_EMPTY(&line); }
