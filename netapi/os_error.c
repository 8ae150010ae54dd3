#include "netapi/os_error.h"

#include <string.h>

/* A number without a name has one made up by libc, or none. */
const char *ns_os_error(int err, char text[NS_OS_ERROR])
{
    *text = '\0';
    (void)strerror_r(err, text, NS_OS_ERROR);
    return text;
}
