/* Feed the network once a step and print the class whose readout is the highest. */
#include <zephyr/kernel.h>

#include "snn.h"

#define STEP_MS 10

static snn_input_t input[SNN_INPUT_SIZE];
static const uint32_t sizes[SNN_POPULATIONS] = SNN_SIZES;

int main(void)
{
    snn_init();
    for (;;) {
        /* Fill input here, SNN_INPUT_LOW .. SNN_INPUT_HIGH. */
        if (snn_step(input) != 0)
            snn_init();
        uint32_t best = 0;
        for (uint32_t i = 1; i < sizes[SNN_OUTPUT]; i++)
            if (snn_read(SNN_V, SNN_OUTPUT, i) > snn_read(SNN_V, SNN_OUTPUT, best))
                best = i;
        printk("%u\n", best);
        k_msleep(STEP_MS);
    }
}
