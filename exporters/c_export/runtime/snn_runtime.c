#include "snn_runtime.h"

#include <stddef.h>

#define A_LIMIT (INT32_C(1) << 21)
#define WRAP (INT64_C(1) << 23)
#define V_MAX ((INT64_C(1) << 23) - 1)
#define U_LIMIT (INT64_C(1) << 31)
#define DECAY_ONE 4096

static int32_t table_at(const struct snn_table *table, int32_t index)
{
    if (table->i8 != NULL)
        return table->i8[index];
    return table->i16 != NULL ? table->i16[index] : table->i32[index];
}

static int32_t register_at(const struct snn_register *reg, int32_t neuron)
{
    return reg->per_neuron ? table_at(&reg->each, neuron) : reg->all;
}

/* Integer division truncates toward zero, which is what a decay does. */
static int64_t decay(int64_t x, int32_t d)
{
    return x * (DECAY_ONE - d) / DECAY_ONE;
}

static int64_t wrap(int64_t x)
{
    if (x > WRAP)
        return x - 2 * WRAP;
    return x <= -WRAP ? x + 2 * WRAP : x;
}

static int64_t clip(int64_t x)
{
    if (x > V_MAX)
        return V_MAX;
    return x < -V_MAX ? -V_MAX : x;
}

/* >> of a negative number is the compiler's choice in C11; the machine's floors. */
static int64_t shift(int64_t x, int32_t exponent)
{
    if (exponent >= 0)
        return x * (INT64_C(1) << exponent);
    return x >= 0 ? x >> -exponent : ~(~x >> -exponent);
}

static void add_dense(const struct snn_connection *c, int32_t index, int32_t message, int64_t *sums, int32_t size)
{
    for (int32_t o = 0; o < size; o++)
        sums[o] += (int64_t)message * table_at(&c->weight, index * size + o);
}

/* Which output position reads source position `at` through `tap`, or -1. */
static int32_t reader(const struct snn_connection *c, int axis, int32_t at, int32_t tap, int32_t side)
{
    int32_t moved = at + c->padding[axis] - tap * c->dilation[axis];
    if (moved < 0 || moved % c->stride[axis] != 0)
        return -1;
    return moved / c->stride[axis] < side ? moved / c->stride[axis] : -1;
}

static void add_conv(const struct snn_connection *c, int32_t index, int32_t message, int64_t *sums,
                     const struct snn_population *p)
{
    const int32_t height = c->source_shape[1], width = c->source_shape[2];
    const int32_t channel = index / (height * width), row = index / width % height, column = index % width;
    const int32_t ins = c->source_shape[0] / c->groups, outs = p->shape[0] / c->groups;
    const int32_t group = channel / ins, taps = c->kernel[0] * c->kernel[1];
    for (int32_t ky = 0; ky < c->kernel[0]; ky++) {
        const int32_t y = reader(c, 0, row, ky, p->shape[1]);
        if (y < 0)
            continue;
        for (int32_t kx = 0; kx < c->kernel[1]; kx++) {
            const int32_t x = reader(c, 1, column, kx, p->shape[2]);
            if (x < 0)
                continue;
            for (int32_t o = group * outs; o < (group + 1) * outs; o++) {
                const int32_t at = (o * ins + channel % ins) * taps + ky * c->kernel[1] + kx;
                sums[(o * p->shape[1] + y) * p->shape[2] + x] += (int64_t)message * table_at(&c->weight, at);
            }
        }
    }
}

static int32_t message_at(const struct snn_program *program, const struct snn_state *state,
                          const struct snn_connection *c, int32_t index)
{
    const int32_t step = state->step - c->lag;
    if (c->source < 0)
        return state->messages[step % program->input_ring * program->input_size + index];
    const struct snn_population *source = &program->populations[c->source];
    return state->spikes[source->first_spike + step % source->ring * source->size + index];
}

static enum snn_status accumulate(const struct snn_program *program, struct snn_state *state,
                                  const struct snn_population *p)
{
    for (int32_t n = 0; n < p->size; n++)
        state->a[n] = 0;
    for (int32_t i = 0; i < p->input_count; i++) {
        const struct snn_connection *c = &p->inputs[i];
        if (state->step < c->lag)
            continue; /* a message from before step 0 is zero */
        for (int32_t n = 0; n < p->size; n++)
            state->sums[n] = 0;
        const int32_t count = c->source_shape[0] * c->source_shape[1] * c->source_shape[2];
        for (int32_t index = 0; index < count; index++) {
            const int32_t message = message_at(program, state, c, index);
            if (message == 0)
                continue;
            if (c->wiring == SNN_DENSE)
                add_dense(c, index, message, state->sums, p->size);
            else
                add_conv(c, index, message, state->sums, p);
        }
        for (int32_t n = 0; n < p->size; n++) {
            const int64_t a = state->a[n] + shift(state->sums[n], c->exponent);
            if (a > INT32_MAX || a < INT32_MIN)
                return SNN_ACCUMULATOR;
            state->a[n] = (int32_t)a;
        }
    }
    for (int32_t n = 0; n < p->size; n++)
        if (state->a[n] >= A_LIMIT || state->a[n] <= -A_LIMIT)
            return SNN_ACCUMULATOR;
    return SNN_OK;
}

/* How many spikes a neuron at v sends. */
static uint8_t count(const struct snn_population *p, int64_t v, int64_t threshold)
{
    const int64_t above = p->at_threshold ? v : v - 1;
    if (!p->fires || above < threshold)
        return 0;
    if (p->most <= 1)
        return 1;
    return above / threshold < p->most ? (uint8_t)(above / threshold) : p->most;
}

static int64_t left_after(const struct snn_population *p, int64_t v, uint8_t spikes, int64_t threshold)
{
    if (spikes == 0 || p->reset == SNN_RESET_NONE)
        return v;
    return p->reset == SNN_RESET_ZERO ? 0 : v - spikes * threshold;
}

static enum snn_status update(struct snn_state *state, const struct snn_population *p)
{
    int32_t *const u = state->u + p->first_register, *const v = state->v + p->first_register;
    uint8_t *const rest = p->refractory ? state->rest + p->first_register : NULL;
    uint8_t *const spikes = state->spikes + p->first_spike + state->step % p->ring * p->size;
    for (int32_t n = 0; n < p->size; n++) {
        const int64_t grown = wrap(decay(u[n], register_at(&p->du, n) + 1) + (int64_t)state->a[n] * 64);
        if (grown >= U_LIMIT || grown <= -U_LIMIT)
            return SNN_REGISTER;
        u[n] = (int32_t)grown;
        spikes[n] = 0;
        if (rest != NULL && rest[n] > 0) {
            rest[n]--;
            continue;
        }
        const int64_t one = INT64_C(1) << register_at(&p->bias_exponent, n);
        const int64_t bias = register_at(&p->bias_mantissa, n) * one;
        const int64_t threshold = (int64_t)register_at(&p->vth, n) * 64;
        const int64_t raised = clip(decay(v[n], register_at(&p->dv, n)) + grown + bias);
        spikes[n] = count(p, raised, threshold);
        v[n] = (int32_t)left_after(p, raised, spikes[n], threshold);
        if (rest != NULL && spikes[n] > 0)
            rest[n] = p->refractory;
    }
    return SNN_OK;
}

void snn_reset(const struct snn_program *program, struct snn_state *state)
{
    for (int32_t i = 0; i < program->population_count; i++) {
        const struct snn_population *p = &program->populations[i];
        for (int32_t n = 0; n < p->size; n++) {
            state->u[p->first_register + n] = register_at(&p->u0, n);
            state->v[p->first_register + n] = register_at(&p->v0, n);
            if (p->refractory)
                state->rest[p->first_register + n] = 0;
        }
    }
    state->step = -1;
    state->failed_population = -1;
}

enum snn_status snn_step(const struct snn_program *program, struct snn_state *state, const int32_t *input)
{
    state->step++;
    for (int32_t i = 0; i < program->input_size; i++)
        state->messages[state->step % program->input_ring * program->input_size + i] = input[i];
    for (int32_t i = 0; i < program->population_count; i++) {
        const struct snn_population *p = &program->populations[program->order[i]];
        enum snn_status status = accumulate(program, state, p);
        if (status == SNN_OK)
            status = update(state, p);
        if (status != SNN_OK) {
            state->failed_population = program->order[i];
            return status;
        }
    }
    return SNN_OK;
}

const uint8_t *snn_spikes(const struct snn_program *program, const struct snn_state *state, int32_t population)
{
    const struct snn_population *p = &program->populations[population];
    return state->spikes + p->first_spike + state->step % p->ring * p->size;
}
