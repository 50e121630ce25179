/* The paths under which a program is looked for, as execvp does. */
#ifndef DROVER_PROGRAM_H
#define DROVER_PROGRAM_H

/* Ends with a null; valid until the next call. */
char **program_candidates(const char *file, const char *path);

#endif
