#include "program.h"

#include <stddef.h>
#include <string.h>

#include "memory.h"

#define DEFAULT_PATH "/bin:/usr/bin"

static char *text;
static size_t text_capacity;
static char **candidates;
static size_t candidate_capacity;

static void reserve(size_t bytes, size_t count) {
  if (bytes > text_capacity) {
    text = must_resize(text, bytes);
    text_capacity = bytes;
  }
  if (count > candidate_capacity) {
    candidates = must_resize(candidates, count * sizeof *candidates);
    candidate_capacity = count;
  }
}

char **program_candidates(const char *file, const char *path) {
  size_t length = strlen(file);
  if (file[0] == '\0' || strchr(file, '/') != NULL) {
    reserve(length + 1, 2);
    candidates[0] = memcpy(text, file, length + 1);
    candidates[1] = NULL;
    return candidates;
  }
  if (path == NULL) path = DEFAULT_PATH;
  size_t folders = 1;
  for (const char *at = path; *at != '\0'; at++) folders += *at == ':';
  reserve(strlen(path) + folders * (length + 2) + 1, folders + 1);

  char *end = text;
  for (size_t n = 0; n < folders; n++) {
    size_t folder = strcspn(path, ":");
    candidates[n] = end;
    memcpy(end, path, folder);
    end += folder;
    /* An empty entry is the working directory. */
    if (folder > 0) *end++ = '/';
    memcpy(end, file, length + 1);
    end += length + 1;
    path += folder + 1;
  }
  candidates[folders] = NULL;
  return candidates;
}
