/* A Xylo program in C11: no allocation, no floating point, every buffer of a size fixed at compile time.
 *
 *   i_k = sat(i_k + (weight << exponent) * message)   one source neuron after the other, at current k, the port
 *   i_k = i_k - dash(i_k, dash_syn_k)
 *   v   = sat(v + sat(sat(i + i2 - dash(v, dash_mem)) + bias))
 *   z   = how often theta can be taken off v while v >= theta, at most `most`;   v = v - z theta
 *
 * dash(x, n) is x >> n, but 1 where that is 0 and x > 0; sat keeps 16 bits, and -(-32768) is -32768.
 * A program is constant data (struct snn_program, written by the exporter); what changes is one block of memory
 * (struct snn_state, of a size that program.h states).
 */
#ifndef SNN_RUNTIME_H
#define SNN_RUNTIME_H

#include <stdint.h>

/* What a neuron keeps, for whoever compares or records it. */
#define SNN_REGISTERS {snn_state.i, snn_state.i2, snn_state.v}
#define SNN_REGISTER_NAMES {"i", "i2", "v"}
#define SNN_REGISTER_COUNT 3

enum snn_status {
    SNN_OK = 0,
    SNN_ACCUMULATOR = 1 /* never: states saturate */
};

/* A table of registers in the narrowest type that holds it; exactly one pointer is set. */
struct snn_table {
    const int8_t *i8;
    const int16_t *i16;
    const int32_t *i32;
};

/* A register of a population: one value, or a table with one per neuron. */
struct snn_register {
    struct snn_table each;
    int32_t all;
    uint8_t per_neuron;
};

struct snn_connection {
    int32_t source; /* -1: the input, else the index of a population */
    int32_t lag;
    int32_t exponent;
    int32_t port;         /* 0: i, 1: i2 */
    int32_t rows;         /* source neurons */
    const int8_t *weight; /* [source neuron][neuron] */
};

struct snn_population {
    const char *name;
    int32_t size;
    const struct snn_connection *inputs; /* in the order in which their messages arrive */
    int32_t input_count;
    struct snn_register dash_syn, dash_syn2, dash_mem, theta, bias, i0, i20, v0;
    uint8_t most;           /* spikes in one message; 0: it never fires */
    int32_t first_register; /* where its states begin in snn_state.i, .i2 and .v */
    int32_t first_spike;    /* where its ring of spikes begins in snn_state.spikes */
    int32_t ring;           /* how many steps of spikes it keeps */
};

struct snn_program {
    const char *digest;
    const struct snn_population *populations;
    const int32_t *order; /* in which the populations of one step are computed */
    int32_t population_count;
    int32_t input_size;
    int32_t input_ring;
};

/* The parts of a state; program.h declares the buffers. */
struct snn_state {
    int32_t *i, *i2, *v;
    uint8_t *spikes;   /* messages: how many spikes */
    uint8_t *messages; /* ring of inputs, 0..15 */
    int32_t step;
    int32_t failed_population;
};

/* Go back to before step 0. */
void snn_reset(const struct snn_program *program, struct snn_state *state);

/* Compute one local step of every population from input_size messages; it never fails. */
enum snn_status snn_step(const struct snn_program *program, struct snn_state *state, const int32_t *input);

/* The spikes of a population in the step just computed. */
const uint8_t *snn_spikes(const struct snn_program *program, const struct snn_state *state, int32_t population);

#endif
