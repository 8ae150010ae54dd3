/* NetrSessionDel, opnum 13 of srvsvc: [MS-SRVS] 3.1.4.6. */
#include "srvsvc/call.h"

/*
 * NET_API_STATUS NetrSessionDel(
 *     [in, string, unique] SRVSVC_HANDLE ServerName,
 *     [in, string, unique] WCHAR *ClientName,
 *     [in, string, unique] WCHAR *UserName);
 */
struct request {
    const char *server, *client, *user;
};

struct reply {
    uint32_t status;
};

static const ndr_field request_fields[] = {
    NDR_STRING(struct request, server, "ServerName"),
    NDR_STRING(struct request, client, "ClientName"),
    NDR_STRING(struct request, user, "UserName"),
};

static const ndr_field reply_fields[] = {
    NDR_U32(struct reply, status, "status"),
};

static const ndr_type request_type =
    NDR_PARAMS(struct request, request_fields, "NetrSessionDel");
static const ndr_type reply_type = NDR_PARAMS(struct reply, reply_fields, "NetrSessionDel");

static srvsvc_right right(const void *in)
{
    (void)in;
    return SRVSVC_ADMIN;
}

/* Without any name it is ERROR_INVALID_PARAMETER, of the two statuses that
 * the specification leaves a server. */
static uint32_t run(srvsvc_call *call, const void *in, void *out)
{
    const struct request *r = in;
    const srvsvc_backend *b = call->backend;
    const char *user = srvsvc_name_given(r->user) ? r->user : NULL, *client = NULL;

    (void)out;
    if (srvsvc_name_given(r->client) && !(client = srvsvc_name_client(r->client)))
        return NERR_CLIENT_NAME_NOT_FOUND;
    if (srvsvc_name_too_long(r->client) || srvsvc_name_too_long(user))
        return ERROR_INVALID_PARAMETER;
    if (!client && !user)
        return ERROR_INVALID_PARAMETER;
    return b->remove(b->ctx, client, user) ? NERR_SUCCESS : NERR_CLIENT_NAME_NOT_FOUND;
}

const srvsvc_op srvsvc_op_session_del = {
    .opnum = 13, .in = &request_type, .out = &reply_type, .right = right, .run = run};
