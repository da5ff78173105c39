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

/* Messages of a connection on their way to one position and one group of outputs. */
struct delivery {
    const struct snn_connection *c;
    const struct snn_source *s;
    snn_add *add;
    uint32_t *sums;
    uint32_t base; /* the first position of the step that is read */
    uint32_t from; /* the group's first channel */
    struct snn_list list;
};

/* Rows and columns of the source that one position of the target reads. */
struct window {
    const struct snn_tap *row, *row_end, *column, *column_end;
};

static uint32_t add_listed(struct delivery *d, uint32_t count)
{
    d->list.count = count;
    if (count > 0)
        d->add(d->c, &d->list, d->sums);
    return 0;
}

static SNN_INLINE uint32_t list_word(struct delivery *d, uint32_t count, uint32_t bits, const uint32_t *weights,
                                     uint32_t row_words)
{
    if (bits == 0)
        return count;
    if (count > SNN_LISTED - 32)
        count = add_listed(d, count);
    do {
        d->list.rows[count++] = weights + lowest_bit(bits) * row_words;
        bits &= bits - 1;
    } while (bits != 0);
    return count;
}

/* List spikes that stand as bits, of all channels. */
static SNN_OUTLINE void list_bits(struct delivery *d, const struct window *w)
{
    const uint32_t row_words = d->c->row_words, words = d->s->words, channel_words = d->s->channels * row_words;
    uint32_t count = 0;
    for (const struct snn_tap *row = w->row; row != w->row_end; row++)
        for (const struct snn_tap *column = w->column; column != w->column_end; column++) {
            const uint32_t *word = d->s->bits + (d->base + row->source + column->source) * words;
            const uint32_t *weights = d->c->weights + row->weights + column->weights;
            const uint32_t *const end = word + column->count * words;
            if (words == 1)
                for (; word != end; weights += channel_words)
                    count = list_word(d, count, *word++, weights, row_words);
            for (; word != end; weights += channel_words)
                for (uint32_t k = 0; k < words; k++)
                    count = list_word(d, count, *word++, weights + 32 * k * row_words, row_words);
        }
    add_listed(d, count);
}

static inline int32_t message_at(const struct snn_source *s, uint32_t position, uint32_t channel)
{
    if (s->values != NULL)
        return s->values[position * s->span + channel];
    if (s->counts != NULL)
        return s->counts[position * s->span + channel];
    return s->bits[position * s->words + channel / 32] >> channel % 32 & 1U;
}

static inline uint32_t list_one(struct delivery *d, uint32_t count, const uint32_t *row, int32_t message)
{
    if (count == SNN_LISTED)
        count = add_listed(d, count);
    d->list.rows[count] = row;
    d->list.messages[count] = message;
    return count + 1;
}

/* List any messages of the channels of a group. */
static SNN_OUTLINE void list_messages(struct delivery *d, const struct window *w)
{
    const struct snn_source *const s = d->s;
    const uint32_t row_words = d->c->row_words;
    uint32_t count = 0;
    for (const struct snn_tap *row = w->row; row != w->row_end; row++)
        for (const struct snn_tap *column = w->column; column != w->column_end; column++)
            for (uint32_t k = 0; k < column->count; k++) {
                const uint32_t *weights = d->c->weights + row->weights + column->weights + k * s->channels * row_words;
                for (uint32_t channel = d->from; channel < d->from + d->c->group; channel++) {
                    const int32_t message = message_at(s, d->base + row->source + column->source + k, channel);
                    if (message != 0)
                        count = list_one(d, count, weights + channel * row_words, message);
                }
            }
    add_listed(d, count);
}

/* List the input's messages, of all channels: what one row of the window reads stands in one piece. */
static SNN_OUTLINE void list_values(struct delivery *d, const struct window *w)
{
    const uint32_t row_words = d->c->row_words, channels = d->s->channels;
    uint32_t count = 0;
    for (const struct snn_tap *row = w->row; row != w->row_end; row++)
        for (const struct snn_tap *column = w->column; column != w->column_end; column++) {
            const snn_input_t *value = d->s->values + (d->base + row->source + column->source) * channels;
            const snn_input_t *const end = value + column->count * channels;
            const uint32_t *weights = d->c->weights + row->weights + column->weights;
            for (; value != end; value++, weights += row_words)
                if (*value != 0)
                    count = list_one(d, count, weights, *value);
        }
    add_listed(d, count);
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
    struct delivery d;
    d.c = c;
    d.s = s;
    d.add = adding[c->kernel];
    d.base = from * s->height * s->width;
    for (uint32_t i = 0; i < SNN_LISTED && c->kernel != SNN_ADD_BYTES; i++)
        d.list.messages[i] = 1;
    for (uint32_t y = 0; y < c->height; y++)
        for (uint32_t x = 0; x < c->width; x++, sums += c->position_words) {
            const struct window w = {
                .row = c->rows.taps + c->rows.first[y],
                .row_end = c->rows.taps + c->rows.first[y + 1],
                .column = c->columns.taps + c->columns.first[x],
                .column_end = c->columns.taps + c->columns.first[x + 1],
            };
            d.sums = sums;
            d.from = 0;
            if (c->groups == 1 && s->bits != NULL)
                list_bits(&d, &w);
            else if (c->groups == 1 && s->values != NULL)
                list_values(&d, &w);
            else
                for (; d.from < s->channels; d.from += c->group, d.sums += c->group_words)
                    list_messages(&d, &w);
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

/* Whether the input is what stands there: where both are aligned, four words at a time. */
static inline uint32_t is_equal(const snn_input_t *one, const snn_input_t *other)
{
    uint32_t at = 0;
#if defined(__GNUC__)
    enum { EACH = 4 / sizeof(snn_input_t) };
    const uint32_t unaligned = ((uintptr_t)one | (uintptr_t)other) % 4;
    for (; !unaligned && at + 4 * EACH <= SNN_INPUT_SIZE; at += 4 * EACH) {
        uint32_t left[4], right[4];
        __builtin_memcpy(left, __builtin_assume_aligned(one + at, 4), 16);
        __builtin_memcpy(right, __builtin_assume_aligned(other + at, 4), 16);
        if ((left[0] ^ right[0]) | (left[1] ^ right[1]) | (left[2] ^ right[2]) | (left[3] ^ right[3]))
            return 0;
    }
#endif
    while (at < SNN_INPUT_SIZE && one[at] == other[at])
        at++;
    return at == SNN_INPUT_SIZE;
}

/* Copy the input into its ring, channels last, and find out whether it is that of the step before. */
static SNN_OUTLINE void take_input(const snn_input_t *input)
{
    const struct snn_source *const s = &snn_sources[0];
    const uint32_t slot = slots[0], before = slot > 0 ? slot - 1 : s->ring - 1;
    snn_input_t *to = s->values + slot * SNN_INPUT_SIZE;
    const snn_input_t *last = s->values + before * SNN_INPUT_SIZE;
    if (input == NULL) {
        for (uint32_t i = 0; i < SNN_INPUT_SIZE && s->ring > 1; i++)
            to[i] = last[i];
        return;
    }
    if (SNN_INPUT_CHANNELS == 1 && s->ring == 1 && is_equal(input, last))
        return;
    for (uint32_t channel = 0; channel < SNN_INPUT_CHANNELS; channel++)
        for (uint32_t at = channel; at < SNN_INPUT_SIZE; at += SNN_INPUT_CHANNELS) {
            const snn_input_t message = *input++;
            if (message != last[at])
                input_changed = 1;
            to[at] = message;
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
