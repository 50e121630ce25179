#include "environment.h"

#include "build-frame.h"
#include "check.h"
#include "program.h"

static char *inherited[] = {"PATH=/bin", "OLD=1", "KEPT=k", "DROVER_TREE=outer-scope.4", NULL};

static const char *value_of(char **environment, const char *name) {
  size_t length = strlen(name);
  const char *found = NULL;
  for (; *environment != NULL; environment++) {
    if (strncmp(*environment, name, length) != 0 || (*environment)[length] != '=') continue;
    CHECK(found == NULL);
    found = *environment + length + 1;
  }
  return found;
}

static char **environment_of_child(char **set, uint32_t set_count, char **removed, uint32_t removed_count,
                                   const char **path) {
  char scope[] = "run-1";
  struct start start = {
      .scope = scope, .set = set, .set_count = set_count, .removed = removed, .removed_count = removed_count};
  return environment_for(&start, 12, path);
}

static void a_child_gets_what_was_inherited_and_its_mark(void) {
  const char *path;
  char **environment = environment_of_child(NULL, 0, NULL, 0, &path);
  CHECK_TEXT(value_of(environment, "KEPT"), "k");
  CHECK_TEXT(value_of(environment, "DROVER_TREE"), "outer-scope.4/run-1.12");
  CHECK_TEXT(path, "/bin");
}

static void a_childs_own_changes_are_only_for_it(void) {
  char *set[] = {"KEPT=other", "PATH=/mine"};
  char *removed[] = {"OLD", "OL", "KEP"};
  const char *path;
  char **environment = environment_of_child(set, 2, removed, 3, &path);
  CHECK_TEXT(value_of(environment, "KEPT"), "other");
  CHECK(value_of(environment, "OLD") == NULL);
  CHECK_TEXT(path, "/mine");
  environment = environment_of_child(NULL, 0, NULL, 0, &path);
  CHECK_TEXT(value_of(environment, "KEPT"), "k");
}

static void a_change_of_nodes_environment_is_for_all(void) {
  struct builder builder;
  struct frame frame;
  static struct environment_change change;
  build_environment(&builder);
  CHECK(frame_next(builder.bytes, builder.length, &frame) == FRAME_WHOLE);
  CHECK(environment_change_parse(&frame, &change));
  environment_change(&change);
  memset(builder.bytes, 'x', sizeof builder.bytes);
  const char *path;
  char **environment = environment_of_child(NULL, 0, NULL, 0, &path);
  CHECK_TEXT(value_of(environment, "NEW"), "value");
  CHECK(value_of(environment, "OLD") == NULL);
  CHECK_TEXT(path, "/own");
}

static void programs_are_looked_for_as_execvp_does(void) {
  char **candidates = program_candidates("ls", "/a::/b/");
  CHECK_TEXT(candidates[0], "/a/ls");
  CHECK_TEXT(candidates[1], "ls");
  CHECK_TEXT(candidates[2], "/b//ls");
  CHECK(candidates[3] == NULL);
  candidates = program_candidates("./ls", "/a");
  CHECK_TEXT(candidates[0], "./ls");
  CHECK(candidates[1] == NULL);
  candidates = program_candidates("ls", "");
  CHECK_TEXT(candidates[0], "ls");
  CHECK(candidates[1] == NULL);
  candidates = program_candidates("", "/a");
  CHECK_TEXT(candidates[0], "");
  candidates = program_candidates("ls", NULL);
  CHECK_TEXT(candidates[0], "/bin/ls");
}

int main(void) {
  CHECK(setenv("DROVER_TREE", "outer-scope.4", 1) == 0);
  environment_begin(inherited);
  a_child_gets_what_was_inherited_and_its_mark();
  a_childs_own_changes_are_only_for_it();
  a_change_of_nodes_environment_is_for_all();
  programs_are_looked_for_as_execvp_does();
  puts("environment: ok");
  return 0;
}
