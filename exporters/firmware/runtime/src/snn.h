/* A spiking network as firmware: three functions, no allocation, no floating point, no libc.
 *
 *     snn_init();                                               before every sample
 *     if (snn_step(input) != 0) return;                         input: snn_input_t[SNN_INPUT_SIZE]
 *     int32_t score = snn_read(SNN_V, SNN_OUTPUT, class);       what the readout holds
 *
 * There is one network, and its state is static: call from one thread, and not from an interrupt as well.
 */
#ifndef SNN_H
#define SNN_H

#include <stdint.h>

#include "snn_program.h"

#ifdef __cplusplus
extern "C" {
#endif

enum snn_what {
    SNN_SPIKES, /* of the step just computed: how many */
    SNN_V,      /* the membrane */
    SNN_U       /* the current; 0 where no neuron keeps it from step to step, unless compiled with SNN_TRACE */
};

/* Go back to before step 0. */
void snn_init(void);

/* Compute one step from SNN_INPUT_SIZE messages in SNN_INPUT_LOW..SNN_INPUT_HIGH, in C order; 0 is no message. NULL
 * stands for the messages of the step before. Messages outside the range make the results wrong, nothing else.
 *
 * Returns 0, or 1 + the number of the population that left the machine (|a| >= 2^21 or |u| >= 2^31): call snn_init.
 */
uint32_t snn_step(const snn_input_t *input);

/* Read one neuron, counted in C order of its population's shape. */
int32_t snn_read(enum snn_what what, uint32_t population, uint32_t neuron);

#ifdef __cplusplus
}
#endif

#endif
