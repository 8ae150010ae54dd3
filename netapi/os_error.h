/* What the system says of an error: strerror, but for threads, too. */
#ifndef NS_OS_ERROR_H
#define NS_OS_ERROR_H

#define NS_OS_ERROR 128

/* err: an errno.  Returns text. */
const char *ns_os_error(int err, char text[NS_OS_ERROR]);

#endif
