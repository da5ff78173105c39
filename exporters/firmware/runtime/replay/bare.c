/* The network and nothing else: where firmware of one's own starts. */
#include "snn.h"

static snn_input_t input[SNN_INPUT_SIZE];
volatile int32_t score;

int main(void)
{
    snn_init();
    for (;;) {
        /* Fill input here: from a microphone, a camera, a sensor. */
        if (snn_step(input) != 0)
            snn_init();
        score = snn_read(SNN_V, SNN_OUTPUT, 0); /* and decide here */
    }
}
