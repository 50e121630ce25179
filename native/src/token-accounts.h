/* What was taken from each jobserver and has to go back, in memory that both halves share: the guardian settles what the launcher
   owed when it died. */
#ifndef DROVER_TOKEN_ACCOUNTS_H
#define DROVER_TOKEN_ACCOUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "token-pipes.h"

/* Tokens of one jobserver. */
#define MOST_TOKENS 4096

struct token_account;

/* Before the halves part. */
bool token_accounts_share(void);
/* In the guardian, when all that the launcher had started is gone. */
void token_accounts_settle_for_the_dead(void);

/* NULL when there is no room for another. One that was `created` here goes in the end, and what is in it with it. */
struct token_account *token_account_open(const char *write_path, bool created);
/* A token that was read is noted at once: only what is noted comes back. */
void token_account_note(struct token_account *account, const uint8_t *bytes, size_t count);
/* They have gone back. */
void token_account_forget(struct token_account *account, const uint8_t *bytes, size_t count);
void token_account_forget_all(struct token_account *account);
/* Gives back by way of the pipe what is held, and is no account any more. */
void token_account_close(struct token_account *account, const struct token_pipe *pipe);

#endif
