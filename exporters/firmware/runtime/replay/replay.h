/* What check.c, record.c and profile.c share: the samples of a file, one step after the other. */
#ifndef REPLAY_H
#define REPLAY_H

#include "host.h"
#include "snn.h"

extern const uint32_t replay_sizes[SNN_POPULATIONS]; /* neurons */

struct replay {
    int32_t file;
    uint32_t samples, steps;
    uint32_t stack; /* the most that snn_step has used */
};

void replay_say(const char *what, uint32_t number);
_Noreturn void replay_fail(const char *what);
int32_t replay_open(const char *name, int write);
int32_t replay_number(int32_t file);

struct replay replay_begin(const char *name);

/* Run all samples; each function may be NULL. A network that leaves its machine ends the program with code 3. */
void replay_run(struct replay *replay, void (*before)(void), void (*after)(uint32_t sample, uint32_t step));

_Noreturn void replay_end(const struct replay *replay);

#endif
