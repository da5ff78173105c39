/* Compare with golden.bin: print "equal" or the first difference.
 *
 * golden.bin, little-endian: samples and steps (uint32), samples x steps x SNN_INPUT_SIZE int32 messages, then for every
 * sample, step and population its u, its v (int32), its spikes (uint8). Compile with SNN_TRACE: it keeps every u.
 */
#include "replay.h"

static int32_t expected_file;

static void differs(const char *what, uint32_t population, uint32_t neuron, uint32_t sample, uint32_t step)
{
    replay_say("population ", population);
    replay_say(", neuron ", neuron);
    replay_say(", step ", step);
    replay_say(" of sample ", sample);
    host_print(what);
    host_print(" differs\n");
    host_exit(1);
}

static void compare(uint32_t sample, uint32_t step)
{
    for (uint32_t p = 0; p < SNN_POPULATIONS; p++) {
        for (uint32_t n = 0; n < replay_sizes[p]; n++)
            if (replay_number(expected_file) != snn_read(SNN_U, p, n))
                differs(": u", p, n, sample, step);
        for (uint32_t n = 0; n < replay_sizes[p]; n++)
            if (replay_number(expected_file) != snn_read(SNN_V, p, n))
                differs(": v", p, n, sample, step);
        for (uint32_t n = 0; n < replay_sizes[p]; n++) {
            uint8_t count;
            if (host_read(expected_file, &count, 1) != 1)
                replay_fail("a file ends too early");
            if (count != snn_read(SNN_SPIKES, p, n))
                differs(": the number of spikes", p, n, sample, step);
        }
    }
}

int main(void)
{
    struct replay replay = replay_begin("golden.bin");
    expected_file = replay_open("golden.bin", 0); /* the same file, read behind its inputs */
    for (uint32_t i = 0; i < 2 + replay.samples * replay.steps * SNN_INPUT_SIZE; i++)
        (void)replay_number(expected_file);
    replay_run(&replay, 0, compare);
    host_print("equal");
    replay_end(&replay);
}
