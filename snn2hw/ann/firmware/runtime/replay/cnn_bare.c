/* The network and nothing else. */
#include "cnn.h"

static int8_t input[CNN_INPUT_SIZE];
volatile int8_t decision;

int main(void)
{
    for (;;) {
        const int8_t *const scores = cnn_run(input);
        decision = scores[0];
    }
}
