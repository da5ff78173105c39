/* Run the samples of input.bin and write what every part of a step costs to profile.bin, in ticks (uint32): first what
 * reading the counter costs, then for every step the input and every population, in the order in which they compute.
 * Compile with SNN_PROFILE.
 */
#include "replay.h"

static int32_t output;
static uint32_t ticks[SNN_POPULATIONS + 1], parts, latest;

extern void snn_profile(uint32_t population);

void snn_profile(uint32_t population)
{
    (void)population;
    ticks[parts++] = (host_ticks() - latest) & HOST_TICKS;
    latest = host_ticks();
}

static void before(void)
{
    parts = 0;
    latest = host_ticks();
}

static void write_ticks(uint32_t sample, uint32_t step)
{
    (void)sample;
    (void)step;
    host_write(output, ticks, sizeof ticks);
}

int main(void)
{
    struct replay replay = replay_begin("input.bin");
    output = replay_open("profile.bin", 1);
    before();
    snn_profile(0);
    host_write(output, ticks, 4);
    replay_run(&replay, before, write_ticks);
    host_print("counted");
    replay_end(&replay);
}
