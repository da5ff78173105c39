#include "cnn.h"

#include <stddef.h>

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP
#include <arm_acle.h>
#define DSP 1
#else
#define DSP 0
#endif

_Static_assert((-3 >> 1) == -2, ">> of a negative number must shift the sign in");

#ifdef CNN_PROFILE
extern void cnn_profile(uint32_t layer);
#define PROFILE(layer) cnn_profile(layer)
#else
#define PROFILE(layer) ((void)0)
#endif

static int8_t activations[2][CNN_LARGEST];
static uint32_t columns[2][CNN_COLUMN / 2]; /* two patches of the input, two 16-bit values a word */

static inline int8_t requantised(int32_t sum, const struct cnn_layer *l, uint32_t out)
{
    const uint32_t shift = l->shift[out];
    const int64_t scaled = (int64_t)sum * l->multiplier[out] + (INT64_C(1) << (shift - 1));
    const int32_t value = (int32_t)(scaled >> shift) + l->output_zero;
    return value < l->low ? l->low : value > l->high ? l->high : (int8_t)value;
}

/* Copy the patch that one output position reads, its zero point taken off; what lies outside is 0. */
static void patch(const struct cnn_layer *l, const int8_t *input, int32_t y, int32_t x, uint32_t *column)
{
    uint32_t at = 0;
    uint32_t low = 0;
    for (int32_t ky = 0; ky < l->kernel_height; ky++)
        for (int32_t kx = 0; kx < l->kernel_width; kx++) {
            const int32_t row = y * l->stride_y - l->pad_y + ky, place = x * l->stride_x - l->pad_x + kx;
            const int inside = row >= 0 && row < l->height && place >= 0 && place < l->width;
            const int8_t *from = inside ? input + (row * l->width + place) * l->channels : NULL;
            for (uint32_t c = 0; c < l->channels; c++, at++) {
                const uint32_t value = from != NULL ? (uint32_t)(from[c] - l->input_zero) & 0xFFFFU : 0;
                if (at & 1)
                    column[at / 2] = low | value << 16;
                else
                    low = value;
            }
        }
    if (at & 1)
        column[at / 2] = low;
    for (at = (at + 1) / 2; at & 1; at++)
        column[at] = 0;
}

struct sums {
    int32_t a0, a1, b0, b1; /* row a and b, column 0 and 1 */
};

/* Two rows of weights by two columns, four products each a turn. */
static inline struct sums multiply(const uint32_t *a, const uint32_t *b, const uint32_t *x, const uint32_t *y,
                                   uint32_t words)
{
    struct sums s = {0, 0, 0, 0};
    for (const uint32_t *const end = a + words; a != end; x += 2, y += 2) {
        const uint32_t wa = *a++, wb = *b++;
#if DSP
        const int16x2_t x0 = (int16x2_t)x[0], x1 = (int16x2_t)x[1], y0 = (int16x2_t)y[0], y1 = (int16x2_t)y[1];
        const int16x2_t a0 = __sxtb16((int8x4_t)wa), a1 = __sxtb16((int8x4_t)__ror(wa, 8));
        const int16x2_t b0 = __sxtb16((int8x4_t)wb), b1 = __sxtb16((int8x4_t)__ror(wb, 8));
        s.a0 = __smlad(a1, x1, __smlad(a0, x0, s.a0));
        s.a1 = __smlad(a1, y1, __smlad(a0, y0, s.a1));
        s.b0 = __smlad(b1, x1, __smlad(b0, x0, s.b0));
        s.b1 = __smlad(b1, y1, __smlad(b0, y0, s.b1));
#else
        for (uint32_t half = 0; half < 2; half++) {
            const int32_t a0 = (int8_t)(wa >> 8 * half), a1 = (int8_t)(wa >> (8 * half + 16));
            const int32_t b0 = (int8_t)(wb >> 8 * half), b1 = (int8_t)(wb >> (8 * half + 16));
            const int32_t x0 = (int16_t)x[half], x1 = (int16_t)(x[half] >> 16);
            const int32_t y0 = (int16_t)y[half], y1 = (int16_t)(y[half] >> 16);
            s.a0 += a0 * x0 + a1 * x1;
            s.a1 += a0 * y0 + a1 * y1;
            s.b0 += b0 * x0 + b1 * x1;
            s.b1 += b0 * y0 + b1 * y1;
        }
#endif
    }
    return s;
}

/* Four rows of weights by one vector of 8-bit inputs, whose zero point stands in the bias: a dense layer. */
static inline struct sums multiply_vector(const uint32_t *rows, uint32_t row_words, const int8_t *input, uint32_t words)
{
    struct sums s = {0, 0, 0, 0};
    for (uint32_t i = 0; i < words; i++, rows++, input += 4) {
        const uint32_t a = rows[0], b = rows[row_words], c = rows[2 * row_words], d = rows[3 * row_words];
#if DSP
        uint32_t in;
        __builtin_memcpy(&in, input, 4);
        const int16x2_t even = __sxtb16((int8x4_t)in), odd = __sxtb16((int8x4_t)__ror(in, 8));
        s.a0 = __smlad(__sxtb16((int8x4_t)__ror(a, 8)), odd, __smlad(__sxtb16((int8x4_t)a), even, s.a0));
        s.a1 = __smlad(__sxtb16((int8x4_t)__ror(b, 8)), odd, __smlad(__sxtb16((int8x4_t)b), even, s.a1));
        s.b0 = __smlad(__sxtb16((int8x4_t)__ror(c, 8)), odd, __smlad(__sxtb16((int8x4_t)c), even, s.b0));
        s.b1 = __smlad(__sxtb16((int8x4_t)__ror(d, 8)), odd, __smlad(__sxtb16((int8x4_t)d), even, s.b1));
#else
        for (uint32_t k = 0; k < 4; k++) {
            s.a0 += (int8_t)(a >> 8 * k) * input[k];
            s.a1 += (int8_t)(b >> 8 * k) * input[k];
            s.b0 += (int8_t)(c >> 8 * k) * input[k];
            s.b1 += (int8_t)(d >> 8 * k) * input[k];
        }
#endif
    }
    return s;
}

static void dense(const struct cnn_layer *l, const int8_t *input, int8_t *output)
{
    const uint32_t words = (l->channels + 3U) / 4;
    for (uint32_t o = 0; o < l->outs; o += 4) { /* rows are padded to a multiple of four */
        const struct sums s = multiply_vector(l->weights + o * words, words, input, words);
        const int32_t found[4] = {s.a0, s.a1, s.b0, s.b1};
        for (uint32_t k = 0; k < 4 && o + k < l->outs; k++)
            output[o + k] = requantised(found[k] + l->bias[o + k], l, o + k);
    }
}

static void convolve(const struct cnn_layer *l, const int8_t *input, int8_t *output)
{
    const uint32_t words = ((uint32_t)l->kernel_height * l->kernel_width * l->channels + 3) / 4;
    const uint32_t positions = (uint32_t)l->out_height * l->out_width;
    for (uint32_t p = 0; p < positions; p += 2) {
        const uint32_t q = p + 1 < positions ? p + 1 : p;
        patch(l, input, (int32_t)(p / l->out_width), (int32_t)(p % l->out_width), columns[0]);
        patch(l, input, (int32_t)(q / l->out_width), (int32_t)(q % l->out_width), columns[1]);
        for (uint32_t o = 0; o < l->outs; o += 2) {
            const uint32_t *const a = l->weights + o * words, *const b = o + 1 < l->outs ? a + words : a;
            const struct sums s = multiply(a, b, columns[0], columns[1], words);
            output[p * l->outs + o] = requantised(s.a0 + l->bias[o], l, o);
            output[q * l->outs + o] = requantised(s.a1 + l->bias[o], l, o);
            if (o + 1 == l->outs)
                continue;
            output[p * l->outs + o + 1] = requantised(s.b0 + l->bias[o + 1], l, o + 1);
            output[q * l->outs + o + 1] = requantised(s.b1 + l->bias[o + 1], l, o + 1);
        }
    }
}

const int8_t *cnn_run(const int8_t *input)
{
    const int8_t *from = input;
    for (uint32_t i = 0; i < CNN_LAYERS; i++) {
        const struct cnn_layer *const l = &cnn_layers[i];
        PROFILE(i);
        if (l->height * l->width == 1)
            dense(l, from, activations[i % 2]);
        else
            convolve(l, from, activations[i % 2]);
        from = activations[i % 2];
    }
    PROFILE(CNN_LAYERS);
    return from;
}
