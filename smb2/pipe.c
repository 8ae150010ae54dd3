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

bool smb2_create_request_get(ns_reader *r, smb2_create_request *m)
{
    uint16_t size, off, len;

    ns_skip(r, SMB2_HEADER_LEN);
    size = ns_get16(r);
    ns_skip(r, 2);
    m->impersonation = ns_get32(r);
    ns_skip(
        r,
        36); /* SmbCreateFlags, Reserved, access, attributes, sharing, disposition, options */
    off = ns_get16(r);
    len = ns_get16(r);
    ns_skip(r, 8); /* create contexts mean nothing to a pipe */
    if (r->bad || size != 57 || len % 2 || (len && off < SMB2_HEADER_LEN + 56))
        return false;
    m->name = ns_sub(r, len ? off : 0, len);
    return !r->bad;
}

#define FILE_OPENED           1
#define PIPE_ALLOCATION       4096
#define FILE_ATTRIBUTE_NORMAL 0x80u

/* 2.2.14 */
void smb2_create_response_put(ns_writer *w, const uint8_t file_id[SMB2_FILE_ID_LEN])
{
    ns_put16(w, 89);
    ns_put16(w, 0); /* OplockLevel, Flags */
    ns_put32(w, FILE_OPENED);
    (void)ns_put_space(w, 32); /* a pipe has no times */
    ns_put64(w, PIPE_ALLOCATION);
    ns_put64(w, 0); /* EndofFile */
    ns_put32(w, FILE_ATTRIBUTE_NORMAL);
    ns_put32(w, 0);
    ns_put(w, file_id, SMB2_FILE_ID_LEN);
    ns_put64(w, 0); /* no create contexts */
}

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

bool smb2_close_request_get(ns_reader *r, uint8_t file_id[SMB2_FILE_ID_LEN])
{
    uint16_t size;

    ns_skip(r, SMB2_HEADER_LEN);
    size = ns_get16(r);
    ns_skip(r, 6);
    ns_get_bytes(r, file_id, SMB2_FILE_ID_LEN);
    return !r->bad && size == 24;
}

/* 2.2.16; attributes are not told of a pipe */
void smb2_close_response_put(ns_writer *w)
{
    ns_put16(w, 60);
    (void)ns_put_space(w, 58);
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

bool smb2_read_request_get(ns_reader *r, smb2_read_request *m)
{
    uint16_t size;

    ns_skip(r, SMB2_HEADER_LEN);
    size = ns_get16(r);
    ns_skip(r, 2);
    m->length = ns_get32(r);
    ns_skip(r, 8);
    ns_get_bytes(r, m->file_id, SMB2_FILE_ID_LEN);
    m->minimum = ns_get32(r);
    ns_skip(r, 12);
    return !r->bad && size == 49;
}

/* 2.2.20; DataOffset is one byte, counted from the header */
void smb2_read_response_put(ns_writer *w, const uint8_t *data, size_t len)
{
    ns_put16(w, 17);
    ns_put16(w, SMB2_HEADER_LEN + 16);
    ns_put32(w, (uint32_t)len);
    ns_put64(w, 0); /* DataRemaining */
    ns_put(w, data, len);
}

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

bool smb2_write_request_get(ns_reader *r, smb2_write_request *m)
{
    uint16_t size, off;
    uint32_t len;

    ns_skip(r, SMB2_HEADER_LEN);
    size = ns_get16(r);
    off = ns_get16(r);
    len = ns_get32(r);
    ns_skip(r, 8);
    ns_get_bytes(r, m->file_id, SMB2_FILE_ID_LEN);
    ns_skip(r, 16);
    if (r->bad || size != 49 || (len && off < SMB2_HEADER_LEN + 48))
        return false;
    m->data = ns_sub(r, len ? off : 0, len);
    return !r->bad;
}

/* 2.2.22 */
void smb2_write_response_put(ns_writer *w, uint32_t count)
{
    ns_put16(w, 17);
    ns_put16(w, 0);
    ns_put32(w, count);
    ns_put64(w, 0);
}

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

bool smb2_ioctl_request_get(ns_reader *r, smb2_ioctl_request *m)
{
    uint16_t size;
    uint32_t off, len;

    ns_skip(r, SMB2_HEADER_LEN);
    size = ns_get16(r);
    ns_skip(r, 2);
    m->ctl_code = ns_get32(r);
    ns_get_bytes(r, m->file_id, SMB2_FILE_ID_LEN);
    off = ns_get32(r);
    len = ns_get32(r);
    m->max_input = ns_get32(r);
    ns_skip(r, 8); /* OutputOffset, OutputCount */
    m->max_output = ns_get32(r);
    m->flags = ns_get32(r);
    ns_skip(r, 4);
    if (r->bad || size != 57 || (len && off < SMB2_HEADER_LEN + 56))
        return false;
    m->input = ns_sub(r, len ? off : 0, len);
    return !r->bad;
}

/* 2.2.32 */
void smb2_ioctl_response_put(ns_writer *w, const smb2_ioctl_request *request,
                             const uint8_t *output, size_t len)
{
    ns_put16(w, 49);
    ns_put16(w, 0);
    ns_put32(w, request->ctl_code);
    ns_put(w, request->file_id, SMB2_FILE_ID_LEN);
    ns_put32(w, SMB2_HEADER_LEN + 48); /* InputOffset */
    ns_put32(w, 0);
    ns_put32(w, SMB2_HEADER_LEN + 48); /* OutputOffset */
    ns_put32(w, (uint32_t)len);
    ns_put64(w, 0); /* Flags, Reserved2 */
    ns_put(w, output, len);
}

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

bool smb2_validate_request_get(ns_reader *r, smb2_offer *m)
{
    memset(m, 0, sizeof *m);
    m->capabilities = ns_get32(r);
    ns_get_bytes(r, m->client_guid, sizeof m->client_guid);
    m->security_mode = ns_get16(r);
    m->listed = ns_get16(r);
    smb2_offer_dialects(r, m);
    return !r->bad;
}

/* 2.2.32.6 */
void smb2_validate_response_put(ns_writer *w, const smb2_validate_response *m)
{
    ns_put32(w, m->capabilities);
    ns_put(w, m->guid, sizeof m->guid);
    ns_put16(w, m->security_mode);
    ns_put16(w, m->dialect);
}

bool smb2_validate_response_get(ns_reader *r, smb2_validate_response *m)
{
    m->capabilities = ns_get32(r);
    ns_get_bytes(r, m->guid, sizeof m->guid);
    m->security_mode = ns_get16(r);
    m->dialect = ns_get16(r);
    return !r->bad && ns_left(r) == 0;
}
