/* From reset to main: stack pointer, .data, .bss, a counter. For Cortex-M and RISC-V. */
#include <stdint.h>

extern uint32_t __data_from[], __data_start[], __data_end[], __bss_start[], __bss_end[];
extern uint8_t __stack_bottom[], __stack_top[];

extern int main(void);

/* Compilers may call these two for assignments of structures and for loops that fill. */
void *memcpy(void *to, const void *from, __SIZE_TYPE__ size);
void *memset(void *to, int value, __SIZE_TYPE__ size);

__attribute__((no_builtin)) void *memcpy(void *to, const void *from, __SIZE_TYPE__ size)
{
    uint8_t *t = to;
    const uint8_t *f = from;
    while (size-- > 0)
        *t++ = *f++;
    return to;
}

__attribute__((no_builtin)) void *memset(void *to, int value, __SIZE_TYPE__ size)
{
    uint8_t *t = to;
    for (; size > 0 && (uintptr_t)t % 4 > 0; size--)
        *t++ = (uint8_t)value;
    uint32_t *words = (uint32_t *)(void *)t;
    const uint32_t word = (uint8_t)value * 0x01010101U;
    for (; size >= 16; size -= 16, words += 4)
        words[0] = words[1] = words[2] = words[3] = word;
    for (t = (uint8_t *)words; size > 0; size--)
        *t++ = (uint8_t)value;
    return to;
}

_Noreturn void start_c(void)
{
    const uint32_t *from = __data_from;
    for (uint32_t *to = __data_start; to < __data_end;)
        *to++ = *from++;
    for (uint32_t *to = __bss_start; to < __bss_end;)
        *to++ = 0;
#if !defined(__riscv)
    ((volatile uint32_t *)0xE000E010U)[1] = 0xFFFFFFU; /* SysTick: reload, */
    ((volatile uint32_t *)0xE000E010U)[2] = 0;         /* from the start, */
    ((volatile uint32_t *)0xE000E010U)[0] = 5;         /* the processor's clock, no interrupt */
#endif
    main();
    for (;;) {
    }
}

#if defined(__riscv)
__asm__(".section .vectors, \"ax\"\n.globl _start\n_start:\n  la sp, __stack_top\n  j start_c\n");
#else
static _Noreturn void stuck(void)
{
    for (;;) {
    }
}

struct vectors {
    uint8_t *stack;
    void (*handlers[15])(void);
};

__attribute__((section(".vectors"), used)) static const struct vectors vectors = {
    __stack_top,
    {start_c, stuck, stuck, stuck, stuck, stuck, stuck, stuck, stuck, stuck, stuck, stuck, stuck, stuck, stuck}};

_Noreturn void _start(void);
_Noreturn void _start(void)
{
    start_c();
}
#endif
