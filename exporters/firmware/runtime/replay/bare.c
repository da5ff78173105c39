/* The network and nothing else: where firmware of one's own starts. A step as soon as there is input, the largest v. */
#include "snn.h"

static snn_input_t input[SNN_INPUT_SIZE];
volatile uint32_t decision;

int main(void)
{
    static const uint32_t sizes[SNN_POPULATIONS] = SNN_SIZES;
    snn_init();
    for (;;) {
        /* Fill input here: from a microphone, a camera, a sensor. */
        if (snn_step(input) != 0)
            snn_init();
        uint32_t best = 0;
        for (uint32_t i = 1; i < sizes[SNN_OUTPUT]; i++)
            if (snn_read(SNN_V, SNN_OUTPUT, i) > snn_read(SNN_V, SNN_OUTPUT, best))
                best = i;
        decision = best;
    }
}
