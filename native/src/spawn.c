#define _GNU_SOURCE
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "frames.h"

#define STACK (64 * 1024)

#if defined(__SANITIZE_ADDRESS__)
#define OWN_STACK __attribute__((no_sanitize_address))
#else
#define OWN_STACK
#endif

static _Alignas(64) char stack[STACK];

OWN_STACK static int fail(struct spawn_plan *plan, int step) {
  plan->error = errno;
  plan->step = step;
  return 127;
}

/* execvpe's rules: go on where there is no such file, remember where there is one that may not be executed. */
OWN_STACK static void exec_candidates(struct spawn_plan *plan) {
  bool denied = false;
  for (char **candidate = plan->candidates; *candidate != NULL; candidate++) {
    execve(*candidate, plan->argv, plan->envp);
    if (errno == ENOEXEC) {
      char *program = plan->argv[0];
      plan->argv[-1] = (char *)"/bin/sh";
      plan->argv[0] = *candidate;
      execve("/bin/sh", plan->argv - 1, plan->envp);
      plan->argv[0] = program;
      return;
    }
    switch (errno) {
      case EACCES:
        denied = true;
        continue;
      case ENOENT:
      case ENOTDIR:
      case ESTALE:
      case ENODEV:
      case ETIMEDOUT:
        continue;
      default:
        return;
    }
  }
  if (denied) errno = EACCES;
}

/* Before anything else of the child's own, so that all of it counts there. */
OWN_STACK static bool enter_group(const char *path) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  /* 0 is the writer itself. */
  bool entered = write(fd, "0", 1) == 1;
  int error = errno;
  close(fd);
  errno = error;
  return entered;
}

/* The step that failed, or 0. */
OWN_STACK static int restrict_self(const struct spawn_plan *plan) {
  if (plan->files != NULL && setrlimit(RLIMIT_NOFILE, plan->files) < 0) return STEP_PREPARE;
  if (plan->nice != 0) {
    errno = 0;
    int now = getpriority(PRIO_PROCESS, 0);
    if (errno != 0 || setpriority(PRIO_PROCESS, 0, now + plan->nice) < 0) return STEP_NICE;
  }
  for (int n = 0; n < plan->limit_count; n++) {
    const struct spawn_limit *limit = &plan->limits[n];
    if (setrlimit(limit->resource, &limit->values) < 0) return limit->step;
  }
  return 0;
}

/* Runs on the parent's memory while the parent stands still. */
OWN_STACK static int child_main(void *argument) {
  struct spawn_plan *plan = argument;
  for (uint32_t n = 0; n < plan->group_count; n++) {
    if (!enter_group(plan->groups[n])) return fail(plan, STEP_GROUP + (int)n);
  }
  if (setsid() < 0) return fail(plan, STEP_PREPARE);
  for (int n = 0; n < 3; n++) {
    if (plan->stdio[n] >= 0 && dup2(plan->stdio[n], n) < 0) return fail(plan, STEP_PREPARE);
  }
  for (int n = 0; n < plan->descriptor_count; n++) {
    const struct spawn_descriptor *descriptor = &plan->descriptors[n];
    if (dup2(descriptor->from, descriptor->as) < 0) return fail(plan, STEP_DESCRIPTOR + n);
  }
  if (plan->cwd != NULL && chdir(plan->cwd) < 0) return fail(plan, STEP_CWD);
  int step = restrict_self(plan);
  if (step != 0) return fail(plan, step);
  /* The launcher blocks signals and handles none, so there is no handler to reset. */
  sigset_t none;
  sigemptyset(&none);
  if (sigprocmask(SIG_SETMASK, &none, NULL) < 0) return fail(plan, STEP_PREPARE);
  exec_candidates(plan);
  return fail(plan, STEP_EXEC);
}

pid_t spawn_child(struct spawn_plan *plan) {
  plan->error = 0;
  plan->step = 0;
  pid_t pid = clone(child_main, stack + STACK, CLONE_VM | CLONE_VFORK | SIGCHLD, plan);
  if (pid < 0) {
    plan->error = errno;
    plan->step = STEP_FORK;
    return -1;
  }
  if (plan->error == 0) return pid;
  while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) continue;
  return -1;
}
