/* Adding a row of weights to a row of sums: the inner loops. Not for users.
 *
 * Two sums of 16 bits share a word and are added at once. Without DSP instructions a pair is one number, high * 2^16 +
 * low: adding and multiplying such numbers modulo 2^32 adds and multiplies both, as long as each result fits 16 bits in
 * the end, which the exporter has proven of every input. What stands in between does not matter.
 */
#ifndef SNN_SUMS_H
#define SNN_SUMS_H

#include "snn_tables.h"

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP && !defined(SNN_NO_DSP)
#include <arm_acle.h>
#define SNN_DSP 1
#else
#define SNN_DSP 0
#endif

/* What C11 leaves to the compiler, and every compiler for these processors does. */
_Static_assert((-3 >> 1) == -2, ">> of a negative number must shift the sign in");
_Static_assert((int32_t)UINT32_C(0xFFFFFFFF) == -1, "conversion to int32_t must wrap");

static inline int32_t snn_signed(uint32_t word)
{
    return (int32_t)word;
}

static inline int32_t snn_low(uint32_t pair)
{
    return snn_signed((pair & 0xFFFFU) ^ 0x8000U) - 0x8000;
}

/* With DSP instructions the two are apart; without, a negative low one has borrowed from the high one. */
static inline int32_t snn_high(uint32_t pair)
{
    return snn_signed(SNN_DSP ? pair : pair - (uint32_t)snn_low(pair)) >> 16;
}

/* Two fields as one number: `sign` is the highest bit of each. */
static inline uint32_t snn_pair(uint32_t fields, uint32_t mask, uint32_t sign)
{
    return ((fields & mask) ^ sign) - sign;
}

static inline int32_t snn_field(uint32_t fields, uint32_t mask, uint32_t sign)
{
    return snn_signed(((fields & mask & 0xFFFFU) ^ (sign & 0xFFFFU)) - (sign & 0xFFFFU));
}

/* The messages among 32 channels of one position. */
struct snn_list {
    uint32_t count;
    uint32_t channel[32];
    int32_t message[32];
};

/* Add the row of every listed message to the sums of one position. Not inlined: the loop around needs registers too. */
typedef void snn_add(const struct snn_connection *c, const struct snn_list *list, uint32_t *sums,
                     const uint32_t *weights);

#if defined(__GNUC__)
#define SNN_OUTLINE __attribute__((noinline))
#else
#define SNN_OUTLINE
#endif

/* Where the outputs of a channel's group begin. */
static inline uint32_t *snn_group(const struct snn_connection *c, uint32_t *sums, uint32_t channel)
{
    return c->group == 0 ? sums : sums + channel / c->group * c->group_words;
}

static inline uint32_t snn_plus(uint32_t sums, uint32_t pair)
{
#if SNN_DSP
    return (uint32_t)__sadd16((int32_t)sums, (int32_t)(pair + ((pair & 0x8000U) << 1)));
#else
    return sums + pair;
#endif
}

#if SNN_DSP
#define SNN_EVEN(sum, word) ((uint32_t)__sxtab16((int32_t)(sum), (int32_t)(word)))
#define SNN_ODD(sum, word) ((uint32_t)__sxtab16((int32_t)(sum), (int32_t)__ror(word, 8)))
#else
#define SNN_EVEN(sum, word) ((sum) + snn_pair(word, 0x00FF00FFU, 0x00800080U))
#define SNN_ODD(sum, word) ((sum) + snn_pair((word) >> 8, 0x00FF00FFU, 0x00800080U))
#endif

/* Weights of 8 bits, messages of 1, sums of 16 bits: what most programs do most of the time. */
static SNN_OUTLINE void snn_add_bytes(const struct snn_connection *c, const struct snn_list *list, uint32_t *sums,
                                      const uint32_t *weights)
{
    const uint32_t pairs = (c->outs + 1) / 2, row_words = c->row_words;
    const uint32_t *channel = list->channel;
    for (const uint32_t *const last = channel + list->count; channel != last; channel++) {
        const uint32_t *row = weights + *channel * row_words;
        uint32_t *to = snn_group(c, sums, *channel);
        for (uint32_t *const end = to + (pairs & ~1U); to != end; to += 2) {
            const uint32_t word = *row++, even = to[0], odd = to[1];
            to[0] = SNN_EVEN(even, word);
            to[1] = SNN_ODD(odd, word);
        }
        if (pairs & 1)
            to[0] = SNN_EVEN(to[0], *row);
    }
}

static SNN_OUTLINE void snn_add_bytes_graded(const struct snn_connection *c, const struct snn_list *list,
                                             uint32_t *sums, const uint32_t *weights)
{
    const uint32_t pairs = (c->outs + 1) / 2;
    for (uint32_t i = 0; i < list->count; i++) {
        const uint32_t times = (uint32_t)list->message[i], *row = weights + list->channel[i] * c->row_words;
        uint32_t *to = snn_group(c, sums, list->channel[i]);
        for (uint32_t *const end = to + pairs / 2 * 2; to != end; row++, to += 2) {
            const uint32_t word = *row;
            to[0] = snn_plus(to[0], times * snn_pair(word, 0x00FF00FFU, 0x00800080U));
            to[1] = snn_plus(to[1], times * snn_pair(word >> 8, 0x00FF00FFU, 0x00800080U));
        }
        if (pairs & 1)
            to[0] = snn_plus(to[0], times * snn_pair(*row, 0x00FF00FFU, 0x00800080U));
    }
}

/* Weights of 2, 4, 8 or 16 bits, any messages, sums of 16 bits. */
static SNN_OUTLINE void snn_add_lanes(const struct snn_connection *c, const struct snn_list *list, uint32_t *sums,
                                      const uint32_t *weights)
{
    const uint32_t mask = c->mask, sign = c->sign, bits = c->bits;
    for (uint32_t i = 0; i < list->count; i++) {
        const uint32_t times = (uint32_t)list->message[i], *row = weights + list->channel[i] * c->row_words;
        uint32_t *to = snn_group(c, sums, list->channel[i]);
        for (uint32_t *const end = to + (c->outs + 1) / 2; to != end;) {
            uint32_t word = *row++;
            for (uint32_t used = 0; used < 16 && to != end; used += bits, to++, word >>= bits & 15)
                *to = snn_plus(*to, times * snn_pair(word, mask, sign));
        }
    }
}

/* Any weights, any messages, sums of 32 bits. */
static SNN_OUTLINE void snn_add_32(const struct snn_connection *c, const struct snn_list *list, uint32_t *sums,
                                   const uint32_t *weights)
{
    const uint32_t mask = c->mask, sign = c->sign, bits = c->bits;
    for (uint32_t i = 0; i < list->count; i++) {
        const uint32_t times = (uint32_t)list->message[i], *row = weights + list->channel[i] * c->row_words;
        uint32_t *to = snn_group(c, sums, list->channel[i]);
        for (uint32_t *const end = to + c->outs; to != end;) {
            uint32_t word = *row++;
            if (bits == 32)
                *to++ += times * word;
            for (uint32_t used = 0; bits < 32 && used < 16 && to != end; used += bits, word >>= bits & 15) {
                *to++ += times * (uint32_t)snn_field(word, mask, sign);
                if (to != end)
                    *to++ += times * (uint32_t)snn_field(word >> 16, mask, sign);
            }
        }
    }
}

static inline void snn_add_to_64(uint32_t *sum, int64_t product)
{
    const uint64_t before = (uint64_t)sum[1] << 32 | sum[0], after = before + (uint64_t)product;
    sum[0] = (uint32_t)after;
    sum[1] = (uint32_t)(after >> 32);
}

/* Any weights, any messages, sums of 64 bits. */
static SNN_OUTLINE void snn_add_64(const struct snn_connection *c, const struct snn_list *list, uint32_t *sums,
                                   const uint32_t *weights)
{
    const uint32_t bits = c->bits, per_word = 32 / bits;
    for (uint32_t i = 0; i < list->count; i++) {
        const uint32_t *const row = weights + list->channel[i] * c->row_words;
        uint32_t *const to = snn_group(c, sums, list->channel[i]);
        for (uint32_t o = 0; o < c->outs; o++) {
            const uint32_t within = o % per_word, at = bits == 32 ? 0 : within / 2 * bits + within % 2 * 16;
            const uint32_t word = row[o / per_word] >> at;
            const int32_t weight = bits == 32 ? snn_signed(word) : snn_field(word, c->mask, c->sign);
            snn_add_to_64(to + 2 * o, (int64_t)list->message[i] * weight);
        }
    }
}

/* One sum of a bank, whatever its width. */
static inline int64_t snn_sum_at(const struct snn_bank *bank, uint32_t n)
{
    if (bank->bits == 16) {
        const uint32_t pair = bank->sums[n / 2];
        return n & 1 ? snn_high(pair) : snn_low(pair);
    }
    if (bank->bits == 32)
        return snn_signed(bank->sums[n]);
    return (int64_t)((uint64_t)bank->sums[2 * n + 1] << 32 | bank->sums[2 * n]);
}

#endif
