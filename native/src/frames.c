#include "frames.h"

#include <stdlib.h>
#include <string.h>

static uint32_t load_u32(const uint8_t *at) {
  return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static void store_u32(uint8_t *at, uint32_t value) {
  for (int n = 0; n < 4; n++) at[n] = (uint8_t)(value >> (8 * n));
}

enum frame_status frame_next(uint8_t *bytes, size_t available, struct frame *frame) {
  if (available < FRAME_HEADER) return FRAME_PARTIAL;
  frame->length = load_u32(bytes);
  frame->type = (uint16_t)(bytes[4] | bytes[5] << 8);
  frame->flags = (uint16_t)(bytes[6] | bytes[7] << 8);
  frame->number = load_u32(bytes + 8);
  frame->payload = bytes + FRAME_HEADER;
  if (frame->length > FRAME_LIMIT) return FRAME_BAD;
  return available - FRAME_HEADER < frame->length ? FRAME_PARTIAL : FRAME_WHOLE;
}

void frame_put_header(uint8_t *at, uint32_t length, uint16_t type, uint16_t flags, uint32_t number) {
  store_u32(at, length);
  at[4] = (uint8_t)type;
  at[5] = (uint8_t)(type >> 8);
  at[6] = (uint8_t)flags;
  at[7] = (uint8_t)(flags >> 8);
  store_u32(at + 8, number);
}

struct cursor cursor_of(const struct frame *frame) {
  return (struct cursor){.at = frame->payload, .end = frame->payload + frame->length};
}

static uint8_t *take(struct cursor *cursor, size_t length) {
  if (cursor->bad || (size_t)(cursor->end - cursor->at) < length) {
    cursor->bad = true;
    return NULL;
  }
  uint8_t *taken = cursor->at;
  cursor->at += length;
  return taken;
}

uint8_t take_u8(struct cursor *cursor) {
  uint8_t *taken = take(cursor, 1);
  return taken == NULL ? 0 : *taken;
}

uint32_t take_u32(struct cursor *cursor) {
  uint8_t *taken = take(cursor, 4);
  return taken == NULL ? 0 : load_u32(taken);
}

uint64_t take_u64(struct cursor *cursor) {
  uint64_t low = take_u32(cursor);
  return low | (uint64_t)take_u32(cursor) << 32;
}

char *take_text(struct cursor *cursor) {
  static char nothing[1];
  size_t length = take_u32(cursor);
  if (length > FRAME_LIMIT) cursor->bad = true;
  uint8_t *taken = take(cursor, length + 1);
  nothing[0] = '\0';
  if (taken == NULL) return nothing;
  if (taken[length] != '\0') {
    cursor->bad = true;
    return nothing;
  }
  if (memchr(taken, '\0', length) != NULL) cursor->nul = true;
  return (char *)taken;
}

static bool reserve_words(char ***words, size_t *capacity, size_t needed) {
  if (needed <= *capacity) return true;
  char **grown = realloc(*words, needed * sizeof(char *));
  if (grown == NULL) return false;
  *words = grown;
  *capacity = needed;
  return true;
}

/* Counts come from outside: what cannot fit into the rest of the frame is not worth reserving memory for. */
static bool can_hold(const struct cursor *cursor, uint64_t texts) {
  return !cursor->bad && texts * 5 <= (uint64_t)(cursor->end - cursor->at);
}

static void take_texts(struct cursor *cursor, char **into, uint32_t count) {
  for (uint32_t n = 0; n < count; n++) into[n] = take_text(cursor);
}

static enum stream_kind take_kind(struct cursor *cursor, int stream) {
  uint8_t kind = take_u8(cursor);
  if (kind > STREAM_COUNT || (kind == STREAM_COUNT && stream == 0)) cursor->bad = true;
  return (enum stream_kind)kind;
}

static bool has_path(enum stream_kind kind) { return kind == STREAM_FILE || kind == STREAM_APPEND; }

static bool are_pipes(const enum stream_kind kinds[3]) {
  return kinds[0] == STREAM_PIPE && kinds[1] == STREAM_PIPE && kinds[2] == STREAM_PIPE;
}

bool start_parse(const struct frame *frame, struct start *start) {
  struct cursor cursor = cursor_of(frame);
  for (int n = 0; n < 3; n++) start->kinds[n] = take_kind(&cursor, n);
  uint8_t has_cwd = take_u8(&cursor);
  start->credit = take_u32(&cursor);
  uint32_t given = take_u32(&cursor);
  uint32_t words = take_u32(&cursor);
  start->set_count = take_u32(&cursor);
  start->removed_count = take_u32(&cursor);
  if (!options_take(&cursor, given, &start->options)) return false;
  if (start->options.range_count > 0 && start->kinds[0] != STREAM_FILE) return false;
  if ((given & OPTION_DIRECT) != 0 && !are_pipes(start->kinds)) return false;
  uint64_t texts = (uint64_t)words + start->set_count + start->removed_count;
  if (words == 0 || !can_hold(&cursor, texts)) return false;
  if (!reserve_words(&start->words, &start->words_capacity, texts + 2)) return false;

  start->scope = take_text(&cursor);
  start->cwd = has_cwd ? take_text(&cursor) : NULL;
  for (int n = 0; n < 3; n++) start->paths[n] = has_path(start->kinds[n]) ? take_text(&cursor) : NULL;
  start->argv = start->words + 1;
  take_texts(&cursor, start->argv, words);
  start->argv[words] = NULL;
  start->set = start->argv + words + 1;
  take_texts(&cursor, start->set, start->set_count);
  start->removed = start->set + start->set_count;
  take_texts(&cursor, start->removed, start->removed_count);
  start->nul = cursor.nul;
  return !cursor.bad && cursor.at == cursor.end;
}

bool environment_change_parse(const struct frame *frame, struct environment_change *change) {
  struct cursor cursor = cursor_of(frame);
  change->set_count = take_u32(&cursor);
  change->removed_count = take_u32(&cursor);
  uint64_t texts = (uint64_t)change->set_count + change->removed_count;
  if (!can_hold(&cursor, texts)) return false;
  if (!reserve_words(&change->words, &change->words_capacity, texts + 1)) return false;
  change->set = change->words;
  take_texts(&cursor, change->set, change->set_count);
  change->removed = change->set + change->set_count;
  take_texts(&cursor, change->removed, change->removed_count);
  return !cursor.bad && cursor.at == cursor.end;
}
