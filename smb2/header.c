#include "smb2/message.h"

static const char *const names[] = {
    "NEGOTIATE", "SESSION_SETUP", "LOGOFF",   "TREE_CONNECT", "TREE_DISCONNECT",
    "CREATE",    "CLOSE",         "FLUSH",    "READ",         "WRITE",
    "LOCK",      "IOCTL",         "CANCEL",   "ECHO",         "QUERY_DIRECTORY",
    "NOTIFY",    "QUERY_INFO",    "SET_INFO", "OPLOCK_BREAK", "NOTIFICATION",
};

const char *smb2_command_name(unsigned command)
{
    return command < sizeof names / sizeof *names ? names[command] : "?";
}

/* [MS-SMB2] 2.2.1.2; Reserved holds 0xFEFF, as Windows has it. */
void smb2_header_put(ns_writer *w, const smb2_header *h)
{
    ns_put32(w, SMB2_PROTOCOL);
    ns_put16(w, SMB2_HEADER_LEN);
    ns_put16(w, h->credit_charge);
    ns_put32(w, h->status);
    ns_put16(w, h->command);
    ns_put16(w, h->credits);
    ns_put32(w, h->flags);
    ns_put32(w, h->next);
    ns_put64(w, h->message_id);
    ns_put32(w, 0xFEFF);
    ns_put32(w, h->tree_id);
    ns_put64(w, h->session_id);
    ns_put(w, h->signature, sizeof h->signature);
}

bool smb2_header_get(ns_reader *r, smb2_header *h)
{
    uint32_t protocol = ns_get32(r);
    uint16_t size = ns_get16(r);
    uint64_t where;

    h->credit_charge = ns_get16(r);
    h->status = ns_get32(r);
    h->command = ns_get16(r);
    h->credits = ns_get16(r);
    h->flags = ns_get32(r);
    h->next = ns_get32(r);
    h->message_id = ns_get64(r);
    where = ns_get64(r);
    h->async_id = h->flags & SMB2_FLAG_ASYNC ? where : 0;
    h->tree_id = h->flags & SMB2_FLAG_ASYNC ? 0 : (uint32_t)(where >> 32);
    h->session_id = ns_get64(r);
    ns_get_bytes(r, h->signature, sizeof h->signature);
    return !r->bad && protocol == SMB2_PROTOCOL && size == SMB2_HEADER_LEN;
}
