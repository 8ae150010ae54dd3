#include "base/utf.h"
#include "smb2/message.h"

/* [MS-SMB2] 2.2.9 */
bool smb2_tree_connect_request_put(ns_writer *w, const char *path)
{
    size_t len = ns_utf16_len(path);

    if (len == NS_UTF_BAD || len > UINT16_MAX / 2)
        return false;
    ns_put16(w, 9);
    ns_put16(w, 0);
    ns_put16(w, SMB2_HEADER_LEN + 8);
    ns_put16(w, (uint16_t)(2 * len));
    return ns_put_utf16(w, path);
}

/* 2.2.10 */
bool smb2_tree_connect_response_get(ns_reader *r, smb2_tree_connect_response *m)
{
    uint16_t size;

    ns_skip(r, SMB2_HEADER_LEN);
    size = ns_get16(r);
    m->share_type = ns_get8(r);
    ns_skip(r, 1);
    m->share_flags = ns_get32(r);
    ns_skip(r, 8); /* Capabilities, MaximalAccess */
    return !r->bad && size == 16;
}
