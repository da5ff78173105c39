#include "snn.h"

#include <stddef.h>

#include "snn_sums.h"
#include "snn_tables.h"

#define A_LIMIT (INT32_C(1) << 21)
#define WRAP (INT64_C(1) << 23)
#define V_MAX ((INT32_C(1) << 23) - 1)
#define U_LIMIT (INT64_C(1) << 31)

#if defined(__arm__) && !defined(__ARM_ARCH_6M__)
#define LONG_MULTIPLY 1
#elif defined(__riscv_mul) || UINTPTR_MAX > UINT32_MAX
#define LONG_MULTIPLY 1
#else
#define LONG_MULTIPLY 0 /* a product of 64 bits would be a call */
#endif

#ifdef SNN_TRACE
int32_t snn_trace_u[SNN_NEURONS];
#define TRACE_U(p, n, value) (snn_trace_u[(p)->first + (n)] = (value))
#else
#define TRACE_U(p, n, value) ((void)0)
#endif

/* Called before every population and after the last, where one wants to count what each costs. */
#ifdef SNN_PROFILE
extern void snn_profile(uint32_t population);
#define PROFILE(population) snn_profile(population)
#else
#define PROFILE(population) ((void)0)
#endif

static uint32_t slots[SNN_POPULATIONS + 1]; /* where in its ring each source writes in this step */
static uint8_t input_changed;

/* ---- messages ---------------------------------------------------------------------------------------------------- */

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

/* ---- neurons ----------------------------------------------------------------------------------------------------- */

static inline int32_t fade_narrow(int32_t x, const struct snn_fade *fade)
{
    const int32_t product = x * fade->keep, rounding = (INT32_C(1) << fade->shift) - 1;
    return (product + ((product >> 31) & rounding)) >> fade->shift;
}

/* x * keep / 4096, rounded toward zero, of any x and 0 <= keep <= 4096. */
static inline int32_t fade_any(int32_t x, int32_t keep)
{
#if LONG_MULTIPLY
    const int64_t product = (int64_t)x * keep;
    return (int32_t)((product + ((product >> 63) & 4095)) >> 12);
#else
    const uint32_t sign = (uint32_t)(x >> 31), size = ((uint32_t)x ^ sign) - sign, times = (uint32_t)keep;
    const uint32_t kept = (size >> 12) * times + (((size & 4095U) * times) >> 12);
    return snn_signed((kept ^ sign) - sign);
#endif
}

static inline int32_t raised(int32_t kept, int32_t arrived)
{
    return kept + arrived < -V_MAX ? -V_MAX : kept + arrived;
}

static inline int32_t faded(int32_t x, const struct snn_fade *fade, uint32_t n)
{
    if (fade->narrow)
        return fade_narrow(x, fade);
    return fade_any(x, fade->each != NULL ? fade->each[n] : fade->keep);
}

/* One bank of 16 bits, its exponent not negative, no u to keep, no product beyond 32 bits, reset to zero: v cannot clip above
 * without a reset. Most neurons of most programs take this loop, so what it reads is kept in few registers. */
static SNN_OUTLINE void update_lean(const struct snn_population *p, const struct snn_source *s, uint32_t *spikes)
{
    const struct snn_fade fade = p->v_fade;
    const int32_t scale = p->banks->scale;
    const uint32_t *sums = p->banks->sums;
    int32_t *v = p->v;
    const struct snn_register *registers = p->registers;
    for (uint32_t position = 0; position < s->height * s->width; position++, registers += p->register_step) {
        const struct snn_register *r = registers;
        for (uint32_t left = s->span; left > 0;) {
            const uint32_t now = left < 32 ? left : 32;
            const int32_t *const end = v + now;
            uint32_t word = 0;
            for (; v != end; v += 2, r += 2) {
                const uint32_t pair = *sums++;
                TRACE_U(p, (uint32_t)(v - p->v), snn_low(pair) * scale);
                TRACE_U(p, (uint32_t)(v - p->v) + 1, snn_high(pair) * scale);
                const int32_t first = raised(fade_narrow(v[0], &fade), snn_low(pair) * scale + r[0].bias);
                v[0] = first < r[0].bar ? first : 0;
                word = first < r[0].bar ? word >> 1 : word >> 1 | 0x80000000U;
                const int32_t next = raised(fade_narrow(v[1], &fade), snn_high(pair) * scale + r[1].bias);
                v[1] = next < r[1].bar ? next : 0;
                word = next < r[1].bar ? word >> 1 : word >> 1 | 0x80000000U;
            }
            *spikes++ = word >> (32 - now);
            left -= now;
        }
    }
}

static inline int32_t left_after(const struct snn_population *p, int32_t v, int32_t count, int32_t theta)
{
    if (p->reset == SNN_RESET_NONE)
        return v;
    return p->reset == SNN_RESET_ZERO ? 0 : v - count * theta;
}

static inline int32_t clip(int32_t v)
{
    if (v > V_MAX)
        return V_MAX;
    return v < -V_MAX ? -V_MAX : v;
}

/* Sums proven, u proven: neither leaves the machine, and u does not wrap. */
static inline uint32_t advance_lanes(const struct snn_population *p, uint32_t n, const struct snn_register *r,
                                     int32_t a)
{
    int32_t u = a;
    if (p->u != NULL) {
        u += faded(p->u[n], &p->u_fade, n);
        p->u[n] = u;
    }
    TRACE_U(p, n, u);
    const int32_t v = clip(faded(p->v[n], &p->v_fade, n) + u + r->bias);
    const uint32_t fired = v >= r->bar;
    p->v[n] = fired ? left_after(p, v, 1, r->bar - !p->at_threshold) : v;
    return fired;
}

static SNN_OUTLINE void update_lanes(const struct snn_population *p, const struct snn_source *s, uint32_t *spikes)
{
    const struct snn_register *registers = p->registers;
    uint32_t n = 0;
    for (uint32_t position = 0; position < s->height * s->width; position++, registers += p->register_step)
        for (uint32_t channel = 0; channel < s->span;) {
            uint32_t word = 0;
            const uint32_t end = channel + 32 < s->span ? channel + 32 : s->span;
            for (uint32_t bit = 1; channel < end; channel += 2, n += 2, bit <<= 2) {
                int32_t low = 0, high = 0;
                for (const struct snn_bank *b = p->banks; b != p->banks + p->bank_count; b++) {
                    const uint32_t pair = b->bits == 16 ? b->sums[n / 2] : 0;
                    const int32_t first = b->bits == 16 ? snn_low(pair) : snn_signed(b->sums[n]);
                    const int32_t next =
                        b->bits == 16 ? snn_high(pair) : snn_signed(b->sums[n + 1]);
                    low += (first >> b->down) * b->scale;
                    high += (next >> b->down) * b->scale;
                }
                if (advance_lanes(p, n, &registers[channel], low))
                    word |= bit;
                if (advance_lanes(p, n + 1, &registers[channel + 1], high))
                    word |= bit << 1;
            }
            *spikes++ = word;
        }
}

static int32_t spikes_of(const struct snn_population *p, int32_t v, int32_t bar, int32_t theta)
{
    if (v < bar)
        return 0;
    if (p->most <= 1)
        return 1;
    return (v - bar) / theta + 1 < p->most ? (v - bar) / theta + 1 : p->most;
}

/* Everything that a population may be, checked. Returns how many spikes, or -1 where a sum or u leaves the machine. */
static int32_t advance_general(const struct snn_population *p, uint32_t n, const struct snn_register *r)
{
    int64_t a = 0;
    for (const struct snn_bank *b = p->banks; b != p->banks + p->bank_count; b++)
        a += (snn_sum_at(b, n) >> b->down) * (b->scale / 64);
    if (a >= A_LIMIT || a <= -A_LIMIT)
        return -1;
    int64_t u = (p->u != NULL ? faded(p->u[n], &p->u_fade, n) : 0) + a * 64;
    u = u > WRAP ? u - 2 * WRAP : u <= -WRAP ? u + 2 * WRAP : u;
    if (u >= U_LIMIT || u <= -U_LIMIT)
        return -1;
    if (p->u != NULL)
        p->u[n] = (int32_t)u;
    TRACE_U(p, n, (int32_t)u);
    if (p->rest != NULL && p->rest[n] > 0) {
        p->rest[n]--;
        return 0;
    }
    int64_t raised = faded(p->v[n], &p->v_fade, n) + u + r->bias;
    raised = raised > V_MAX ? V_MAX : raised < -V_MAX ? -V_MAX : raised;
    const int32_t v = (int32_t)raised, theta = r->bar - !p->at_threshold, count = spikes_of(p, v, r->bar, theta);
    p->v[n] = count > 0 ? left_after(p, v, count, theta) : v;
    if (p->rest != NULL && count > 0)
        p->rest[n] = p->refractory;
    return count;
}

static SNN_OUTLINE uint32_t update_general(const struct snn_population *p, const struct snn_source *s, uint32_t slot)
{
    const uint32_t positions = s->height * s->width;
    uint32_t *const bits = s->bits == NULL ? NULL : s->bits + slot * positions * s->words;
    uint8_t *const counts = s->counts == NULL ? NULL : s->counts + slot * positions * s->span;
    if (bits != NULL)
        for (uint32_t i = 0; i < positions * s->words; i++)
            bits[i] = 0;
    for (uint32_t position = 0; position < positions; position++)
        for (uint32_t channel = 0; channel < s->channels; channel++) {
            const uint32_t n = position * s->span + channel;
            const int32_t count = advance_general(p, n, &p->registers[position * p->register_step + channel]);
            if (count < 0)
                return 1;
            if (counts != NULL)
                counts[n] = (uint8_t)count;
            else if (count > 0)
                bits[position * s->words + channel / 32] |= UINT32_C(1) << (channel % 32);
        }
    return 0;
}

/* ---- the interface ----------------------------------------------------------------------------------------------- */

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
    uint32_t channel = 0, at = 0;
    for (uint32_t i = 0; i < SNN_INPUT_SIZE; i++) {
        const snn_input_t message = input != NULL ? input[i] : last[at];
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
        update_lean(p, s, spikes);
    if (SNN_USES_LANES && p->kernel == SNN_LANES)
        update_lanes(p, s, spikes);
    if (SNN_USES_GENERAL && p->kernel == SNN_GENERAL)
        return update_general(p, s, slots[index + 1]);
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
