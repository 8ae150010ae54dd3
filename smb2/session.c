#include "smb2/message.h"

/* [MS-SMB2] 2.2.5 */
void smb2_session_setup_request_put(ns_writer *w, uint8_t security_mode, const uint8_t *token,
                                    size_t len)
{
    ns_put16(w, 25);
    ns_put8(w, 0); /* Flags: not a binding */
    ns_put8(w, security_mode);
    ns_put32(w, 0); /* Capabilities */
    ns_put32(w, 0); /* Channel */
    ns_put16(w, SMB2_HEADER_LEN + 24);
    ns_put16(w, (uint16_t)len);
    ns_put64(w, 0); /* PreviousSessionId */
    ns_put(w, token, len);
}

bool smb2_session_setup_request_get(ns_reader *r, smb2_session_setup_request *m)
{
    uint16_t size, off, len;

    ns_skip(r, SMB2_HEADER_LEN);
    size = ns_get16(r);
    m->flags = ns_get8(r);
    m->security_mode = ns_get8(r);
    ns_skip(r, 8); /* Capabilities, Channel */
    off = ns_get16(r);
    len = ns_get16(r);
    m->previous_session_id = ns_get64(r);
    if (r->bad || size != 25 || (len && off < SMB2_HEADER_LEN + 24))
        return false;
    m->security = ns_sub(r, len ? off : 0, len);
    return !r->bad;
}

/* 2.2.6 */
void smb2_session_setup_response_put(ns_writer *w, uint16_t flags, const uint8_t *token,
                                     size_t len)
{
    ns_put16(w, 9);
    ns_put16(w, flags);
    ns_put16(w, SMB2_HEADER_LEN + 8);
    ns_put16(w, (uint16_t)len);
    ns_put(w, token, len);
}

bool smb2_session_setup_response_get(ns_reader *r, smb2_session_setup_response *m)
{
    uint16_t size, off, len;

    ns_skip(r, SMB2_HEADER_LEN);
    size = ns_get16(r);
    m->flags = ns_get16(r);
    off = ns_get16(r);
    len = ns_get16(r);
    if (r->bad || size != 9 || (len && off < SMB2_HEADER_LEN + 8))
        return false;
    m->security = ns_sub(r, len ? off : 0, len);
    return !r->bad;
}

/* 2.2.7, 2.2.11, 2.2.28 */
void smb2_empty_put(ns_writer *w)
{
    ns_put16(w, 4);
    ns_put16(w, 0);
}

/* 2.2.2 */
void smb2_error_put(ns_writer *w)
{
    ns_put16(w, 9);
    ns_put16(w, 0);
    ns_put32(w, 0);
    ns_put8(w, 0);
}

bool smb2_body_is(ns_reader r, uint16_t structure_size)
{
    r.off = 0;
    ns_skip(&r, SMB2_HEADER_LEN);
    /* Behind the end there are zeros, which no StructureSize is. */
    return ns_get16(&r) == structure_size && ns_left(&r) + 2 >= (structure_size & ~1u);
}
