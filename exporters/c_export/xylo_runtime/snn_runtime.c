#include "snn_runtime.h"

#include <stddef.h>

#define LEAST (-32768)
#define MOST 32767

static int32_t register_at(const struct snn_register *reg, int32_t neuron)
{
    if (!reg->per_neuron)
        return reg->all;
    if (reg->each.i8 != NULL)
        return reg->each.i8[neuron];
    return reg->each.i16 != NULL ? reg->each.i16[neuron] : reg->each.i32[neuron];
}

static int32_t sat(int32_t x)
{
    if (x > MOST)
        return MOST;
    return x < LEAST ? LEAST : x;
}

/* >> of a negative number is the compiler's choice in C11; the chip's floors. */
static int32_t dash(int32_t x, int32_t n)
{
    if (x < 0)
        return ~(~x >> n);
    return x > 0 && x >> n == 0 ? 1 : x >> n;
}

/* The messages of one source at a step. */
static const uint8_t *messages_of(const struct snn_program *program, const struct snn_state *state, int32_t source,
                                  int32_t step)
{
    if (source < 0)
        return state->messages + step % program->input_ring * program->input_size;
    const struct snn_population *p = &program->populations[source];
    return state->spikes + p->first_spike + step % p->ring * p->size;
}

/* z spikes are z additions of the same sign: one addition of z times the weight saturates as they do. */
static void receive(const struct snn_program *program, struct snn_state *state, const struct snn_population *p)
{
    for (int32_t k = 0; k < p->input_count; k++) {
        const struct snn_connection *c = &p->inputs[k];
        int32_t *const current = (c->port ? state->i2 : state->i) + p->first_register;
        if (state->step < c->lag)
            continue; /* a message from before step 0 is zero */
        const uint8_t *const messages = messages_of(program, state, c->source, state->step - c->lag);
        for (int32_t source = 0; source < c->rows; source++) {
            const int32_t spikes = messages[source] * (INT32_C(1) << c->exponent);
            const int8_t *const weight = c->weight + (size_t)source * (size_t)p->size;
            for (int32_t n = 0; spikes != 0 && n < p->size; n++)
                current[n] = sat(current[n] + weight[n] * spikes);
        }
    }
}

static void update(struct snn_state *state, const struct snn_population *p)
{
    int32_t *const i = state->i + p->first_register, *const i2 = state->i2 + p->first_register;
    int32_t *const v = state->v + p->first_register;
    uint8_t *const spikes = state->spikes + p->first_spike + state->step % p->ring * p->size;
    for (int32_t n = 0; n < p->size; n++) {
        i[n] -= dash(i[n], register_at(&p->dash_syn, n));
        i2[n] -= dash(i2[n], register_at(&p->dash_syn2, n));
        const int32_t lost = dash(v[n], register_at(&p->dash_mem, n));
        const int32_t change = sat((lost == LEAST ? LEAST : -lost) + i[n] + i2[n]);
        const int32_t theta = register_at(&p->theta, n);
        v[n] = sat(v[n] + sat(change + register_at(&p->bias, n)));
        for (spikes[n] = 0; v[n] >= theta && spikes[n] < p->most; spikes[n]++)
            v[n] -= theta;
    }
}

void snn_reset(const struct snn_program *program, struct snn_state *state)
{
    for (int32_t k = 0; k < program->population_count; k++) {
        const struct snn_population *p = &program->populations[k];
        for (int32_t n = 0; n < p->size; n++) {
            state->i[p->first_register + n] = register_at(&p->i0, n);
            state->i2[p->first_register + n] = register_at(&p->i20, n);
            state->v[p->first_register + n] = register_at(&p->v0, n);
        }
    }
    state->step = -1;
    state->failed_population = -1;
}

enum snn_status snn_step(const struct snn_program *program, struct snn_state *state, const int32_t *input)
{
    state->step++;
    uint8_t *const heard = state->messages + state->step % program->input_ring * program->input_size;
    for (int32_t k = 0; k < program->input_size; k++)
        heard[k] = (uint8_t)input[k];
    for (int32_t k = 0; k < program->population_count; k++) {
        const struct snn_population *p = &program->populations[program->order[k]];
        receive(program, state, p);
        update(state, p);
    }
    return SNN_OK;
}

const uint8_t *snn_spikes(const struct snn_program *program, const struct snn_state *state, int32_t population)
{
    return messages_of(program, state, population, state->step);
}
