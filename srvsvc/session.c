#include "srvsvc/session.h"

#include "base/error.h"
#include "base/utf.h"
#include "srvsvc/call.h"
#include "srvsvc/page.h"

/* uuid in the wire's order */
const rpc_interface srvsvc_interface = {.uuid = {0xc8, 0x4f, 0x32, 0x4b, 0x70, 0x16, 0xd3, 0x01,
                                                 0x12, 0x78, 0x5a, 0x47, 0xbf, 0x6e, 0xe1,
                                                 0x88},
                                        .major = 3};

/* ---- Tables: [MS-SRVS] 2.2.4.11 to 2.2.4.21, appendix A ---- */

/*
 * typedef struct _SESSION_INFO_0 {
 *     [string] wchar_t *sesi0_cname;
 * } SESSION_INFO_0;
 */
static const ndr_field info_0_fields[] = {
    NDR_STRING(srvsvc_session_info_0, cname, "sesi0_cname"),
};

/*
 * typedef struct _SESSION_INFO_1 {
 *     [string] wchar_t *sesi1_cname;
 *     [string] wchar_t *sesi1_username;
 *     DWORD sesi1_num_opens;
 *     DWORD sesi1_time;
 *     DWORD sesi1_idle_time;
 *     DWORD sesi1_user_flags;
 * } SESSION_INFO_1;
 */
static const ndr_field info_1_fields[] = {
    NDR_STRING(srvsvc_session_info_1, cname, "sesi1_cname"),
    NDR_STRING(srvsvc_session_info_1, username, "sesi1_username"),
    NDR_U32(srvsvc_session_info_1, num_opens, "sesi1_num_opens"),
    NDR_U32(srvsvc_session_info_1, time, "sesi1_time"),
    NDR_U32(srvsvc_session_info_1, idle_time, "sesi1_idle_time"),
    NDR_U32(srvsvc_session_info_1, user_flags, "sesi1_user_flags"),
};

/*
 * typedef struct _SESSION_INFO_2 {
 *     [string] wchar_t *sesi2_cname;
 *     [string] wchar_t *sesi2_username;
 *     DWORD sesi2_num_opens;
 *     DWORD sesi2_time;
 *     DWORD sesi2_idle_time;
 *     DWORD sesi2_user_flags;
 *     [string] wchar_t *sesi2_cltype_name;
 * } SESSION_INFO_2;
 */
static const ndr_field info_2_fields[] = {
    NDR_STRING(srvsvc_session_info_2, cname, "sesi2_cname"),
    NDR_STRING(srvsvc_session_info_2, username, "sesi2_username"),
    NDR_U32(srvsvc_session_info_2, num_opens, "sesi2_num_opens"),
    NDR_U32(srvsvc_session_info_2, time, "sesi2_time"),
    NDR_U32(srvsvc_session_info_2, idle_time, "sesi2_idle_time"),
    NDR_U32(srvsvc_session_info_2, user_flags, "sesi2_user_flags"),
    NDR_STRING(srvsvc_session_info_2, cltype_name, "sesi2_cltype_name"),
};

/*
 * typedef struct _SESSION_INFO_10 {
 *     [string] wchar_t *sesi10_cname;
 *     [string] wchar_t *sesi10_username;
 *     DWORD sesi10_time;
 *     DWORD sesi10_idle_time;
 * } SESSION_INFO_10;
 */
static const ndr_field info_10_fields[] = {
    NDR_STRING(srvsvc_session_info_10, cname, "sesi10_cname"),
    NDR_STRING(srvsvc_session_info_10, username, "sesi10_username"),
    NDR_U32(srvsvc_session_info_10, time, "sesi10_time"),
    NDR_U32(srvsvc_session_info_10, idle_time, "sesi10_idle_time"),
};

/*
 * typedef struct _SESSION_INFO_502 {
 *     [string] wchar_t *sesi502_cname;
 *     [string] wchar_t *sesi502_username;
 *     DWORD sesi502_num_opens;
 *     DWORD sesi502_time;
 *     DWORD sesi502_idle_time;
 *     DWORD sesi502_user_flags;
 *     [string] wchar_t *sesi502_cltype_name;
 *     [string] wchar_t *sesi502_transport;
 * } SESSION_INFO_502;
 */
static const ndr_field info_502_fields[] = {
    NDR_STRING(srvsvc_session_info_502, cname, "sesi502_cname"),
    NDR_STRING(srvsvc_session_info_502, username, "sesi502_username"),
    NDR_U32(srvsvc_session_info_502, num_opens, "sesi502_num_opens"),
    NDR_U32(srvsvc_session_info_502, time, "sesi502_time"),
    NDR_U32(srvsvc_session_info_502, idle_time, "sesi502_idle_time"),
    NDR_U32(srvsvc_session_info_502, user_flags, "sesi502_user_flags"),
    NDR_STRING(srvsvc_session_info_502, cltype_name, "sesi502_cltype_name"),
    NDR_STRING(srvsvc_session_info_502, transport, "sesi502_transport"),
};

/*
 * typedef struct _SESSION_INFO_<n>_CONTAINER {
 *     DWORD EntriesRead;
 *     [size_is(EntriesRead)] LPSESSION_INFO_<n> Buffer;
 * } SESSION_INFO_<n>_CONTAINER;
 */
#define CONTAINER(n)                                                                           \
    static const ndr_type info_##n =                                                           \
        NDR_TYPE(srvsvc_session_info_##n, info_##n##_fields, "SESSION_INFO_" #n);              \
    static const ndr_field container_##n##_fields[] = {                                        \
        NDR_U32(srvsvc_session_container, count, "EntriesRead"),                               \
        NDR_ARRAY(srvsvc_session_container, entries, count, void, &info_##n, "Buffer"),        \
    };                                                                                         \
    static const ndr_type container_##n = NDR_TYPE(                                            \
        srvsvc_session_container, container_##n##_fields, "SESSION_INFO_" #n "_CONTAINER");

CONTAINER(0)
CONTAINER(1)
CONTAINER(2)
CONTAINER(10)
CONTAINER(502)

/*
 * typedef [switch_type(DWORD)] union _SESSION_ENUM_UNION {
 *     [case(0)] SESSION_INFO_0_CONTAINER *Level0;
 *     [case(1)] SESSION_INFO_1_CONTAINER *Level1;
 *     [case(2)] SESSION_INFO_2_CONTAINER *Level2;
 *     [case(10)] SESSION_INFO_10_CONTAINER *Level10;
 *     [case(502)] SESSION_INFO_502_CONTAINER *Level502;
 * } SESSION_ENUM_UNION;
 *
 * typedef struct _SESSION_ENUM_STRUCT {
 *     DWORD Level;
 *     [switch_is(Level)] SESSION_ENUM_UNION SessionInfo;
 * } SESSION_ENUM_STRUCT;
 *
 * A level without an arm cannot be marshalled by this, and a client believes
 * no reply that has one.  But Samba's IDL has a default arm with nothing in
 * it, so its clients can ask for such levels, and [MS-SRVS] 3.1.4.5 wants the
 * answer ERROR_INVALID_LEVEL: a server decodes and encodes as they do.
 */
#define ARM(n)                                                                                 \
    {                                                                                          \
        n, NDR_STRUCT_PTR(srvsvc_session_enum_struct, container, srvsvc_session_container,     \
                          &container_##n, "Level" #n)                                          \
    }
#define ARMS ARM(0), ARM(1), ARM(2), ARM(10), ARM(502)

static const ndr_arm enum_arms[] = {ARMS};
static const ndr_arm any_arms[] = {ARMS, NDR_EMPTY};

#define ENUM_FIELDS(arms)                                                                      \
    NDR_U32(srvsvc_session_enum_struct, level, "Level"),                                       \
        NDR_UNION(srvsvc_session_enum_struct, level, arms, "SessionInfo")

static const ndr_field enum_fields[] = {ENUM_FIELDS(enum_arms)};
static const ndr_field any_fields[] = {ENUM_FIELDS(any_arms)};

static const ndr_type enum_type =
    NDR_TYPE(srvsvc_session_enum_struct, enum_fields, "SESSION_ENUM_STRUCT");
static const ndr_type any_type =
    NDR_TYPE(srvsvc_session_enum_struct, any_fields, "SESSION_ENUM_STRUCT");

/*
 * NET_API_STATUS NetrSessionEnum(
 *     [in, string, unique] SRVSVC_HANDLE ServerName,
 *     [in, string, unique] WCHAR *ClientName,
 *     [in, string, unique] WCHAR *UserName,
 *     [in, out] LPSESSION_ENUM_STRUCT InfoStruct,
 *     [in] DWORD PreferedMaximumLength,
 *     [out] DWORD *TotalEntries,
 *     [in, out, unique] DWORD *ResumeHandle);
 */
static const ndr_field request_fields[] = {
    NDR_STRING(srvsvc_session_enum_request, server, "ServerName"),
    NDR_STRING(srvsvc_session_enum_request, client, "ClientName"),
    NDR_STRING(srvsvc_session_enum_request, user, "UserName"),
    NDR_STRUCT(srvsvc_session_enum_request, info, srvsvc_session_enum_struct, &any_type,
               "InfoStruct"),
    NDR_U32(srvsvc_session_enum_request, preferred_length, "PreferedMaximumLength"),
    NDR_U32_PTR(srvsvc_session_enum_request, resume, has_resume, "ResumeHandle"),
};

#define REPLY_FIELDS(info_type)                                                                \
    NDR_STRUCT(srvsvc_session_enum_reply, info, srvsvc_session_enum_struct, info_type,         \
               "InfoStruct"),                                                                  \
        NDR_U32(srvsvc_session_enum_reply, total, "TotalEntries"),                             \
        NDR_U32_PTR(srvsvc_session_enum_reply, resume, has_resume, "ResumeHandle"),            \
        NDR_U32(srvsvc_session_enum_reply, status, "status")

static const ndr_field reply_fields[] = {REPLY_FIELDS(&enum_type)};
static const ndr_field any_reply_fields[] = {REPLY_FIELDS(&any_type)};

const ndr_type srvsvc_session_enum_in_type =
    NDR_PARAMS(srvsvc_session_enum_request, request_fields, "NetrSessionEnum");
/* What a client decodes, and what a server encodes. */
static const ndr_type reply_type =
    NDR_PARAMS(srvsvc_session_enum_reply, reply_fields, "NetrSessionEnum");
const ndr_type srvsvc_session_enum_out_type =
    NDR_PARAMS(srvsvc_session_enum_reply, any_reply_fields, "NetrSessionEnum");

bool srvsvc_session_level(uint32_t level)
{
    for (size_t i = 0; i < sizeof enum_arms / sizeof *enum_arms; i++)
        if (enum_arms[i].value == level)
            return true;
    return false;
}

/* ---- in ---- */

/* Asking, the container is there and empty, as Windows sends it. */
static srvsvc_session_enum_request request_of(const srvsvc_session_enum_in *in)
{
    static const srvsvc_session_container empty;

    return (srvsvc_session_enum_request){.server = in->server,
                                         .client = in->client,
                                         .user = in->user,
                                         .info = {in->level, &empty},
                                         .preferred_length = in->preferred_length,
                                         .resume = in->resume,
                                         .has_resume = in->has_resume};
}

static int check_name(const char *name, const char *what, netsession_error *err)
{
    size_t units = name ? ns_utf16_len(name) : 0;

    if (units == NS_UTF_BAD)
        return ns_fail(err, NETSESSION_E_ARGUMENT, NS_LAYER_ARGUMENT,
                       "the %s name is not valid UTF-8", what);
    if (units >= SRVSVC_NAME_UNITS)
        return ns_fail(err, NETSESSION_E_ARGUMENT, NS_LAYER_ARGUMENT,
                       "the %s name is longer than %d characters", what, SRVSVC_NAME_UNITS - 1);
    return 0;
}

static int check_in(const srvsvc_session_enum_in *in, netsession_error *err)
{
    int code;

    if (!srvsvc_session_level(in->level))
        return ns_fail(err, NETSESSION_E_ARGUMENT, NS_LAYER_ARGUMENT,
                       "there is no level %lu: it is 0, 1, 2, 10 or 502",
                       (unsigned long)in->level);
    if ((code = check_name(in->server, "server", err)) != 0 ||
        (code = check_name(in->client, "client", err)) != 0)
        return code;
    return check_name(in->user, "user", err);
}

int srvsvc_session_enum_encode_in(const srvsvc_session_enum_in *in, bool ndr64, ns_writer *stub,
                                  netsession_error *err)
{
    srvsvc_session_enum_request request = request_of(in);
    int code = check_in(in, err);

    return code ? code : ndr_encode(&srvsvc_session_enum_in_type, &request, ndr64, stub, err);
}

struct in_block {
    size_t size;
    srvsvc_session_enum_in in;
    void *data[];
};

static void in_from(srvsvc_session_enum_in *in, const srvsvc_session_enum_request *request)
{
    *in = (srvsvc_session_enum_in){.server = request->server,
                                   .client = request->client,
                                   .user = request->user,
                                   .level = request->info.level,
                                   .preferred_length = request->preferred_length,
                                   .resume = request->resume,
                                   .has_resume = request->has_resume};
}

/* A verification trailer ([MS-RPCE] 2.2.2.13) may follow the parameters. */
int srvsvc_session_enum_decode_in(const netsession_hooks *hooks, const void *stub, size_t len,
                                  ndr_format format, size_t max_bytes,
                                  srvsvc_session_enum_in **in, netsession_error *err)
{
    ndr_source src = {.stub = stub,
                      .len = len,
                      .format = format,
                      .trailing = true,
                      .max = max_bytes,
                      .layer = NS_LAYER_SRVSVC};
    srvsvc_session_enum_request request;
    struct in_block *block;
    int code = ndr_measure(&src, &srvsvc_session_enum_in_type, &request, err);

    *in = NULL;
    if (code)
        return code;
    block = ns_alloc(hooks, sizeof *block + src.fixed + src.text);
    if (!block)
        return ns_fail_code(err, NETSESSION_E_MEMORY, NS_LAYER_SRVSVC);
    block->size = sizeof *block + src.fixed + src.text;
    ndr_fill(&src, &srvsvc_session_enum_in_type, &request, block->data);
    in_from(&block->in, &request);
    *in = &block->in;
    return 0;
}

void srvsvc_session_enum_in_free(const netsession_hooks *hooks, srvsvc_session_enum_in *in)
{
    struct in_block *block;

    if (!in)
        return;
    block = (struct in_block *)(void *)((char *)in - offsetof(struct in_block, in));
    ns_free(hooks, block, block->size);
}

void srvsvc_session_enum_print_in(const srvsvc_session_enum_in *in, ns_writer *text)
{
    srvsvc_session_enum_request request = request_of(in);

    ndr_print(&srvsvc_session_enum_in_type, &request, text);
}

/* ---- out ---- */

static srvsvc_session_enum_reply reply_of(const srvsvc_session_enum_out *out,
                                          const srvsvc_session_container *container)
{
    return (srvsvc_session_enum_reply){
        .info = {out->level, out->no_container ? NULL : container},
        .total = out->total,
        .resume = out->resume,
        .has_resume = out->has_resume,
        .status = out->status};
}

int srvsvc_session_enum_encode_out(const srvsvc_session_enum_out *out, bool ndr64,
                                   ns_writer *stub, netsession_error *err)
{
    srvsvc_session_container container = {out->count, out->entries};
    srvsvc_session_enum_reply reply = reply_of(out, &container);

    return ndr_encode(&srvsvc_session_enum_out_type, &reply, ndr64, stub, err);
}

static void out_from(srvsvc_session_enum_out *out, const srvsvc_session_enum_reply *reply)
{
    static const srvsvc_session_container none;
    const srvsvc_session_container *c = reply->info.container;

    *out = (srvsvc_session_enum_out){.level = reply->info.level,
                                     .no_container = !c,
                                     .count = (c ? c : &none)->count,
                                     .entries = (c ? c : &none)->entries,
                                     .total = reply->total,
                                     .resume = reply->resume,
                                     .has_resume = reply->has_resume,
                                     .status = reply->status};
}

int srvsvc_session_enum_parse_out(const netsession_hooks *hooks, const void *stub, size_t len,
                                  ndr_format format, size_t max_bytes, netsession_page **page,
                                  netsession_error *err)
{
    size_t head = sizeof(netsession_page);
    ndr_source src = {.stub = stub,
                      .len = len,
                      .format = format,
                      .layer = NS_LAYER_SRVSVC};
    srvsvc_session_enum_reply reply;
    int code;

    *page = NULL;
    if (max_bytes < head)
        return ns_fail(err, NETSESSION_E_LIMIT, NS_LAYER_SRVSVC, "srvsvc: no room for a reply");
    src.max = max_bytes - head;
    code = ndr_measure(&src, &reply_type, &reply, err);
    if (code)
        return code;
    *page = srvsvc_page_new(hooks, src.fixed + src.text);
    if (!*page)
        return ns_fail_code(err, NETSESSION_E_MEMORY, NS_LAYER_SRVSVC);
    ndr_fill(&src, &reply_type, &reply, (*page)->data);
    out_from(&(*page)->out, &reply);
    return 0;
}

static int broken(netsession_error *err, const char *rule)
{
    return ns_fail(err, NETSESSION_E_PROTOCOL, NS_LAYER_SRVSVC, "srvsvc: NetrSessionEnum: %s",
                   rule);
}

/* What a well-formed reply still may get wrong ([MS-SRVS] 3.1.4.5).  The
 * count from the resume point (Windows) and of all (Samba) both include the
 * entries read. */
static int judge(const srvsvc_session_enum_out *out, uint32_t level, netsession_error *err)
{
    if (out->level != level)
        return broken(err, "the reply has another level than was asked for");
    if (out->status != NERR_SUCCESS && out->status != ERROR_MORE_DATA)
        return ns_fail_win32(err, out->status, "NetrSessionEnum");
    if (out->no_container)
        return broken(err, "success, but the container is a null pointer");
    if (out->total < out->count)
        return broken(err, "TotalEntries is less than EntriesRead");
    return 0;
}

int srvsvc_session_enum_decode_out(const netsession_hooks *hooks, const void *stub, size_t len,
                                   ndr_format format, uint32_t level, size_t max_bytes,
                                   netsession_page **page, netsession_error *err)
{
    int code = srvsvc_session_enum_parse_out(hooks, stub, len, format, max_bytes, page, err);

    if (*page)
        code = judge(&(*page)->out, level, err);
    if (code) {
        netsession_page_free(*page);
        *page = NULL;
    }
    return code;
}

void srvsvc_session_enum_print_out(const srvsvc_session_enum_out *out, ns_writer *text)
{
    srvsvc_session_container container = {out->count, out->entries};
    srvsvc_session_enum_reply reply = reply_of(out, &container);

    ndr_print(&srvsvc_session_enum_out_type, &reply, text);
}
