/* jansson's memory is that of this program, and may fail. */
#include <jansson.h>
#include <stdlib.h>

__attribute__((constructor)) static void begin(void)
{
    json_set_alloc_funcs(malloc, free);
}
