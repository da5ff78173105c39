/* Run the samples of input.bin and write u, v (int32) and spikes (uint8) of every population and step to output.bin. */
#include "replay.h"

static int32_t output;
static uint8_t buffer[1024];
static uint32_t held;

static void put(uint32_t value, uint32_t size)
{
    if (held + size > sizeof buffer) {
        host_write(output, buffer, held);
        held = 0;
    }
    for (; size > 0; size--, value >>= 8)
        buffer[held++] = (uint8_t)value;
}

static void record(uint32_t sample, uint32_t step)
{
    (void)sample;
    (void)step;
    for (uint32_t p = 0; p < SNN_POPULATIONS; p++) {
        for (uint32_t n = 0; n < replay_sizes[p]; n++)
            put((uint32_t)snn_read(SNN_U, p, n), 4);
        for (uint32_t n = 0; n < replay_sizes[p]; n++)
            put((uint32_t)snn_read(SNN_V, p, n), 4);
        for (uint32_t n = 0; n < replay_sizes[p]; n++)
            put((uint32_t)snn_read(SNN_SPIKES, p, n), 1);
    }
}

int main(void)
{
    struct replay replay = replay_begin("input.bin");
    output = replay_open("output.bin", 1);
    replay_run(&replay, 0, record);
    host_write(output, buffer, held);
    host_print("recorded");
    replay_end(&replay);
}
