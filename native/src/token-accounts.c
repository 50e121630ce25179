#define _GNU_SOURCE
#include "token-accounts.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ACCOUNTS 16

struct token_account {
  volatile bool used;
  bool created;
  char path[256];
  volatile uint32_t held_count;
  uint8_t held[MOST_TOKENS];
};

static struct token_account *accounts;

bool token_accounts_share(void) {
  size_t bytes = sizeof *accounts * ACCOUNTS;
  void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return false;
  accounts = memory;
  return true;
}

struct token_account *token_account_open(const char *write_path, bool created) {
  if (accounts == NULL || strlen(write_path) >= sizeof accounts->path) return NULL;
  for (int n = 0; n < ACCOUNTS; n++) {
    struct token_account *account = &accounts[n];
    if (account->used) continue;
    strcpy(account->path, write_path);
    account->created = created;
    account->held_count = 0;
    account->used = true;
    return account;
  }
  return NULL;
}

void token_account_note(struct token_account *account, const uint8_t *bytes, size_t count) {
  for (size_t n = 0; n < count && account->held_count < MOST_TOKENS; n++) {
    account->held[account->held_count] = bytes[n];
    account->held_count += 1;
  }
}

static void forget_one(struct token_account *account, uint8_t byte) {
  for (uint32_t n = 0; n < account->held_count; n++) {
    if (account->held[n] != byte) continue;
    account->held_count -= 1;
    account->held[n] = account->held[account->held_count];
    return;
  }
}

void token_account_forget(struct token_account *account, const uint8_t *bytes, size_t count) {
  for (size_t n = 0; n < count; n++) forget_one(account, bytes[n]);
}

void token_account_forget_all(struct token_account *account) { account->held_count = 0; }

void token_account_close(struct token_account *account, const struct token_pipe *pipe) {
  if (account->created) unlink(account->path);
  else token_pipe_put(pipe, account->held, account->held_count);
  account->held_count = 0;
  account->used = false;
}

void token_accounts_settle_for_the_dead(void) {
  for (int n = 0; accounts != NULL && n < ACCOUNTS; n++) {
    struct token_account *account = &accounts[n];
    if (!account->used) continue;
    struct token_pipe pipe = {.read_fd = -1, .write_fd = -1};
    if (!account->created && token_pipe_open_writer(&pipe, account->path) != 0) continue;
    token_account_close(account, &pipe);
    token_pipe_close(&pipe);
  }
}
