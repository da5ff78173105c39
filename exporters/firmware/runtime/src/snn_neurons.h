/* Advancing the neurons of a population by one step: three loops, the shortest first. Not for users. */
#ifndef SNN_NEURONS_H
#define SNN_NEURONS_H

#include <stddef.h>

#include "snn_sums.h"
#include "snn_tables.h"

#define SNN_A_LIMIT (INT32_C(1) << 21)
#define SNN_WRAP (INT64_C(1) << 23)
#define SNN_V_MAX ((INT32_C(1) << 23) - 1)
#define SNN_U_LIMIT (INT64_C(1) << 31)

#if defined(SNN_LONG_MULTIPLY)
/* said by whoever compiles */
#elif defined(__arm__) && !defined(__ARM_ARCH_6M__)
#define SNN_LONG_MULTIPLY 1
#elif defined(__riscv_mul) || UINTPTR_MAX > UINT32_MAX
#define SNN_LONG_MULTIPLY 1
#else
#define SNN_LONG_MULTIPLY 0 /* a product of 64 bits would be a call */
#endif

#ifdef SNN_TRACE
int32_t snn_trace_u[SNN_NEURONS];
#define SNN_TRACE_U(p, n, value) (snn_trace_u[(p)->first + (n)] = (value))
#else
#define SNN_TRACE_U(p, n, value) ((void)0)
#endif

/* x * keep / 2^shift, rounded toward zero, where no product leaves 32 bits. */
static inline int32_t snn_fade_narrow(int32_t x, const struct snn_fade *fade)
{
    const int32_t product = x * fade->keep, rounding = (INT32_C(1) << fade->shift) - 1;
    return (product + ((product >> 31) & rounding)) >> fade->shift;
}

/* x * keep / 4096, rounded toward zero, of any x and 0 <= keep <= 4096. */
static inline int32_t snn_fade_any(int32_t x, uint32_t keep)
{
    const uint32_t sign = (uint32_t)(x >> 31), size = ((uint32_t)x ^ sign) - sign;
#if SNN_LONG_MULTIPLY
    const uint32_t kept = (uint32_t)((uint64_t)size * keep >> 12);
#else
    const uint32_t kept = (size >> 12) * keep + (((size & 4095U) * keep) >> 12);
#endif
    return snn_signed((kept ^ sign) - sign);
}

/* The same where keep < 4096: the higher half of a product. */
static inline int32_t snn_fade_wide(int32_t x, uint32_t keep)
{
#if SNN_LONG_MULTIPLY
    const uint32_t sign = (uint32_t)(x >> 31), size = ((uint32_t)x ^ sign) - sign;
    return snn_signed(((uint32_t)((uint64_t)size * (keep << 20) >> 32) ^ sign) - sign);
#else
    return snn_fade_any(x, keep);
#endif
}

static inline int32_t snn_faded(int32_t x, const struct snn_fade *fade, uint32_t n)
{
    if (fade->narrow)
        return snn_fade_narrow(x, fade);
    return fade->each != NULL ? snn_fade_any(x, fade->each[n]) : snn_fade_wide(x, (uint32_t)fade->keep);
}

/* Where all populations of a loop fade alike, snn_program.h says how, and nothing need be looked up. */
#define SNN_FADE_KNOWN(x, keep, shift, narrow)                                                                         \
    ((narrow) ? (x) * (keep) / (INT32_C(1) << (shift)) : snn_fade_wide(x, (uint32_t)(keep)))
#ifdef SNN_LEAN_V_KEEP
#define SNN_LEAN_V(x, fade) SNN_FADE_KNOWN(x, SNN_LEAN_V_KEEP, SNN_LEAN_V_SHIFT, SNN_LEAN_V_NARROW)
#else
#define SNN_LEAN_V(x, fade) snn_fade_narrow(x, fade)
#endif
#ifdef SNN_LANES_U_KEEP
#define SNN_LANES_U(x, fade, n) SNN_FADE_KNOWN(x, SNN_LANES_U_KEEP, SNN_LANES_U_SHIFT, SNN_LANES_U_NARROW)
#else
#define SNN_LANES_U(x, fade, n) snn_faded(x, fade, n)
#endif
#ifdef SNN_LANES_V_KEEP
#define SNN_LANES_V(x, fade, n) SNN_FADE_KNOWN(x, SNN_LANES_V_KEEP, SNN_LANES_V_SHIFT, SNN_LANES_V_NARROW)
#else
#define SNN_LANES_V(x, fade, n) snn_faded(x, fade, n)
#endif

static SNN_INLINE int32_t snn_raised(int32_t raised, uint32_t sinks)
{
    return sinks && raised < -SNN_V_MAX ? -SNN_V_MAX : raised;
}

static SNN_INLINE void snn_update_pairs(const struct snn_population *p, const struct snn_source *s, uint32_t *spikes,
                                        uint32_t sinks)
{
    const struct snn_fade fade = p->v_fade;
    const int32_t scale = (int16_t)p->banks->scale;
    const uint32_t *sums = p->banks->sums;
    int32_t *v = p->v;
    const struct snn_register *registers = p->registers;
    const uint32_t span = s->span, step = p->register_step;
    const int32_t *const all = v + s->height * s->width * span;
    (void)fade;
    do {
        const struct snn_register *r = registers;
        uint32_t left = span;
        do {
            const uint32_t now = left < 32 ? left : 32;
            const int32_t *const end = v + now;
            uint32_t quiet = 0;
            do {
                const uint32_t pair = *sums++;
                const int32_t bias = r[0].bias, bar = r[0].bar, next_bias = r[1].bias, next_bar = r[1].bar;
                SNN_TRACE_U(p, (uint32_t)(v - p->v), snn_low(pair) * scale);
                SNN_TRACE_U(p, (uint32_t)(v - p->v) + 1, snn_high(pair) * scale);
                /* below is negative where a neuron does not fire: its sign is the inverse of a spike, and a mask */
                const int32_t first = snn_raised(SNN_LEAN_V(v[0], &fade) + (snn_low(pair) * scale + bias), sinks);
                const int32_t next = snn_raised(SNN_LEAN_V(v[1], &fade) + (snn_high(pair) * scale + next_bias), sinks);
                const int32_t below = first - bar, lower = next - next_bar;
                v[0] = first & (below >> 31);
                v[1] = next & (lower >> 31);
                quiet = quiet >> 1 | ((uint32_t)below & 0x80000000U);
                quiet = quiet >> 1 | ((uint32_t)lower & 0x80000000U);
                v += 2, r += 2;
            } while (v != end);
            *spikes++ = ~quiet >> (32 - now);
            left -= now;
        } while (left > 0);
        registers += step;
    } while (v != all);
}

/* One bank of 16 bits, its exponent 0 to 8, no u to keep, no product beyond 32 bits, reset to zero: v cannot clip above
 * without a reset. Most neurons of most programs take this loop, so what it reads is kept in few registers. */
static SNN_OUTLINE void snn_update_lean(const struct snn_population *p, const struct snn_source *s, uint32_t *spikes)
{
    if (p->sinks)
        snn_update_pairs(p, s, spikes, 1);
    else
        snn_update_pairs(p, s, spikes, 0);
}

static inline int32_t snn_left_after(const struct snn_population *p, int32_t v, int32_t count, int32_t theta)
{
    if (p->reset == SNN_RESET_NONE)
        return v;
    return p->reset == SNN_RESET_ZERO ? 0 : v - count * theta;
}

static inline int32_t snn_clip(int32_t v)
{
    if (v > SNN_V_MAX)
        return SNN_V_MAX;
    return v < -SNN_V_MAX ? -SNN_V_MAX : v;
}

/* What arrives at some neurons: the banks, each shifted by its exponent, times 64. */
static inline void snn_arrive(const struct snn_population *p, uint32_t n, uint32_t count, int32_t *arrived)
{
    for (uint32_t i = 0; i < count; i++)
        arrived[i] = 0;
    for (const struct snn_bank *b = p->banks; b != p->banks + p->bank_count; b++) {
        const uint32_t down = b->down;
        const int32_t scale = b->scale;
        const uint32_t *sums = b->sums + (b->bits == 16 ? n / 2 : n);
        int32_t *to = arrived;
        if (b->bits == 16)
            for (const int32_t *const end = to + count; to != end; to += 2) {
                const uint32_t pair = *sums++;
                to[0] += (snn_low(pair) >> down) * scale;
                to[1] += (snn_high(pair) >> down) * scale;
            }
        else
            for (const int32_t *const end = to + count; to != end; to++)
                *to += (snn_signed(*sums++) >> down) * scale;
    }
}

/* Sums proven, u proven: neither leaves the machine, and u does not wrap. */
static SNN_OUTLINE void snn_update_lanes(const struct snn_population *p, const struct snn_source *s, uint32_t *spikes)
{
    const struct snn_fade u_fade = p->u_fade, v_fade = p->v_fade;
    const struct snn_register *registers = p->registers;
    int32_t *const all_u = p->u, *const all_v = p->v, arrived[32];
    uint32_t n = 0;
    (void)u_fade, (void)v_fade;
    for (uint32_t position = 0; position < s->height * s->width; position++, registers += p->register_step) {
        const struct snn_register *r = registers;
        for (uint32_t left = s->span; left > 0;) {
            const uint32_t now = left < 32 ? left : 32;
            uint32_t word = 0;
            snn_arrive(p, n, now, arrived);
            for (uint32_t k = 0; k < now; k++, n++, r++) {
                int32_t u = arrived[k];
                if (all_u != NULL) {
                    u += SNN_LANES_U(all_u[n], &u_fade, n);
                    all_u[n] = u;
                }
                SNN_TRACE_U(p, n, u);
                int32_t v = snn_clip(SNN_LANES_V(all_v[n], &v_fade, n) + u + r->bias);
                if (v >= r->bar) {
                    v = snn_left_after(p, v, 1, r->bar - !p->at_threshold);
                    word |= UINT32_C(1) << k;
                }
                all_v[n] = v;
            }
            *spikes++ = word;
            left -= now;
        }
    }
}

static int32_t snn_spikes_of(const struct snn_population *p, int32_t v, int32_t bar, int32_t theta)
{
    if (v < bar)
        return 0;
    if (p->most <= 1)
        return 1;
    return (v - bar) / theta + 1 < p->most ? (v - bar) / theta + 1 : p->most;
}

/* Everything that a population may be, checked. Returns how many spikes, or -1 where a sum or u leaves the machine. */
static int32_t snn_advance_general(const struct snn_population *p, uint32_t n, const struct snn_register *r)
{
    int64_t a = 0;
    for (const struct snn_bank *b = p->banks; b != p->banks + p->bank_count; b++)
        a += (snn_sum_at(b, n) >> b->down) * (b->scale / 64);
    if (a >= SNN_A_LIMIT || a <= -SNN_A_LIMIT)
        return -1;
    int64_t u = (p->u != NULL ? snn_faded(p->u[n], &p->u_fade, n) : 0) + a * 64;
    u = u > SNN_WRAP ? u - 2 * SNN_WRAP : u <= -SNN_WRAP ? u + 2 * SNN_WRAP : u;
    if (u >= SNN_U_LIMIT || u <= -SNN_U_LIMIT)
        return -1;
    if (p->u != NULL)
        p->u[n] = (int32_t)u;
    SNN_TRACE_U(p, n, (int32_t)u);
    if (p->rest != NULL && p->rest[n] > 0) {
        p->rest[n]--;
        return 0;
    }
    int64_t raised = snn_faded(p->v[n], &p->v_fade, n) + u + r->bias;
    raised = raised > SNN_V_MAX ? SNN_V_MAX : raised < -SNN_V_MAX ? -SNN_V_MAX : raised;
    const int32_t v = (int32_t)raised, theta = r->bar - !p->at_threshold, count = snn_spikes_of(p, v, r->bar, theta);
    p->v[n] = count > 0 ? snn_left_after(p, v, count, theta) : v;
    if (p->rest != NULL && count > 0)
        p->rest[n] = p->refractory;
    return count;
}

static SNN_OUTLINE uint32_t snn_update_general(const struct snn_population *p, const struct snn_source *s,
                                               uint32_t slot)
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
            const int32_t count = snn_advance_general(p, n, &p->registers[position * p->register_step + channel]);
            if (count < 0)
                return 1;
            if (counts != NULL)
                counts[n] = (uint8_t)count;
            else if (count > 0)
                bits[position * s->words + channel / 32] |= UINT32_C(1) << (channel % 32);
        }
    return 0;
}

#endif
