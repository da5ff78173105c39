/* Run the samples of input.bin (their number, uint32, then int8 inputs), write every output to output.bin and the ticks of
 * every layer, uint32, to profile.bin. Compile with CNN_PROFILE.
 */
#include <stddef.h>

#include "cnn.h"
#include "host.h"

static int8_t input[CNN_INPUT_SIZE];
static uint32_t ticks[CNN_LAYERS + 1], parts, latest;

extern void cnn_profile(uint32_t layer);

void cnn_profile(uint32_t layer)
{
    (void)layer;
    ticks[parts++] = (host_ticks() - latest) & HOST_TICKS;
    latest = host_ticks();
}

static void begin(void)
{
    parts = 0;
    latest = host_ticks();
}

static _Noreturn void fail(const char *what)
{
    host_print(what);
    host_exit(2);
}

int main(void)
{
    const int32_t in = host_open("input.bin", 0), out = host_open("output.bin", 1), to = host_open("profile.bin", 1);
    uint32_t samples, stack = 0;
    if (in < 0 || out < 0 || to < 0 || host_read(in, &samples, 4) != 4)
        fail("a file cannot be opened\n");
    begin();
    cnn_profile(0);
    host_write(to, ticks, 4);
    for (uint32_t i = 0; i < samples; i++) {
        if (host_read(in, input, sizeof input) != sizeof input)
            fail("input.bin ends too early\n");
        (void)host_stack();
        begin();
        const int8_t *const scores = cnn_run(input);
        const uint32_t used = host_stack();
        if (used > stack)
            stack = used;
        host_write(out, scores, CNN_OUTPUT_SIZE);
        host_write(to, ticks, sizeof ticks);
    }
    host_write(to, &stack, 4);
    host_exit(0);
}
