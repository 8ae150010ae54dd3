#include "tools/options.h"
#include "tools/output.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

int complain(int status, const char *fmt, ...)
{
    char line[1024];
    wchar_t *clean;
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    clean = text_clean(line);
    fprintf(stderr, "netsession: %ls\n", clean ? clean : L"out of memory");
    free(clean);
    return status;
}

void wipe(void *p, size_t size)
{
    for (volatile unsigned char *b = p; size--;)
        *b++ = 0;
}
