#include <string.h>

#include "base/utf.h"
#include "smb2/message.h"

#define IMPERSONATION  2
#define PIPE_ACCESS    0x0012019Fu /* read, write, attributes, as Windows asks */
#define SHARE_ALL      7
#define OPEN_EXISTING  1
#define IOCTL_IS_FSCTL 1

/* [MS-SMB2] 2.2.13; the name comes bare: "srvsvc" */
void smb2_create_request_put(ns_writer *w, const char *pipe)
{
    ns_put16(w, 57);
    ns_put16(w, 0); /* SecurityFlags, RequestedOplockLevel */
    ns_put32(w, IMPERSONATION);
    ns_put64(w, 0); /* SmbCreateFlags */
    ns_put64(w, 0);
    ns_put32(w, PIPE_ACCESS);
    ns_put32(w, 0); /* FileAttributes */
    ns_put32(w, SHARE_ALL);
    ns_put32(w, OPEN_EXISTING);
    ns_put32(w, 0); /* CreateOptions */
    ns_put16(w, SMB2_HEADER_LEN + 56);
    ns_put16(w, (uint16_t)(2 * strlen(pipe)));
    ns_put64(w, 0); /* no create contexts */
    (void)ns_put_utf16(w, pipe);
}

/* 2.2.14 */
bool smb2_create_response_get(ns_reader *r, uint8_t file_id[SMB2_FILE_ID_LEN])
{
    uint16_t size;

    ns_skip(r, SMB2_HEADER_LEN);
    size = ns_get16(r);
    ns_skip(r, 62); /* to FileId: oplock, action, times, sizes, attributes */
    ns_get_bytes(r, file_id, SMB2_FILE_ID_LEN);
    ns_skip(r, 8); /* create contexts: none were asked for */
    return !r->bad && size == 89;
}

/* 2.2.15 */
void smb2_close_request_put(ns_writer *w, const uint8_t file_id[SMB2_FILE_ID_LEN])
{
    ns_put16(w, 24);
    ns_put16(w, 0);
    ns_put32(w, 0);
    ns_put(w, file_id, SMB2_FILE_ID_LEN);
}

/* 2.2.19 */
void smb2_read_request_put(ns_writer *w, const uint8_t file_id[SMB2_FILE_ID_LEN], uint32_t max)
{
    ns_put16(w, 49);
    ns_put16(w, 0); /* Padding, Flags */
    ns_put32(w, max);
    ns_put64(w, 0); /* Offset: a pipe has none */
    ns_put(w, file_id, SMB2_FILE_ID_LEN);
    ns_put32(w, 0); /* MinimumCount */
    ns_put32(w, 0); /* Channel */
    ns_put64(w, 0); /* RemainingBytes, channel info */
    ns_put8(w, 0);
}

/* 2.2.20; DataOffset is one byte, counted from the header */
bool smb2_read_response_get(ns_reader *r, ns_reader *data)
{
    uint16_t size;
    uint8_t off;
    uint32_t len;

    ns_skip(r, SMB2_HEADER_LEN);
    size = ns_get16(r);
    off = ns_get8(r);
    ns_skip(r, 1);
    len = ns_get32(r);
    ns_skip(r, 8);
    if (r->bad || size != 17 || (len && off < SMB2_HEADER_LEN + 16))
        return false;
    *data = ns_sub(r, len ? off : 0, len);
    return !r->bad;
}

/* 2.2.21 */
void smb2_write_request_put(ns_writer *w, const uint8_t file_id[SMB2_FILE_ID_LEN],
                            const uint8_t *data, size_t len)
{
    ns_put16(w, 49);
    ns_put16(w, SMB2_HEADER_LEN + 48);
    ns_put32(w, (uint32_t)len);
    ns_put64(w, 0); /* Offset */
    ns_put(w, file_id, SMB2_FILE_ID_LEN);
    ns_put32(w, 0); /* Channel */
    ns_put64(w, 0); /* RemainingBytes, channel info */
    ns_put32(w, 0); /* Flags */
    ns_put(w, data, len);
}

/* 2.2.22 */
bool smb2_write_response_get(ns_reader *r, uint32_t *count)
{
    uint16_t size;

    ns_skip(r, SMB2_HEADER_LEN);
    size = ns_get16(r);
    ns_skip(r, 2);
    *count = ns_get32(r);
    ns_skip(r, 8);
    return !r->bad && size == 17;
}

/* 2.2.31 */
void smb2_ioctl_request_put(ns_writer *w, uint32_t ctl_code,
                            const uint8_t file_id[SMB2_FILE_ID_LEN], const uint8_t *input,
                            size_t len, uint32_t max_output)
{
    ns_put16(w, 57);
    ns_put16(w, 0);
    ns_put32(w, ctl_code);
    ns_put(w, file_id, SMB2_FILE_ID_LEN);
    ns_put32(w, SMB2_HEADER_LEN + 56); /* InputOffset */
    ns_put32(w, (uint32_t)len);
    ns_put32(w, 0); /* MaxInputResponse */
    ns_put32(w, 0); /* OutputOffset, OutputCount */
    ns_put32(w, 0);
    ns_put32(w, max_output);
    ns_put32(w, IOCTL_IS_FSCTL);
    ns_put32(w, 0);
    ns_put(w, input, len);
}

/* 2.2.32 */
bool smb2_ioctl_response_get(ns_reader *r, smb2_ioctl_response *m)
{
    uint16_t size;
    uint32_t off, len;

    ns_skip(r, SMB2_HEADER_LEN);
    size = ns_get16(r);
    ns_skip(r, 2);
    m->ctl_code = ns_get32(r);
    ns_get_bytes(r, m->file_id, SMB2_FILE_ID_LEN);
    ns_skip(r, 8); /* InputOffset, InputCount */
    off = ns_get32(r);
    len = ns_get32(r);
    ns_skip(r, 8); /* Flags, Reserved2 */
    if (r->bad || size != 49 || (len && off < SMB2_HEADER_LEN + 48))
        return false;
    m->output = ns_sub(r, len ? off : 0, len);
    return !r->bad;
}

/* 2.2.31.4: what the NEGOTIATE request said, once more, now signed */
void smb2_validate_request_put(ns_writer *w, const smb2_negotiate_request *sent)
{
    ns_put32(w, sent->capabilities);
    ns_put(w, sent->client_guid, sizeof sent->client_guid);
    ns_put16(w, sent->security_mode);
    ns_put16(w, sent->dialect_count);
    for (unsigned i = 0; i < sent->dialect_count; i++)
        ns_put16(w, sent->dialects[i]);
}

/* 2.2.32.6 */
bool smb2_validate_response_get(ns_reader *r, smb2_validate_response *m)
{
    m->capabilities = ns_get32(r);
    ns_get_bytes(r, m->guid, sizeof m->guid);
    m->security_mode = ns_get16(r);
    m->dialect = ns_get16(r);
    return !r->bad && ns_left(r) == 0;
}
