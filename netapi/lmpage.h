/* One answer of a server as the buffer that NetSessionEnum gives. */
#ifndef NS_LMPAGE_H
#define NS_LMPAGE_H

#include <lm.h>
#include <netsession.h>
#include <stdbool.h>

bool lm_level_known(DWORD level);

/* A buffer of netsession_page_count structures of the page's level with
 * their strings behind, for NetApiBufferFree; made for an empty page too.
 * RPC_X_BAD_STUB_DATA when the page is of no known level. */
DWORD lm_buffer_from_page(LPBYTE *out, const netsession_page *page);

#endif
