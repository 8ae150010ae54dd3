/*
 * NetrShareEnum and NetrShareGetInfo, opnums 15 and 16 of srvsvc: [MS-SRVS]
 * 3.1.4.8 and 3.1.4.10.  There is one share, IPC$.
 */
#include "srvsvc/call.h"

#define STYPE_IPC_SPECIAL 0x80000003u /* 2.2.2.4 */

/*
 * typedef struct _SHARE_INFO_0 {
 *     [string] wchar_t *shi0_netname;
 * } SHARE_INFO_0;
 */
struct info_0 {
    const char *netname;
};

static const ndr_field info_0_fields[] = {
    NDR_STRING(struct info_0, netname, "shi0_netname"),
};

/*
 * typedef struct _SHARE_INFO_1 {
 *     [string] wchar_t *shi1_netname;
 *     DWORD shi1_type;
 *     [string] wchar_t *shi1_remark;
 * } SHARE_INFO_1;
 */
struct info_1 {
    const char *netname;
    uint32_t type;
    const char *remark;
};

static const ndr_field info_1_fields[] = {
    NDR_STRING(struct info_1, netname, "shi1_netname"),
    NDR_U32(struct info_1, type, "shi1_type"),
    NDR_STRING(struct info_1, remark, "shi1_remark"),
};

/*
 * typedef struct _SHARE_INFO_2 {
 *     [string] wchar_t *shi2_netname;
 *     DWORD shi2_type;
 *     [string] wchar_t *shi2_remark;
 *     DWORD shi2_permissions;
 *     DWORD shi2_max_uses;
 *     DWORD shi2_current_uses;
 *     [string] wchar_t *shi2_path;
 *     [string] wchar_t *shi2_passwd;
 * } SHARE_INFO_2;
 *
 * SHARE_INFO_502_I has two members more:
 *     DWORD shi502_reserved;
 *     [size_is(shi502_reserved), unique] unsigned char *shi502_security_descriptor;
 * of which the pointer is always null here, whatever it would lead to.
 */
struct info_2 {
    const char *netname;
    uint32_t type;
    const char *remark;
    uint32_t permissions, max_uses, current_uses;
    const char *path, *passwd;
    uint32_t reserved, descriptor;
    bool has_descriptor;
};

#define INFO_2_FIELDS(n)                                                                       \
    NDR_STRING(struct info_2, netname, "shi" n "_netname"),                                    \
        NDR_U32(struct info_2, type, "shi" n "_type"),                                         \
        NDR_STRING(struct info_2, remark, "shi" n "_remark"),                                  \
        NDR_U32(struct info_2, permissions, "shi" n "_permissions"),                           \
        NDR_U32(struct info_2, max_uses, "shi" n "_max_uses"),                                 \
        NDR_U32(struct info_2, current_uses, "shi" n "_current_uses"),                         \
        NDR_STRING(struct info_2, path, "shi" n "_path"),                                      \
        NDR_STRING(struct info_2, passwd, "shi" n "_passwd")

static const ndr_field info_2_fields[] = {INFO_2_FIELDS("2")};

static const ndr_field info_502_fields[] = {
    INFO_2_FIELDS("502"),
    NDR_U32(struct info_2, reserved, "shi502_reserved"),
    NDR_U32_PTR(struct info_2, descriptor, has_descriptor, "shi502_security_descriptor"),
};

static const ndr_type info_2 = NDR_TYPE(struct info_2, info_2_fields, "SHARE_INFO_2");
static const ndr_type info_502 = NDR_TYPE(struct info_2, info_502_fields, "SHARE_INFO_502_I");
static const ndr_type info_0 = NDR_TYPE(struct info_0, info_0_fields, "SHARE_INFO_0");
static const ndr_type info_1 = NDR_TYPE(struct info_1, info_1_fields, "SHARE_INFO_1");

/* ---- What there is ---- */

#define NAME   "IPC$"
#define REMARK "Remote IPC"

static const struct info_0 ipc_0 = {NAME};
static const struct info_1 ipc_1 = {NAME, STYPE_IPC_SPECIAL, REMARK};
static const struct info_2 ipc_2 = {.netname = NAME,
                                    .type = STYPE_IPC_SPECIAL,
                                    .remark = REMARK,
                                    .max_uses = UINT32_MAX,
                                    .current_uses = 1,
                                    .path = ""};

/* bytes: towards PreferedMaximumLength, counted as NetrSessionEnum does. */
static const struct level {
    uint32_t level;
    const void *share;
    uint32_t bytes;
} levels[] = {
    {0, &ipc_0, 8 + 2 * sizeof NAME},
    {1, &ipc_1, 24 + 2 * sizeof NAME + 2 * sizeof REMARK},
    {2, &ipc_2, 56 + 2 * sizeof NAME + 2 * sizeof REMARK + 2},
    {502, &ipc_2, 72 + 2 * sizeof NAME + 2 * sizeof REMARK + 2},
};

/* Product behavior notes 61 and 62. */
static srvsvc_right right_for(uint32_t level)
{
    return level == 2 || level == 502 || level == 503 ? SRVSVC_ADMIN : SRVSVC_ANYONE;
}

static const struct level *level_of(uint32_t level)
{
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
        if (levels[i].level == level)
            return &levels[i];
    return NULL;
}

/* ---- NetrShareEnum ---- */

/*
 * typedef struct _SHARE_INFO_<n>_CONTAINER {
 *     DWORD EntriesRead;
 *     [size_is(EntriesRead)] LPSHARE_INFO_<n> Buffer;
 * } SHARE_INFO_<n>_CONTAINER;
 */
struct container {
    uint32_t count;
    const void *entries;
};

static const ndr_field container_0_fields[] = {
    NDR_U32(struct container, count, "EntriesRead"),
    NDR_ARRAY(struct container, entries, count, void, &info_0, "Buffer"),
};

static const ndr_field container_1_fields[] = {
    NDR_U32(struct container, count, "EntriesRead"),
    NDR_ARRAY(struct container, entries, count, void, &info_1, "Buffer"),
};

static const ndr_field container_2_fields[] = {
    NDR_U32(struct container, count, "EntriesRead"),
    NDR_ARRAY(struct container, entries, count, void, &info_2, "Buffer"),
};

static const ndr_field container_502_fields[] = {
    NDR_U32(struct container, count, "EntriesRead"),
    NDR_ARRAY(struct container, entries, count, void, &info_502, "Buffer"),
};

/* Of the other levels: a client sends it empty, we never send it. */
struct other_container {
    uint32_t count, buffer;
    bool has_buffer;
};

static const ndr_field other_fields[] = {
    NDR_U32(struct other_container, count, "EntriesRead"),
    NDR_U32_PTR(struct other_container, buffer, has_buffer, "Buffer"),
};

static const ndr_type container_0 =
    NDR_TYPE(struct container, container_0_fields, "SHARE_INFO_0_CONTAINER");
static const ndr_type container_1 =
    NDR_TYPE(struct container, container_1_fields, "SHARE_INFO_1_CONTAINER");
static const ndr_type container_2 =
    NDR_TYPE(struct container, container_2_fields, "SHARE_INFO_2_CONTAINER");
static const ndr_type container_502 =
    NDR_TYPE(struct container, container_502_fields, "SHARE_INFO_502_CONTAINER");
static const ndr_type other =
    NDR_TYPE(struct other_container, other_fields, "SHARE_INFO_CONTAINER");

/*
 * typedef [switch_type(DWORD)] union _SHARE_ENUM_UNION {
 *     [case(0)] SHARE_INFO_0_CONTAINER *Level0;
 *     [case(1)] SHARE_INFO_1_CONTAINER *Level1;
 *     [case(2)] SHARE_INFO_2_CONTAINER *Level2;
 *     [case(501)] SHARE_INFO_501_CONTAINER *Level501;
 *     [case(502)] SHARE_INFO_502_CONTAINER *Level502;
 *     [case(503)] SHARE_INFO_503_CONTAINER *Level503;
 * } SHARE_ENUM_UNION;
 *
 * typedef struct _SHARE_ENUM_STRUCT {
 *     DWORD Level;
 *     [switch_is(Level)] SHARE_ENUM_UNION ShareInfo;
 * } SHARE_ENUM_STRUCT;
 *
 * The default arm is Samba's, as in SESSION_ENUM_UNION.
 */
struct enum_struct {
    uint32_t level;
    const void *container;
};

#define ENUM_ARM(n, table)                                                                     \
    {                                                                                          \
        n, NDR_STRUCT_PTR(struct enum_struct, container, void, table, "Level" #n)              \
    }

static const ndr_arm enum_arms[] = {ENUM_ARM(0, &container_0),
                                    ENUM_ARM(1, &container_1),
                                    ENUM_ARM(2, &container_2),
                                    ENUM_ARM(501, &other),
                                    ENUM_ARM(502, &container_502),
                                    ENUM_ARM(503, &other),
                                    NDR_EMPTY};

static const ndr_field enum_fields[] = {
    NDR_U32(struct enum_struct, level, "Level"),
    NDR_UNION(struct enum_struct, level, enum_arms, "ShareInfo"),
};

static const ndr_type enum_type =
    NDR_TYPE(struct enum_struct, enum_fields, "SHARE_ENUM_STRUCT");

/*
 * NET_API_STATUS NetrShareEnum(
 *     [in, string, unique] SRVSVC_HANDLE ServerName,
 *     [in, out] LPSHARE_ENUM_STRUCT InfoStruct,
 *     [in] DWORD PreferedMaximumLength,
 *     [out] DWORD *TotalEntries,
 *     [in, out, unique] DWORD *ResumeHandle);
 */
struct enum_request {
    const char *server;
    struct enum_struct info;
    uint32_t preferred_length, resume;
    bool has_resume;
};

struct enum_reply {
    uint32_t status;
    struct enum_struct info;
    uint32_t total, resume;
    bool has_resume;
    struct container container; /* where it is kept */
};

static const ndr_field enum_request_fields[] = {
    NDR_STRING(struct enum_request, server, "ServerName"),
    NDR_STRUCT(struct enum_request, info, struct enum_struct, &enum_type, "InfoStruct"),
    NDR_U32(struct enum_request, preferred_length, "PreferedMaximumLength"),
    NDR_U32_PTR(struct enum_request, resume, has_resume, "ResumeHandle"),
};

static const ndr_field enum_reply_fields[] = {
    NDR_STRUCT(struct enum_reply, info, struct enum_struct, &enum_type, "InfoStruct"),
    NDR_U32(struct enum_reply, total, "TotalEntries"),
    NDR_U32_PTR(struct enum_reply, resume, has_resume, "ResumeHandle"),
    NDR_U32(struct enum_reply, status, "status"),
};

static const ndr_type enum_request_type =
    NDR_PARAMS(struct enum_request, enum_request_fields, "NetrShareEnum");
static const ndr_type enum_reply_type =
    NDR_PARAMS(struct enum_reply, enum_reply_fields, "NetrShareEnum");

static srvsvc_right enum_right(const void *in)
{
    return right_for(((const struct enum_request *)in)->info.level);
}

static void enum_echo(const void *in, void *out)
{
    const struct enum_request *request = in;
    struct enum_reply *reply = out;

    reply->info.level = request->info.level;
    reply->info.container = level_of(request->info.level) ? &reply->container : NULL;
    reply->resume = request->resume;
    reply->has_resume = request->has_resume;
}

static uint32_t enum_run(srvsvc_call *call, const void *in, void *out)
{
    const struct enum_request *request = in;
    struct enum_reply *reply = out;
    const struct level *level = level_of(request->info.level);

    (void)call;
    if (!level)
        return ERROR_INVALID_LEVEL;
    if (request->resume) /* as many as there are, or more */
        return NERR_SUCCESS;
    reply->total = 1;
    if (request->preferred_length < level->bytes)
        return ERROR_MORE_DATA;
    reply->container = (struct container){1, level->share};
    reply->resume = 1;
    return NERR_SUCCESS;
}

const srvsvc_op srvsvc_op_share_enum = {.opnum = 15,
                                        .in = &enum_request_type,
                                        .out = &enum_reply_type,
                                        .right = enum_right,
                                        .echo = enum_echo,
                                        .run = enum_run};

/* ---- NetrShareGetInfo ---- */

/*
 * NET_API_STATUS NetrShareGetInfo(
 *     [in, string, unique] SRVSVC_HANDLE ServerName,
 *     [in, string] WCHAR *NetName,
 *     [in] DWORD Level,
 *     [out, switch_is(Level)] LPSHARE_INFO InfoStruct);
 */
struct get_request {
    const char *server, *netname;
    uint32_t level;
};

struct get_reply {
    uint32_t status;
    uint32_t level;
    const void *info;
};

/*
 * typedef [switch_type(unsigned long)] union _SHARE_INFO {
 *     [case(0)] LPSHARE_INFO_0 ShareInfo0;
 *     [case(1)] LPSHARE_INFO_1 ShareInfo1;
 *     ...
 *     [default] ;
 * } SHARE_INFO;
 *
 * The other arms are only ever null here: of what type does not matter.
 */
#define GET_ARM(n, table)                                                                      \
    {                                                                                          \
        n, NDR_STRUCT_PTR(struct get_reply, info, void, table, "ShareInfo" #n)                 \
    }
#define NONE(n) GET_ARM(n, &info_0)

static const ndr_arm get_arms[] = {GET_ARM(0, &info_0),
                                   GET_ARM(1, &info_1),
                                   GET_ARM(2, &info_2),
                                   NONE(501),
                                   GET_ARM(502, &info_502),
                                   NONE(503),
                                   NONE(1004),
                                   NONE(1005),
                                   NONE(1006),
                                   NONE(1501),
                                   NDR_EMPTY};

static const ndr_field get_request_fields[] = {
    NDR_STRING(struct get_request, server, "ServerName"),
    NDR_STRING_REF(struct get_request, netname, "NetName"),
    NDR_U32(struct get_request, level, "Level"),
};

static const ndr_field get_reply_fields[] = {
    NDR_UNION(struct get_reply, level, get_arms, "InfoStruct"),
    NDR_U32(struct get_reply, status, "status"),
};

static const ndr_type get_request_type =
    NDR_PARAMS(struct get_request, get_request_fields, "NetrShareGetInfo");
static const ndr_type get_reply_type =
    NDR_PARAMS(struct get_reply, get_reply_fields, "NetrShareGetInfo");

static srvsvc_right get_right(const void *in)
{
    return right_for(((const struct get_request *)in)->level);
}

static void get_echo(const void *in, void *out)
{
    ((struct get_reply *)out)->level = ((const struct get_request *)in)->level;
}

static uint32_t get_run(srvsvc_call *call, const void *in, void *out)
{
    const struct get_request *request = in;
    const struct level *level = level_of(request->level);

    (void)call;
    if (!*request->netname)
        return ERROR_INVALID_PARAMETER;
    if (!level)
        return ERROR_INVALID_LEVEL;
    if (!srvsvc_name_equal(request->netname, NAME))
        return NERR_NET_NAME_NOT_FOUND;
    ((struct get_reply *)out)->info = level->share;
    return NERR_SUCCESS;
}

const srvsvc_op srvsvc_op_share_get_info = {.opnum = 16,
                                            .in = &get_request_type,
                                            .out = &get_reply_type,
                                            .right = get_right,
                                            .echo = get_echo,
                                            .run = get_run};
