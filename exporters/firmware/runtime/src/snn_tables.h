/* What program.c consists of: constant tables that point at one another, and at buffers in RAM. Not for users.
 *
 * A vector of N is the N channels of one position. Neurons, sums and messages stand channels last: y, x, channel. A
 * position holds `span` neurons, an even number: the last one may be a dummy that never fires.
 */
#ifndef SNN_TABLES_H
#define SNN_TABLES_H

#include <stdint.h>

#include "snn_program.h"

/* Messages of the last `ring` steps: the input's values, one bit a neuron, or, where some exceed 1, one byte. */
struct snn_source {
    snn_input_t *values;
    uint32_t *bits;
    uint8_t *counts;
    uint32_t height, width, channels, span;
    uint32_t words; /* of 32 channels, in a position */
    uint32_t ring;
};

/* Rows (or columns) of the source, one beside the other, that a row of the target reads: where their weights and their
 * messages stand, in words and in positions. */
struct snn_tap {
    uint32_t weights, source, count; /* rows come one by one */
};

/* Row r of the target has the taps first[r] .. first[r + 1] - 1. */
struct snn_reach {
    const uint16_t *first;
    const struct snn_tap *taps;
};

/* Sums that are shifted together. Of 16 bits, two share a word, and a word follows them that stays 0, since a row of
 * weights may end within a word; of 64 bits, the low word comes first. */
struct snn_bank {
    uint32_t *sums;
    uint32_t words;
    uint8_t bits;  /* 16, 32 or 64 */
    uint8_t down;  /* shift right, then multiply */
    int32_t scale; /* by this: 64 times what the exponent says */
};

/* One source read through one kernel: `row_words` words per channel of the source. A matrix is a kernel as large as its
 * source, with one output. A word holds 32 / bits weights, field k is weight 2 k, and the field 16 bits above is weight
 * 2 k + 1. Fields of SNN_ADD_BYTES and SNN_ADD_BYTES_GRADED hold 128 more than the weight, so they have no sign. */
struct snn_connection {
    const uint32_t *weights;
    struct snn_reach rows, columns;
    uint32_t mask, sign; /* of the two fields that are read together */
    uint32_t row_words;
    uint32_t outs;           /* weights of a row that count */
    uint32_t position_words; /* of sums, from one position of the target to the next */
    uint32_t group;          /* channels of the source that read the same outputs */
    uint32_t group_words;    /* of sums, from one group to the next */
    uint16_t groups;
    uint16_t height, width; /* positions of the target */
    uint16_t source;        /* 0 is the input, 1 the first population */
    uint16_t lag;
    uint8_t bank;
    uint8_t bits;
    uint8_t kernel;
};

enum snn_adding { SNN_ADD_BYTES, SNN_ADD_BYTES_GRADED, SNN_ADD_LANES, SNN_ADD_32, SNN_ADD_64 };

struct snn_register {
    int32_t bias;
    int32_t bar; /* the least v that fires */
};

/* x * keep / 2^shift, rounded toward zero; narrow where no product leaves 32 bits. */
struct snn_fade {
    int32_t keep;
    uint8_t shift;
    uint8_t narrow;
    const uint16_t *each; /* keep of every neuron, of 4096, where they differ */
};

enum snn_updating { SNN_LEAN, SNN_LANES, SNN_GENERAL };
enum snn_reset { SNN_RESET_ZERO, SNN_RESET_SUBTRACT, SNN_RESET_NONE };

struct snn_population {
    const struct snn_connection *connections;
    const struct snn_bank *banks;
    const struct snn_register *registers;
    struct snn_fade u_fade, v_fade;
    int32_t *u; /* NULL where no neuron keeps it */
    int32_t *v;
    uint8_t *rest;            /* steps in which v stays where it is; NULL where none rests */
    const int32_t *u0, *v0;   /* before step 0; NULL: zero */
    uint32_t first;           /* of its neurons, among all of them */
    uint32_t register_step;   /* registers from one position to the next */
    uint8_t connection_count, bank_count;
    uint8_t kernel, reset;
    uint8_t most, at_threshold, refractory;
    uint8_t sinks; /* SNN_LEAN: v may reach its lower end */
    uint8_t held;  /* what arrives depends on this step's input alone: unchanged input, unchanged sums */
};

extern const struct snn_source snn_sources[SNN_POPULATIONS + 1];
extern const struct snn_population snn_populations[SNN_POPULATIONS];
extern const uint16_t snn_order[SNN_POPULATIONS];

#endif
