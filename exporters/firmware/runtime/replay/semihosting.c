/* Files and text through the debugger, or through QEMU: Arm's semihosting, on Cortex-M and on RISC-V. */
#include "host.h"

enum { SYS_OPEN = 1, SYS_WRITE0 = 4, SYS_WRITE = 5, SYS_READ = 6, SYS_EXIT_EXTENDED = 0x20 };
enum { OPEN_READ_BINARY = 1, OPEN_WRITE_BINARY = 5, APPLICATION_EXIT = 0x20026 };

extern uint8_t __stack_bottom[];
#define PAINT 0xA5U

static uintptr_t call(uintptr_t operation, const void *argument)
{
#if defined(__riscv)
    register uintptr_t a0 __asm__("a0") = operation;
    register uintptr_t a1 __asm__("a1") = (uintptr_t)argument;
    __asm__ volatile(".balign 16\n.option push\n.option norvc\n"
                     "slli x0, x0, 0x1f\nebreak\nsrai x0, x0, 7\n.option pop"
                     : "+r"(a0)
                     : "r"(a1)
                     : "memory");
    return a0;
#else
    register uintptr_t r0 __asm__("r0") = operation;
    register uintptr_t r1 __asm__("r1") = (uintptr_t)argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
#endif
}

int32_t host_open(const char *name, int write)
{
    uintptr_t length = 0;
    while (name[length] != 0)
        length++;
    const uintptr_t block[3] = {(uintptr_t)name, write ? OPEN_WRITE_BINARY : OPEN_READ_BINARY, length};
    return (int32_t)call(SYS_OPEN, block);
}

uint32_t host_read(int32_t file, void *to, uint32_t size)
{
    const uintptr_t block[3] = {(uintptr_t)file, (uintptr_t)to, size};
    return size - (uint32_t)call(SYS_READ, block); /* it returns what was not read */
}

uint32_t host_write(int32_t file, const void *from, uint32_t size)
{
    const uintptr_t block[3] = {(uintptr_t)file, (uintptr_t)from, size};
    return size == 0 ? 0 : size - (uint32_t)call(SYS_WRITE, block);
}

void host_print(const char *text)
{
    call(SYS_WRITE0, text);
}

_Noreturn void host_exit(int code)
{
    const uintptr_t block[2] = {APPLICATION_EXIT, (uintptr_t)code};
    call(SYS_EXIT_EXTENDED, block);
    for (;;) {
    }
}

uint32_t host_ticks(void)
{
#if defined(__riscv)
    uint32_t count;
    __asm__ volatile("csrr %0, minstret" : "=r"(count));
    return count;
#else
    return 0U - *(volatile const uint32_t *)0xE000E018U; /* SysTick counts down */
#endif
}

/* The stack grows down: what lies below the caller's frame and is no longer painted has been used. */
uint32_t host_stack(void)
{
    volatile uint8_t here = 0;
    uint8_t *const top = (uint8_t *)((uintptr_t)&here - 64);
    uint8_t *lowest = __stack_bottom;
    while (lowest < top && *lowest == PAINT)
        lowest++;
    const uint32_t used = lowest < top ? (uint32_t)(top - lowest) + 64 : 0;
    for (uint8_t *at = lowest; at < top; at++)
        *at = PAINT;
    return used;
}
