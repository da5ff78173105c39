/* The integer machine in C11: no allocation, no floating point, every buffer of a size fixed at compile time.
 *
 *   a = sum over connections  shift(W . s[t - lag], exponent)
 *   u = wrap(decay(u, du + 1) + (a << 6))
 *   v = clip(decay(v, dv) + u + bias)
 *   z = how often theta = vth << 6 can be taken off v while it fires (v > theta, or >= at_threshold), at most `most`
 *   v = 0 where z > 0, or v - z theta, or v;   for `refractory` steps after a spike v stays and nothing is sent
 *
 * A program is constant data (struct snn_program, written by the exporter); what changes is one block of memory
 * (struct snn_state, of a size that program.h states). Several states can run one program.
 */
#ifndef SNN_RUNTIME_H
#define SNN_RUNTIME_H

#include <stdint.h>

enum snn_wiring { SNN_DENSE, SNN_CONV };
enum snn_reset { SNN_RESET_ZERO, SNN_RESET_SUBTRACT, SNN_RESET_NONE };
enum snn_status {
    SNN_OK = 0,
    SNN_ACCUMULATOR = 1, /* |a| >= 2^21 */
    SNN_REGISTER = 2     /* |u| >= 2^31 after repeated wraps */
};

/* A table of weights or registers in the narrowest type that holds it; exactly one pointer is set. */
struct snn_table {
    const int8_t *i8;
    const int16_t *i16;
    const int32_t *i32;
};

struct snn_connection {
    enum snn_wiring wiring;
    int32_t source; /* -1: the input, else the index of a population */
    int32_t lag;
    int32_t exponent;
    struct snn_table weight;      /* dense: [n_in][n_out];  conv: [c_out][c_in / groups][kh][kw] */
    int32_t source_shape[3];      /* channels, height, width; dense: 1, 1, n_in */
    int32_t kernel[2], stride[2], padding[2], dilation[2], groups;
};

/* A register of a population: one value, or a table with one per neuron. */
struct snn_register {
    struct snn_table each;
    int32_t all;
    uint8_t per_neuron;
};

struct snn_population {
    const char *name;
    int32_t shape[3]; /* channels, height, width; (N,) is 1, 1, N */
    int32_t size;
    const struct snn_connection *inputs;
    int32_t input_count;
    struct snn_register du, dv, vth, bias_mantissa, bias_exponent, u0, v0;
    enum snn_reset reset;
    uint8_t fires;
    uint8_t most; /* spikes in one message; 0 and 1 are one */
    uint8_t at_threshold;
    uint8_t refractory;
    int32_t first_register; /* where its u and v begin in snn_state.u and .v */
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
    int32_t *u, *v;
    uint8_t *rest;   /* steps in which v stays where it is; NULL where no population has refractory */
    uint8_t *spikes; /* messages: how many spikes */
    int32_t *messages; /* ring of inputs */
    int64_t *sums;     /* scratch: one per neuron of the largest population */
    int32_t *a;        /* scratch: the same */
    int32_t step;
    int32_t failed_population;
};

/* Go back to before step 0. */
void snn_reset(const struct snn_program *program, struct snn_state *state);

/* Compute one local step of every population from input_size messages. */
enum snn_status snn_step(const struct snn_program *program, struct snn_state *state, const int32_t *input);

/* The spikes of a population in the step just computed. */
const uint8_t *snn_spikes(const struct snn_program *program, const struct snn_state *state, int32_t population);

#endif
