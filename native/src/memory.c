#include "memory.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void *must_resize(void *memory, size_t bytes) {
  void *resized = realloc(memory, bytes);
  if (resized == NULL) _exit(71);
  return resized;
}

char *must_copy(const char *text) {
  size_t bytes = strlen(text) + 1;
  return memcpy(must_resize(NULL, bytes), text, bytes);
}
