/* Feeds what is nearly right and what is not right at all to everything that reads frames, for so many seconds. Payloads
   lie at the very end of their memory, so that the sanitizers see each read beyond it. */
#include <time.h>

#include "build-frame.h"
#include "check.h"
#include "environment.h"

static uint64_t state;

static uint32_t draw(uint32_t below) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return below == 0 ? 0 : (uint32_t)((state >> 16) % below);
}

static void touch(const char *text) {
  static volatile size_t sum;
  sum += strlen(text);
}

static void use_start(const struct frame *frame) {
  static struct start start;
  if (!start_parse(frame, &start)) return;
  touch(start.scope);
  if (start.cwd != NULL) touch(start.cwd);
  for (uint32_t n = 0; n < start.options.descriptor_count; n++) touch(start.options.descriptors[n].path);
  for (uint32_t n = 0; n < start.options.group_count; n++) touch(start.options.groups[n]);
  for (char **word = start.argv; *word != NULL; word++) touch(*word);
  const char *path;
  if (!start.nul) touch(environment_for(&start, frame->number, &path)[0]);
}

static void use_environment(const struct frame *frame) {
  static struct environment_change change;
  if (environment_change_parse(frame, &change)) environment_change(&change);
}

static void use_cursor(const struct frame *frame) {
  struct cursor cursor = cursor_of(frame);
  while (!cursor.bad && cursor.at < cursor.end) {
    switch (draw(3)) {
      case 0:
        take_u8(&cursor);
        break;
      case 1:
        take_u32(&cursor);
        break;
      default:
        touch(take_text(&cursor));
    }
  }
}

static void use(const uint8_t *bytes, size_t length) {
  uint8_t *memory = malloc(length == 0 ? 1 : length);
  CHECK(memory != NULL);
  memcpy(memory, bytes, length);
  struct frame frame;
  for (size_t at = 0; at < length && frame_next(memory + at, length - at, &frame) == FRAME_WHOLE;
       at += FRAME_HEADER + frame.length) {
    use_start(&frame);
    use_environment(&frame);
    use_cursor(&frame);
  }
  free(memory);
}

static void mutate(struct builder *builder) {
  static const uint8_t interesting[] = {0, 1, 0x7f, 0x80, 0xff};
  for (uint32_t changes = draw(6); changes > 0; changes--) {
    size_t at = FRAME_HEADER + draw((uint32_t)(builder->length - FRAME_HEADER));
    switch (draw(4)) {
      case 0:
        builder->bytes[at] = (uint8_t)draw(256);
        break;
      case 1:
        builder->bytes[at] = interesting[draw(sizeof interesting)];
        break;
      case 2:
        builder->bytes[at] ^= (uint8_t)(1u << draw(8));
        break;
      default:
        builder->length = at + 1;
    }
  }
  frame_put_header(builder->bytes, (uint32_t)(builder->length - FRAME_HEADER), FRAME_START, 0, draw(100));
}

static void use_every_beginning(const struct builder *builder) {
  struct builder cut = *builder;
  for (size_t length = FRAME_HEADER; length <= builder->length; length++) {
    frame_put_header(cut.bytes, (uint32_t)(length - FRAME_HEADER), FRAME_START, 0, 1);
    use(cut.bytes, length);
    use(builder->bytes, length);
  }
}

int main(int argc, char **argv) {
  double seconds = argc > 1 ? strtod(argv[1], NULL) : 5;
  state = argc > 2 ? strtoull(argv[2], NULL, 10) : (uint64_t)time(NULL) * 2654435761u + 1;
  unsigned long long seed = state;
  char *inherited[] = {NULL};
  environment_begin(inherited);
  struct timespec begin, now;
  clock_gettime(CLOCK_MONOTONIC, &begin);
  unsigned long rounds = 0;
  fprintf(stderr, "fuzz-frames: seed %llu\n", seed);
  do {
    static struct builder builder;
    if (draw(2) == 0) {
      build_start(&builder, 1);
      builder.bytes[FRAME_HEADER + 1] = (uint8_t)(draw(2) == 0 ? STREAM_PIPE : STREAM_COUNT);
    } else build_environment(&builder);
    if (rounds % 64 == 0) use_every_beginning(&builder);
    mutate(&builder);
    use(builder.bytes, builder.length);
    size_t length = draw(sizeof builder.bytes);
    for (size_t n = 0; n < length; n++) builder.bytes[n] = (uint8_t)draw(256);
    use(builder.bytes, length);
    rounds += 1;
    clock_gettime(CLOCK_MONOTONIC, &now);
  } while ((double)(now.tv_sec - begin.tv_sec) + (double)(now.tv_nsec - begin.tv_nsec) / 1e9 < seconds);
  printf("fuzz-frames: ok, %lu rounds\n", rounds);
  return 0;
}
