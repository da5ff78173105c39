#include <stdio.h>
#include <stdlib.h>

#include "host.h"

static FILE *files[8];

int32_t host_open(const char *name, int write)
{
    for (int32_t i = 0; i < 8; i++)
        if (files[i] == NULL) {
            files[i] = fopen(name, write ? "wb" : "rb");
            return files[i] == NULL ? -1 : i;
        }
    return -1;
}

uint32_t host_read(int32_t file, void *to, uint32_t size)
{
    return (uint32_t)fread(to, 1, size, files[file]);
}

uint32_t host_write(int32_t file, const void *from, uint32_t size)
{
    return (uint32_t)fwrite(from, 1, size, files[file]);
}

void host_print(const char *text)
{
    fputs(text, stdout);
}

_Noreturn void host_exit(int code)
{
    for (int32_t i = 0; i < 8; i++)
        if (files[i] != NULL && fclose(files[i]) != 0)
            exit(4);
    exit(code);
}

uint32_t host_ticks(void)
{
    return 0;
}

uint32_t host_stack(void)
{
    return 0;
}
