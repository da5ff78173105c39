// Feed the network once a step and print the class whose readout is the highest.
#include <snn.h>

static snn_input_t input[SNN_INPUT_SIZE];
static const uint32_t sizes[SNN_POPULATIONS] = SNN_SIZES;

void setup() {
  Serial.begin(115200);
  snn_init();
}

void loop() {
  for (uint32_t i = 0; i < SNN_INPUT_SIZE; i++) {
    input[i] = 0;  // what your sensor says, SNN_INPUT_LOW .. SNN_INPUT_HIGH
  }
  if (snn_step(input) != 0) {
    snn_init();
  }
  uint32_t best = 0;
  for (uint32_t i = 1; i < sizes[SNN_OUTPUT]; i++) {
    if (snn_read(SNN_V, SNN_OUTPUT, i) > snn_read(SNN_V, SNN_OUTPUT, best)) {
      best = i;
    }
  }
  Serial.println(best);
}
