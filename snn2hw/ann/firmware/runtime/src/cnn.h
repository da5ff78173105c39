/* An 8-bit convolutional network as firmware, in the manner of Arm's CMSIS-NN: the same quantisation (x ~ s (q - z), one
 * scale per output channel of the weights), the same instructions (sxtb16, smlad), two columns by two rows at a time.
 * The kernels are our own and straightforward; they are here to be compared with, under the same compiler.
 */
#ifndef CNN_H
#define CNN_H

#include <stdint.h>

#include "cnn_program.h"

/* Channels last, as every layer here reads and writes. A dense layer is a convolution over one position. */
struct cnn_layer {
    const uint32_t *weights;  /* rows of 8-bit weights, four a word in the order 0, 2, 1, 3; padded with zeros */
    const int32_t *bias;      /* per output channel, the input's zero point taken off where nothing is padded */
    const int32_t *multiplier; /* the rescaling of a channel: a 31-bit fraction, */
    const uint8_t *shift;     /* and a shift to the right */
    uint16_t height, width, channels;
    uint16_t out_height, out_width, outs;
    uint8_t kernel_height, kernel_width, stride_y, stride_x, pad_y, pad_x;
    int16_t input_zero;       /* taken off every input */
    int16_t output_zero;
    int8_t low, high;         /* where the activation is clipped: a ReLU is a low end */
};

extern const struct cnn_layer cnn_layers[CNN_LAYERS];

/* Run the network; input is int8_t[CNN_INPUT_SIZE], the result has CNN_OUTPUT_SIZE numbers and lasts until the next run. */
const int8_t *cnn_run(const int8_t *input);

#endif
