/* Replay golden vectors, or run a raster.
 *
 *   snn golden.bin            compare with what is recorded there; prints "equal" or the first difference
 *   snn INPUT.bin OUTPUT.bin  run every sample and write the states (int32) and spikes (uint8) of every step
 *
 * Files are little-endian. INPUT.bin: samples, steps (uint32), then samples x steps x SNN_INPUT_SIZE int32 messages.
 * golden.bin: the same, followed by what OUTPUT.bin would hold: for every sample and step, for every population in the
 * order of program.c, its states (u, v), its spikes.
 */
#include <stdio.h>
#include <string.h>

#include "program.h"

#ifndef SNN_REGISTERS /* what a neuron keeps, unless the runtime names something else */
#define SNN_REGISTERS {snn_state.u, snn_state.v}
#define SNN_REGISTER_NAMES {"u", "v"}
#define SNN_REGISTER_COUNT 2
#endif

static int32_t input[SNN_INPUT_SIZE];

static int read_int32(FILE *file, int32_t *value)
{
    unsigned char b[4];
    if (fread(b, 1, 4, file) != 4)
        return 0;
    const uint32_t bits = (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
    memcpy(value, &bits, sizeof bits);
    return 1;
}

static int write_int32(FILE *file, int32_t value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    const unsigned char b[4] = {(unsigned char)bits, (unsigned char)(bits >> 8), (unsigned char)(bits >> 16),
                                (unsigned char)(bits >> 24)};
    return fwrite(b, 1, 4, file) == 4;
}

static int read_input(FILE *file)
{
    for (int32_t i = 0; i < SNN_INPUT_SIZE; i++)
        if (!read_int32(file, &input[i]))
            return 0;
    return 1;
}

static int write_step(FILE *file)
{
    const int32_t *const registers[SNN_REGISTER_COUNT] = SNN_REGISTERS;
    for (int32_t i = 0; i < snn_program.population_count; i++) {
        const struct snn_population *p = &snn_program.populations[i];
        for (int which = 0; which < SNN_REGISTER_COUNT; which++)
            for (int32_t n = 0; n < p->size; n++)
                if (!write_int32(file, registers[which][p->first_register + n]))
                    return 0;
        if (fwrite(snn_spikes(&snn_program, &snn_state, i), 1, (size_t)p->size, file) != (size_t)p->size)
            return 0;
    }
    return 1;
}

static int differs(const char *name, const char *what, int32_t step, int32_t neuron, int32_t got, int32_t expected)
{
    printf("population '%s', neuron %ld, step %ld: %s is %ld, expected %ld\n", name, (long)neuron, (long)step, what,
           (long)got, (long)expected);
    return 0;
}

static int compare_step(FILE *file, int32_t step)
{
    const int32_t *const registers[SNN_REGISTER_COUNT] = SNN_REGISTERS;
    static const char *const names[SNN_REGISTER_COUNT] = SNN_REGISTER_NAMES;
    for (int32_t i = 0; i < snn_program.population_count; i++) {
        const struct snn_population *p = &snn_program.populations[i];
        for (int which = 0; which < SNN_REGISTER_COUNT; which++)
            for (int32_t n = 0; n < p->size; n++) {
                int32_t expected;
                if (!read_int32(file, &expected))
                    return differs(p->name, "the file ends before", step, n, 0, 0);
                const int32_t got = registers[which][p->first_register + n];
                if (got != expected)
                    return differs(p->name, names[which], step, n, got, expected);
            }
        const uint8_t *const spikes = snn_spikes(&snn_program, &snn_state, i);
        for (int32_t n = 0; n < p->size; n++) {
            const int expected = fgetc(file);
            if (spikes[n] != expected)
                return differs(p->name, "spike", step, n, spikes[n], expected);
        }
    }
    return 1;
}

static int fail(const char *what, const char *path)
{
    fprintf(stderr, "snn: %s %s\n", what, path);
    return 2;
}

/* Run every sample of `in`; compare with what follows it in `golden`, or write to `out`. */
static int run(FILE *in, FILE *golden, FILE *out)
{
    int32_t samples, steps;
    if (!read_int32(in, &samples) || !read_int32(in, &steps) || samples < 0 || steps < 0)
        return fail("no header in", "the input");
    const long after = 8L + 4L * samples * steps * SNN_INPUT_SIZE;
    if (golden != NULL && fseek(golden, after, SEEK_SET) != 0)
        return fail("nothing recorded in", "the golden vectors");
    for (int32_t sample = 0; sample < samples; sample++) {
        snn_reset(&snn_program, &snn_state);
        for (int32_t step = 0; step < steps; step++) {
            if (!read_input(in))
                return fail("messages are missing in", "the input");
            const enum snn_status status = snn_step(&snn_program, &snn_state, input);
            if (status != SNN_OK) {
                fprintf(stderr, "snn: population '%s' at step %ld of sample %ld: %s\n",
                        snn_program.populations[snn_state.failed_population].name, (long)step, (long)sample,
                        status == SNN_ACCUMULATOR ? "|a| >= 2^21 leaves the accumulator" : "|u| >= 2^31");
                return 3;
            }
            if (golden != NULL && !compare_step(golden, step))
                return 1;
            if (out != NULL && !write_step(out))
                return fail("cannot write", "the output");
        }
    }
    if (golden != NULL)
        printf("equal: %ld samples of %ld steps, program %.12s\n", (long)samples, (long)steps, snn_program.digest);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 2 && argc != 3)
        return fail("usage: snn golden.bin, or snn INPUT.bin", "OUTPUT.bin");
    FILE *in = fopen(argv[1], "rb");
    if (in == NULL)
        return fail("cannot read", argv[1]);
    FILE *golden = argc == 2 ? fopen(argv[1], "rb") : NULL;
    FILE *out = argc == 3 ? fopen(argv[2], "wb") : NULL;
    int code = argc == 3 && out == NULL ? fail("cannot write", argv[2]) : run(in, golden, out);
    if (golden != NULL)
        fclose(golden);
    if (out != NULL && fclose(out) != 0)
        code = fail("cannot write", argv[2]);
    fclose(in);
    return code;
}
