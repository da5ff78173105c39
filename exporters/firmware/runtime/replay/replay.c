#include "replay.h"

#include <stddef.h>

const uint32_t replay_sizes[SNN_POPULATIONS] = SNN_SIZES;
static snn_input_t input[SNN_INPUT_SIZE];

void replay_say(const char *what, uint32_t number)
{
    char digits[11];
    uint32_t at = 10;
    digits[at] = 0;
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    host_print(what);
    host_print(&digits[at]);
}

_Noreturn void replay_fail(const char *what)
{
    host_print(what);
    host_print("\n");
    host_exit(2);
}

int32_t replay_open(const char *name, int write)
{
    const int32_t file = host_open(name, write);
    if (file < 0)
        replay_fail("a file cannot be opened");
    return file;
}

int32_t replay_number(int32_t file)
{
    int32_t value;
    if (host_read(file, &value, 4) != 4)
        replay_fail("a file ends too early");
    return value;
}

struct replay replay_begin(const char *name)
{
    struct replay replay = {.file = replay_open(name, 0)};
    replay.samples = (uint32_t)replay_number(replay.file);
    replay.steps = (uint32_t)replay_number(replay.file);
    return replay;
}

static void next_input(int32_t file)
{
    static int32_t part[256];
    for (uint32_t at = 0; at < SNN_INPUT_SIZE;) {
        const uint32_t count = SNN_INPUT_SIZE - at < 256 ? SNN_INPUT_SIZE - at : 256;
        if (host_read(file, part, 4 * count) != 4 * count)
            replay_fail("a file ends too early");
        for (uint32_t i = 0; i < count; i++)
            input[at++] = (snn_input_t)part[i];
    }
}

void replay_run(struct replay *replay, void (*before)(void), void (*after)(uint32_t sample, uint32_t step))
{
    for (uint32_t sample = 0; sample < replay->samples; sample++) {
        snn_init();
        for (uint32_t step = 0; step < replay->steps; step++) {
            next_input(replay->file);
            (void)host_stack();
            if (before != NULL)
                before();
            const uint32_t failed = snn_step(input), used = host_stack();
            if (failed != 0) {
                replay_say("population ", failed - 1);
                replay_say(" leaves the machine at step ", step);
                replay_say(" of sample ", sample);
                host_print("\n");
                host_exit(3);
            }
            if (used > replay->stack)
                replay->stack = used;
            if (after != NULL)
                after(sample, step);
        }
    }
}

_Noreturn void replay_end(const struct replay *replay)
{
    replay_say(": samples ", replay->samples);
    replay_say(", steps ", replay->steps);
    replay_say(", stack ", replay->stack);
    host_print(", program " SNN_DIGEST "\n");
    host_exit(0);
}
