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

#if defined(__GNUC__)
#define SNN_OUTLINE __attribute__((noinline))
#define SNN_INLINE inline __attribute__((always_inline))
#else
#define SNN_OUTLINE
#define SNN_INLINE inline
#endif

/* Messages that reach one position, each with its row of weights. SNN_ADD_BYTES does not look at the messages: all 1. */
#define SNN_LISTED 48
struct snn_list {
    uint32_t count;
    const uint32_t *rows[SNN_LISTED];
    int32_t messages[SNN_LISTED];
};

/* Add the row of every listed message to the sums of one position. Not inlined: the loop around needs registers too. */
typedef void snn_add(const struct snn_connection *c, const struct snn_list *list, uint32_t *sums);

static inline uint32_t snn_plus(uint32_t sums, uint32_t pair)
{
#if SNN_DSP
    return (uint32_t)__sadd16((int32_t)sums, (int32_t)(pair + ((pair & 0x8000U) << 1)));
#else
    return sums + pair;
#endif
}

/* Fields of 8 bits without a sign, 128 too many in each: SNN_LESS takes them off again. */
#define SNN_BYTE_PAIR 0x00FF00FFU
#define SNN_BIAS_PAIR 0x00800080U
#if SNN_DSP
#define SNN_EVEN(sum, word) ((uint32_t)__uxtab16((int32_t)(sum), (int32_t)(word)))
#define SNN_ODD(sum, word) ((uint32_t)__uxtab16((int32_t)(sum), (int32_t)__ror(word, 8)))
#define SNN_LESS(sum, pair) ((uint32_t)__ssub16((int32_t)(sum), (int32_t)(pair)))
#else
#define SNN_EVEN(sum, word) ((sum) + ((word) & SNN_BYTE_PAIR))
#define SNN_ODD(sum, word) ((sum) + ((word) >> 8 & SNN_BYTE_PAIR))
#define SNN_LESS(sum, pair) ((sum) - (pair))
#endif

/* Words of a row whose sums are kept in registers while the list is walked. */
#if defined(__ARM_ARCH_6M__)
#define SNN_WORDS 1U /* eight registers */
#else
#define SNN_WORDS 4U
#endif
#define SNN_GRADED_WORDS (SNN_WORDS > 2 ? 2U : SNN_WORDS)

/* Add word `at` of every listed row, and those that follow it: `words` of them, at most SNN_WORDS. */
static SNN_INLINE void snn_add_words(const struct snn_list *list, uint32_t *sums, uint32_t at, uint32_t words)
{
    const uint32_t less = list->count * SNN_BIAS_PAIR;
    uint32_t *const to = sums + 2 * at;
    uint32_t even0 = SNN_LESS(to[0], less), odd0 = SNN_LESS(to[1], less);
    uint32_t even1 = 0, odd1 = 0, even2 = 0, odd2 = 0, even3 = 0, odd3 = 0;
    if (words > 1)
        even1 = SNN_LESS(to[2], less), odd1 = SNN_LESS(to[3], less);
    if (words > 2)
        even2 = SNN_LESS(to[4], less), odd2 = SNN_LESS(to[5], less);
    if (words > 3)
        even3 = SNN_LESS(to[6], less), odd3 = SNN_LESS(to[7], less);
    const uint32_t *const *listed = list->rows;
    const uint32_t *const *const end = listed + list->count;
    do {
        const uint32_t *const row = *listed++ + at;
        even0 = SNN_EVEN(even0, row[0]), odd0 = SNN_ODD(odd0, row[0]);
        if (words > 1)
            even1 = SNN_EVEN(even1, row[1]), odd1 = SNN_ODD(odd1, row[1]);
        if (words > 2)
            even2 = SNN_EVEN(even2, row[2]), odd2 = SNN_ODD(odd2, row[2]);
        if (words > 3)
            even3 = SNN_EVEN(even3, row[3]), odd3 = SNN_ODD(odd3, row[3]);
    } while (listed != end);
    to[0] = even0, to[1] = odd0;
    if (words > 1)
        to[2] = even1, to[3] = odd1;
    if (words > 2)
        to[4] = even2, to[5] = odd2;
    if (words > 3)
        to[6] = even3, to[7] = odd3;
}

/* Weights of 8 bits, messages of 1, sums of 16 bits: what most programs do most of the time. */
static SNN_OUTLINE void snn_add_bytes(const struct snn_connection *c, const struct snn_list *list, uint32_t *sums)
{
    const uint32_t words = c->row_words;
    uint32_t at = 0;
    for (; at + SNN_WORDS <= words; at += SNN_WORDS)
        snn_add_words(list, sums, at, SNN_WORDS);
    if (SNN_WORDS > 1 && words - at == 1)
        snn_add_words(list, sums, at, 1);
    if (SNN_WORDS > 2 && words - at == 2)
        snn_add_words(list, sums, at, 2);
    if (SNN_WORDS > 3 && words - at == 3)
        snn_add_words(list, sums, at, 3);
}

static SNN_INLINE void snn_add_products(const struct snn_list *list, uint32_t *sums, uint32_t less, uint32_t at,
                                        uint32_t words)
{
    uint32_t *const to = sums + 2 * at;
    uint32_t even0 = less, odd0 = less, even1 = less, odd1 = less; /* each pair is one number */
    const uint32_t *const *listed = list->rows;
    const uint32_t *const *const end = listed + list->count;
    const int32_t *message = list->messages;
    do {
        const uint32_t *const row = *listed++ + at;
        const uint32_t times = (uint32_t)*message++;
        even0 += times * (row[0] & SNN_BYTE_PAIR), odd0 += times * (row[0] >> 8 & SNN_BYTE_PAIR);
        if (words > 1)
            even1 += times * (row[1] & SNN_BYTE_PAIR), odd1 += times * (row[1] >> 8 & SNN_BYTE_PAIR);
    } while (listed != end);
    to[0] = snn_plus(to[0], even0), to[1] = snn_plus(to[1], odd0);
    if (words > 1)
        to[2] = snn_plus(to[2], even1), to[3] = snn_plus(to[3], odd1);
}

static SNN_OUTLINE void snn_add_bytes_graded(const struct snn_connection *c, const struct snn_list *list,
                                             uint32_t *sums)
{
    const uint32_t words = c->row_words;
    uint32_t less = 0, at = 0;
    for (uint32_t i = 0; i < list->count; i++)
        less -= (uint32_t)list->messages[i];
    less *= SNN_BIAS_PAIR;
    for (; at + SNN_GRADED_WORDS <= words; at += SNN_GRADED_WORDS)
        snn_add_products(list, sums, less, at, SNN_GRADED_WORDS);
    if (at < words)
        snn_add_products(list, sums, less, at, 1);
}

/* Weights of 2, 4 or 16 bits, any messages, sums of 16 bits. */
static SNN_OUTLINE void snn_add_lanes(const struct snn_connection *c, const struct snn_list *list, uint32_t *sums)
{
    const uint32_t mask = c->mask, sign = c->sign, bits = c->bits;
    uint32_t *const end = sums + (c->outs + 1) / 2;
    for (uint32_t i = 0; i < list->count; i++) {
        const uint32_t times = (uint32_t)list->messages[i], *row = list->rows[i];
        for (uint32_t *to = sums; to != end;) {
            uint32_t word = *row++;
            for (uint32_t used = 0; used < 16 && to != end; used += bits, to++, word >>= bits & 15)
                *to = snn_plus(*to, times * snn_pair(word, mask, sign));
        }
    }
}

/* Any weights, any messages, sums of 32 bits. */
static SNN_OUTLINE void snn_add_32(const struct snn_connection *c, const struct snn_list *list, uint32_t *sums)
{
    const uint32_t mask = c->mask, sign = c->sign, bits = c->bits;
    uint32_t *const end = sums + c->outs;
    for (uint32_t i = 0; i < list->count; i++) {
        const uint32_t times = (uint32_t)list->messages[i], *row = list->rows[i];
        for (uint32_t *to = sums; to != end;) {
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
static SNN_OUTLINE void snn_add_64(const struct snn_connection *c, const struct snn_list *list, uint32_t *sums)
{
    const uint32_t bits = c->bits, per_word = 32 / bits;
    for (uint32_t i = 0; i < list->count; i++) {
        const uint32_t *const row = list->rows[i];
        for (uint32_t o = 0; o < c->outs; o++) {
            const uint32_t within = o % per_word, at = bits == 32 ? 0 : within / 2 * bits + within % 2 * 16;
            const uint32_t word = row[o / per_word] >> at;
            const int32_t weight = bits == 32 ? snn_signed(word) : snn_field(word, c->mask, c->sign);
            snn_add_to_64(sums + 2 * o, (int64_t)list->messages[i] * weight);
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
