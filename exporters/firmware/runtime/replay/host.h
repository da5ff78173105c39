/* What the replay wants of the machine it runs on: files, text, a counter. By semihosting, or by stdio on a PC. */
#ifndef HOST_H
#define HOST_H

#include <stdint.h>

int32_t host_open(const char *name, int write);
uint32_t host_read(int32_t file, void *to, uint32_t size); /* bytes read */
uint32_t host_write(int32_t file, const void *from, uint32_t size);
void host_print(const char *text);
_Noreturn void host_exit(int code);

/* Instructions so far, times what the processor's clock is to QEMU's, modulo HOST_TICKS + 1; 0 on a PC. */
uint32_t host_ticks(void);

#if defined(__riscv)
#define HOST_TICKS 0xFFFFFFFFU
#else
#define HOST_TICKS 0xFFFFFFU /* SysTick has 24 bits */
#endif

/* Bytes of stack that were used since the last call. */
uint32_t host_stack(void);

#endif
