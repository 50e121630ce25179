#define _GNU_SOURCE
#include "starts.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "children.h"
#include "counting.h"
#include "descriptors.h"
#include "environment.h"
#include "events.h"
#include "fresh.h"
#include "input.h"
#include "outgoing.h"
#include "output.h"
#include "pipes.h"
#include "places.h"
#include "program.h"
#include "spawn.h"
#include "watch.h"

static struct rlimit inherited_files;
static bool files_raised;
static int null_fd = -1;
static bool refused;

/* The child's end and ours of each stream; -1 where there is none. */
struct ends {
  int child[3];
  int ours[3];
  /* The file whose parts go into our end of standard input. */
  int source;
  bool shared;
};

bool starts_begin(void) {
  null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (getrlimit(RLIMIT_NOFILE, &inherited_files) == 0 && inherited_files.rlim_cur < inherited_files.rlim_max) {
    struct rlimit raised = {inherited_files.rlim_max, inherited_files.rlim_max};
    files_raised = setrlimit(RLIMIT_NOFILE, &raised) == 0;
  }
  counting_begin(null_fd);
  return null_fd >= 0;
}

void starts_refuse(void) { refused = true; }

bool starts_are_refused(void) { return refused; }

static bool open_pipe(struct ends *ends, int stream) {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) < 0) return false;
  bool is_input = stream == STDIN_STREAM;
  ends->child[stream] = fds[is_input ? 0 : 1];
  ends->ours[stream] = fds[is_input ? 1 : 0];
  return fcntl(ends->ours[stream], F_SETFL, O_NONBLOCK) == 0;
}

/* Without waiting, as a named pipe would have it; the child gets an ordinary descriptor. */
static bool open_file(struct ends *ends, int stream, const char *path, int flags) {
  int fd = open(path, flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
  if (fd < 0) return false;
  ends->child[stream] = fd;
  return fcntl(fd, F_SETFL, flags & O_APPEND) == 0;
}

/* Of what is no regular file nobody can say where a part of it begins. */
static bool open_source(struct ends *ends, const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (fd < 0) return false;
  ends->source = fd;
  struct stat status;
  if (fstat(fd, &status) < 0) return false;
  if (S_ISREG(status.st_mode)) return open_pipe(ends, STDIN_STREAM);
  errno = S_ISDIR(status.st_mode) ? EISDIR : ESPIPE;
  return false;
}

static bool open_end(struct ends *ends, const struct start *start, int stream) {
  enum stream_kind kind = start->kinds[stream];
  bool is_input = stream == STDIN_STREAM;
  switch (kind) {
    case STREAM_NULL:
      ends->child[stream] = null_fd;
      return true;
    case STREAM_INHERIT:
      return true;
    case STREAM_PIPE:
    case STREAM_COUNT:
      return open_pipe(ends, stream);
    default:
      break;
  }
  /* Both into one file: one description, or they would write over each other. */
  if (stream == STDERR_STREAM && kind == start->kinds[STDOUT_STREAM] &&
      strcmp(start->paths[STDOUT_STREAM], start->paths[STDERR_STREAM]) == 0) {
    ends->child[STDERR_STREAM] = ends->child[STDOUT_STREAM];
    ends->shared = true;
    return true;
  }
  if (is_input && start->options.range_count > 0) return open_source(ends, start->paths[stream]);
  if (is_input) return open_file(ends, stream, start->paths[stream], O_RDONLY);
  return open_file(ends, stream, start->paths[stream],
                   O_WRONLY | O_CREAT | (kind == STREAM_APPEND ? O_APPEND : O_TRUNC));
}

static void close_ends(const int fds[3], bool shared) {
  for (int stream = 0; stream < 3; stream++) {
    if (fds[stream] < 0 || fds[stream] == null_fd) continue;
    if (stream == STDERR_STREAM && shared) continue;
    close(fds[stream]);
  }
}

static void close_ours(const struct ends *ends) {
  close_ends(ends->ours, false);
  if (ends->source >= 0) close(ends->source);
}

static void tell_failure(uint32_t number, int error, int step) {
  outgoing_frame(FRAME_FAILED, 0, number, (uint32_t[]){(uint32_t)error, (uint32_t)step}, 2);
}

/* The step that failed, or 0. */
static int open_ends(struct ends *ends, const struct start *start) {
  for (int stream = 0; stream < 3; stream++) {
    if (open_end(ends, start, stream)) continue;
    bool is_pipe = start->kinds[stream] == STREAM_PIPE || start->kinds[stream] == STREAM_COUNT;
    return is_pipe ? STEP_PIPE : STEP_STDIN + stream;
  }
  return 0;
}

/* Node opens the pipes as files of this process; of standard input the end here stays, to notice that nobody reads it. */
static void let_take(struct child *child) {
  child->direct = true;
  uint32_t words[] = {(uint32_t)child->pid, (uint32_t)child->input.fd, (uint32_t)child->outputs[STDOUT_STREAM].fd,
                      (uint32_t)child->outputs[STDERR_STREAM].fd};
  pipes_enlarge(child);
  outgoing_frame(FRAME_SPAWNED, 0, child->number, words, sizeof words / sizeof *words);
  outgoing_hurry();
}

static void add_child(uint32_t number, pid_t pid, const struct start *start, const struct ends *ends) {
  struct child *child = child_add(number, pid, start->scope);
  child->input.fd = ends->ours[STDIN_STREAM];
  for (int stream = STDOUT_STREAM; stream <= STDERR_STREAM; stream++) {
    child->outputs[stream].fd = ends->ours[stream];
    child->outputs[stream].credit = start->credit;
    child->outputs[stream].counted = start->kinds[stream] == STREAM_COUNT;
  }
  watch_add(child, &start->options);
  if ((start->options.given & OPTION_DIRECT) != 0) return let_take(child);
  outgoing_frame(FRAME_SPAWNED, 0, number, (uint32_t[]){(uint32_t)pid}, 1);
  fresh_add(child);
  if (ends->source >= 0) input_from_ranges(child, ends->source, start->options.ranges, start->options.range_count);
}

bool starts_on_frame(const struct frame *frame) {
  static struct start start;
  if (!start_parse(frame, &start)) return false;
  if (refused) {
    tell_failure(frame->number, EPERM, STEP_PREPARE);
    return true;
  }
  if (start.nul || child_by_number(frame->number) != NULL) {
    tell_failure(frame->number, EINVAL, STEP_TEXT);
    return true;
  }
  struct ends ends = {.child = {-1, -1, -1}, .ours = {-1, -1, -1}, .source = -1};
  int step = open_ends(&ends, &start);
  if (step != 0) {
    int error = errno;
    close_ends(ends.child, ends.shared);
    close_ours(&ends);
    tell_failure(frame->number, error, step);
    return true;
  }
  const char *path;
  struct spawn_plan plan = {
      .argv = start.argv,
      .envp = environment_for(&start, frame->number, &path),
      .candidates = program_candidates(start.argv[0], path),
      .cwd = start.cwd,
      .stdio = {ends.child[0], ends.child[1], ends.child[2]},
      .files = files_raised ? &inherited_files : NULL,
  };
  options_plan(&start.options, &plan);
  plan.step = descriptors_open(&start.options, &plan);
  plan.error = errno;
  pid_t pid = plan.step == 0 ? spawn_child(&plan) : -1;
  descriptors_close(&plan);
  close_ends(ends.child, ends.shared);
  if (pid < 0) {
    close_ours(&ends);
    tell_failure(frame->number, plan.error, plan.step);
    return true;
  }
  if ((frame->flags & START_PLACED) != 0) places_occupy(frame->number, frame->flags);
  add_child(frame->number, pid, &start, &ends);
  return true;
}
