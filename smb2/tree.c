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

bool smb2_tree_connect_request_get(ns_reader *r, ns_reader *path)
{
    uint16_t size, off, len;

    ns_skip(r, SMB2_HEADER_LEN);
    size = ns_get16(r);
    ns_skip(r, 2);
    off = ns_get16(r);
    len = ns_get16(r);
    if (r->bad || size != 9 || len % 2 || (len && off < SMB2_HEADER_LEN + 8))
        return false;
    *path = ns_sub(r, len ? off : 0, len);
    return !r->bad;
}

/* 2.2.10 */
void smb2_tree_connect_response_put(ns_writer *w, const smb2_tree_connect_response *m,
                                    uint32_t maximal_access)
{
    ns_put16(w, 16);
    ns_put8(w, m->share_type);
    ns_put8(w, 0);
    ns_put32(w, m->share_flags);
    ns_put32(w, 0); /* Capabilities */
    ns_put32(w, maximal_access);
}

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
