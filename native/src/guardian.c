#define _GNU_SOURCE
#include "guardian.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ending.h"
#include "running.h"
#include "token-accounts.h"

/* How long the launcher may take to end everything by itself when Node has died, before it is taken for stuck. */
#define PATIENCE_MS 3000

static bool everything(const struct processes *table, struct process *process) {
  (void)table;
  (void)process;
  return true;
}

/* What a child leaves behind is kept, but a child that runs is ended with all that is known to be its own. */
static bool what_runs(const struct processes *table, struct process *process) {
  if (running_has(table->list[process->top].pid)) return true;
  return running_has(process->session) || running_has(process->group);
}

static void reap_all(void) {
  while (waitpid(-1, NULL, WNOHANG) > 0) continue;
}

/* Reaps until nothing is there; true when the launcher was among it. */
static bool reap_launcher(pid_t launcher, int *status) {
  bool found = false;
  pid_t pid;
  int each;
  while ((pid = waitpid(-1, &each, WNOHANG)) > 0) {
    if (pid != launcher) continue;
    *status = each;
    found = true;
    /* The rest are the launcher's children now: they must be looked at before their numbers are free. */
    break;
  }
  return found;
}

static void empty(int signals) {
  struct signalfd_siginfo info;
  while (read(signals, &info, sizeof info) > 0) continue;
}

int guardian_run(pid_t launcher, int node, int lifeline, bool keep) {
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  int signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
  if (signals < 0) return 70;
  struct pollfd watched[2] = {{.fd = signals, .events = POLLIN}, {.fd = node, .events = POLLIN}};
  int status = 0;
  int timeout = -1;
  while (!reap_launcher(launcher, &status)) {
    int ready = poll(watched, 2, timeout);
    if (ready < 0 && errno != EINTR) break;
    if (ready == 0) kill(launcher, SIGKILL);
    if (watched[0].revents != 0) empty(signals);
    if (watched[1].revents != 0) {
      close(lifeline);
      watched[1].fd = -1;
      if (!keep) timeout = PATIENCE_MS;
    }
  }
  end_descendants(keep ? what_runs : everything, keep ? NULL : reap_all);
  token_accounts_settle_for_the_dead();
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
