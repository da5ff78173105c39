#include "snn.h"

#include <stddef.h>

#include "snn_neurons.h"
#include "snn_sums.h"
#include "snn_tables.h"

/* Called before every population and after the last, where one wants to count what each costs. */
#ifdef SNN_PROFILE
extern void snn_profile(uint32_t population);
#define PROFILE(population) snn_profile(population)
#else
#define PROFILE(population) ((void)0)
#endif

static uint32_t slots[SNN_POPULATIONS + 1]; /* where in its ring each source writes in this step */
static uint8_t input_changed;

static inline uint32_t lowest_bit(uint32_t bits)
{
#if defined(__GNUC__)
    return (uint32_t)__builtin_ctz(bits);
#else
    uint32_t at = 0;
    while ((bits >> at & 1U) == 0)
        at++;
    return at;
#endif
}

/* List the messages among 32 channels of one position, counted through the ring. */
static inline void list_messages(const struct snn_source *s, uint32_t position, uint32_t word, struct snn_list *list)
{
    uint32_t count = 0;
    if (s->bits != NULL) {
        for (uint32_t bits = s->bits[position * s->words + word]; bits != 0; bits &= bits - 1) {
            list->channel[count] = word * 32 + lowest_bit(bits);
            list->message[count++] = 1;
        }
        list->count = count;
        return;
    }
    const uint32_t end = word * 32 + 32 < s->channels ? word * 32 + 32 : s->channels;
    for (uint32_t channel = word * 32; channel < end; channel++) {
        const uint32_t at = position * s->span + channel;
        const int32_t message = s->values != NULL ? (int32_t)s->values[at] : (int32_t)s->counts[at];
        if (message != 0) {
            list->channel[count] = channel;
            list->message[count++] = message;
        }
    }
    list->count = count;
}

/* Every row and column of a kernel that the messages of one position meet. */
static inline void add_taps(const struct snn_connection *c, const struct snn_list *list, uint32_t *sums, uint32_t y,
                            uint32_t x, snn_add *add)
{
    const struct snn_tap *const row_end = c->rows.taps + c->rows.first[y + 1];
    const struct snn_tap *const first = c->columns.taps + c->columns.first[x];
    const struct snn_tap *const column_end = c->columns.taps + c->columns.first[x + 1];
    for (const struct snn_tap *row = c->rows.taps + c->rows.first[y]; row != row_end; row++)
        for (const struct snn_tap *column = first; column != column_end; column++)
            add(c, list, sums + row->sums + column->sums, c->weights + row->weights + column->weights);
}

static SNN_OUTLINE void deliver(const struct snn_connection *c, uint32_t *sums)
{
    static snn_add *const adding[] = {
        [SNN_ADD_BYTES] = SNN_USES_ADD_BYTES ? snn_add_bytes : NULL,
        [SNN_ADD_BYTES_GRADED] = SNN_USES_ADD_BYTES_GRADED ? snn_add_bytes_graded : NULL,
        [SNN_ADD_LANES] = SNN_USES_ADD_LANES ? snn_add_lanes : NULL,
        [SNN_ADD_32] = SNN_USES_ADD_32 ? snn_add_32 : NULL,
        [SNN_ADD_64] = SNN_USES_ADD_64 ? snn_add_64 : NULL,
    };
    const struct snn_source *const s = &snn_sources[c->source];
    const uint32_t slot = slots[c->source], from = slot >= c->lag ? slot - c->lag : slot + s->ring - c->lag;
    uint32_t position = from * s->height * s->width;
    const uint32_t *matrix = c->weights;
    struct snn_list list;
    for (uint32_t y = 0; y < s->height; y++)
        for (uint32_t x = 0; x < s->width; x++, position++, matrix += s->channels * c->row_words)
            for (uint32_t word = 0; word < s->words; word++) {
                list_messages(s, position, word, &list);
                if (list.count == 0)
                    continue;
                if (c->rows.taps != NULL)
                    add_taps(c, &list, sums, y, x, adding[c->kernel]);
                else
                    adding[c->kernel](c, &list, sums, matrix);
            }
}

static void accumulate(const struct snn_population *p)
{
    for (uint32_t b = 0; b < p->bank_count; b++)
        for (uint32_t i = 0; i < p->banks[b].words; i++)
            p->banks[b].sums[i] = 0;
    for (uint32_t i = 0; i < p->connection_count; i++)
        deliver(&p->connections[i], p->banks[p->connections[i].bank].sums);
}

void snn_init(void)
{
    for (uint32_t i = 0; i <= SNN_POPULATIONS; i++) {
        const struct snn_source *const s = &snn_sources[i];
        const uint32_t positions = s->ring * s->height * s->width;
        for (uint32_t k = 0; k < positions * s->span; k++) {
            if (s->values != NULL)
                s->values[k] = 0;
            if (s->counts != NULL)
                s->counts[k] = 0;
        }
        for (uint32_t k = 0; s->bits != NULL && k < positions * s->words; k++)
            s->bits[k] = 0;
        slots[i] = 0;
    }
    for (uint32_t i = 0; i < SNN_POPULATIONS; i++) {
        const struct snn_population *const p = &snn_populations[i];
        const struct snn_source *const s = &snn_sources[i + 1];
        for (uint32_t n = 0; n < s->height * s->width * s->span; n++) {
            p->v[n] = p->v0 != NULL ? p->v0[n] : 0;
            if (p->u != NULL)
                p->u[n] = p->u0 != NULL ? p->u0[n] : 0;
            if (p->rest != NULL)
                p->rest[n] = 0;
        }
    }
    input_changed = 1;
}

/* Copy the input into its ring, channels last, and find out whether it is that of the step before. */
static SNN_OUTLINE void take_input(const snn_input_t *input)
{
    const struct snn_source *const s = &snn_sources[0];
    const uint32_t slot = slots[0], before = slot > 0 ? slot - 1 : s->ring - 1;
    snn_input_t *const to = s->values + slot * SNN_INPUT_SIZE;
    const snn_input_t *const last = s->values + before * SNN_INPUT_SIZE;
    if (input == NULL) {
        for (uint32_t i = 0; i < SNN_INPUT_SIZE && s->ring > 1; i++)
            to[i] = last[i];
        return;
    }
    uint32_t channel = 0, at = 0;
    for (const snn_input_t *const end = input + SNN_INPUT_SIZE; input != end; input++) {
        const snn_input_t message = *input;
        if (message != last[at])
            input_changed = 1;
        to[at] = message;
        at += SNN_INPUT_CHANNELS;
        if (SNN_INPUT_CHANNELS > 1 && at >= SNN_INPUT_SIZE)
            at = ++channel;
    }
}

static uint32_t compute(uint32_t index)
{
    const struct snn_population *const p = &snn_populations[index];
    const struct snn_source *const s = &snn_sources[index + 1];
    if (!p->held || input_changed)
        accumulate(p);
    uint32_t *const spikes = s->bits + slots[index + 1] * s->height * s->width * s->words;
    if (SNN_USES_LEAN && p->kernel == SNN_LEAN)
        snn_update_lean(p, s, spikes);
    if (SNN_USES_LANES && p->kernel == SNN_LANES)
        snn_update_lanes(p, s, spikes);
    if (SNN_USES_GENERAL && p->kernel == SNN_GENERAL)
        return snn_update_general(p, s, slots[index + 1]);
    return 0;
}

uint32_t snn_step(const snn_input_t *input)
{
    for (uint32_t i = 0; i <= SNN_POPULATIONS; i++)
        slots[i] = slots[i] + 1 < snn_sources[i].ring ? slots[i] + 1 : 0;
    take_input(input);
    for (uint32_t i = 0; i < SNN_POPULATIONS; i++) {
        PROFILE(snn_order[i]);
        if (compute(snn_order[i]))
            return 1 + snn_order[i];
    }
    PROFILE(SNN_POPULATIONS);
    input_changed = 0;
    return 0;
}

int32_t snn_read(enum snn_what what, uint32_t population, uint32_t neuron)
{
    const struct snn_population *const p = &snn_populations[population];
    const struct snn_source *const s = &snn_sources[population + 1];
    const uint32_t positions = s->height * s->width, channel = neuron / positions, position = neuron % positions;
    const uint32_t n = position * s->span + channel, at = slots[population + 1] * positions;
    switch (what) {
    case SNN_SPIKES:
        if (s->counts != NULL)
            return s->counts[at * s->span + n];
        return s->bits[(at + position) * s->words + channel / 32] >> (channel % 32) & 1U;
    case SNN_V:
        return p->v[n];
    case SNN_U:
        break;
    }
#ifdef SNN_TRACE
    return snn_trace_u[p->first + n];
#else
    return p->u != NULL ? p->u[n] : 0;
#endif
}
