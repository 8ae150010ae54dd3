/* NetrServerGetInfo, opnum 21 of srvsvc: [MS-SRVS] 3.1.4.17, 2.2.4.40, 2.2.4.41. */
#include "srvsvc/call.h"

#define PLATFORM_ID_NT 500 /* 2.2.2.6 */

/*
 * typedef struct _SERVER_INFO_100 {
 *     DWORD sv100_platform_id;
 *     [string] wchar_t *sv100_name;
 * } SERVER_INFO_100;
 */
struct info_100 {
    uint32_t platform_id;
    const char *name;
};

static const ndr_field info_100_fields[] = {
    NDR_U32(struct info_100, platform_id, "sv100_platform_id"),
    NDR_STRING(struct info_100, name, "sv100_name"),
};

/*
 * typedef struct _SERVER_INFO_101 {
 *     DWORD sv101_platform_id;
 *     [string] wchar_t *sv101_name;
 *     DWORD sv101_version_major;
 *     DWORD sv101_version_minor;
 *     DWORD sv101_type;
 *     [string] wchar_t *sv101_comment;
 * } SERVER_INFO_101;
 */
struct info_101 {
    uint32_t platform_id;
    const char *name;
    uint32_t version_major, version_minor, type;
    const char *comment;
};

static const ndr_field info_101_fields[] = {
    NDR_U32(struct info_101, platform_id, "sv101_platform_id"),
    NDR_STRING(struct info_101, name, "sv101_name"),
    NDR_U32(struct info_101, version_major, "sv101_version_major"),
    NDR_U32(struct info_101, version_minor, "sv101_version_minor"),
    NDR_U32(struct info_101, type, "sv101_type"),
    NDR_STRING(struct info_101, comment, "sv101_comment"),
};

static const ndr_type info_100 = NDR_TYPE(struct info_100, info_100_fields, "SERVER_INFO_100");
static const ndr_type info_101 = NDR_TYPE(struct info_101, info_101_fields, "SERVER_INFO_101");

/*
 * NET_API_STATUS NetrServerGetInfo(
 *     [in, string, unique] SRVSVC_HANDLE ServerName,
 *     [in] DWORD Level,
 *     [out, switch_is(Level)] LPSERVER_INFO InfoStruct);
 */
struct request {
    const char *server;
    uint32_t level;
};

struct reply {
    uint32_t status;
    uint32_t level;
    const void *info;
    struct info_100 info_100; /* where one of them is kept */
    struct info_101 info_101;
};

/*
 * typedef [switch_type(unsigned long)] union _SERVER_INFO {
 *     [case(100)] LPSERVER_INFO_100 ServerInfo100;
 *     [case(101)] LPSERVER_INFO_101 ServerInfo101;
 *     ...
 * } SERVER_INFO;
 *
 * The other arms are only ever null here: of what type does not matter.  For
 * a level that the union does not have, there is what Samba's IDL has.
 */
#define ARM(n, table)                                                                          \
    {                                                                                          \
        n, NDR_STRUCT_PTR(struct reply, info, void, table, "ServerInfo" #n)                    \
    }
#define NONE(n) ARM(n, &info_100)

static const ndr_arm info_arms[] = {
    ARM(100, &info_100), ARM(101, &info_101), NONE(102),  NONE(103),  NONE(502),  NONE(503),
    NONE(599),           NONE(1005),          NONE(1107), NONE(1010), NONE(1016), NONE(1017),
    NONE(1018),          NONE(1501),          NONE(1502), NONE(1503), NONE(1506), NONE(1510),
    NONE(1511),          NONE(1512),          NONE(1513), NONE(1514), NONE(1515), NONE(1516),
    NONE(1518),          NONE(1523),          NONE(1528), NONE(1529), NONE(1530), NONE(1533),
    NONE(1534),          NONE(1535),          NONE(1536), NONE(1538), NONE(1539), NONE(1540),
    NONE(1541),          NONE(1542),          NONE(1543), NONE(1544), NONE(1545), NONE(1546),
    NONE(1547),          NONE(1548),          NONE(1549), NONE(1550), NONE(1552), NONE(1553),
    NONE(1554),          NONE(1555),          NONE(1556), NDR_EMPTY};

static const ndr_field request_fields[] = {
    NDR_STRING(struct request, server, "ServerName"),
    NDR_U32(struct request, level, "Level"),
};

static const ndr_field reply_fields[] = {
    NDR_UNION(struct reply, level, info_arms, "InfoStruct"),
    NDR_U32(struct reply, status, "status"),
};

static const ndr_type request_type =
    NDR_PARAMS(struct request, request_fields, "NetrServerGetInfo");
static const ndr_type reply_type = NDR_PARAMS(struct reply, reply_fields, "NetrServerGetInfo");

/* ---- The call ---- */

/* Product behavior note 80. */
static srvsvc_right right(const void *in)
{
    const struct request *r = in;

    return r->level == 102 || r->level == 502 || r->level == 503 ? SRVSVC_ADMIN : SRVSVC_ANYONE;
}

static void echo(const void *in, void *out)
{
    ((struct reply *)out)->level = ((const struct request *)in)->level;
}

static uint32_t get_100(const srvsvc_backend *b, const char *name, struct reply *reply)
{
    (void)b;
    reply->info_100 = (struct info_100){.platform_id = PLATFORM_ID_NT, .name = name};
    reply->info = &reply->info_100;
    return NERR_SUCCESS;
}

static uint32_t get_101(const srvsvc_backend *b, const char *name, struct reply *reply)
{
    reply->info_101 = (struct info_101){.platform_id = PLATFORM_ID_NT,
                                        .name = name,
                                        .version_major = b->version_major,
                                        .version_minor = b->version_minor,
                                        .type = b->type,
                                        .comment = srvsvc_name_or_empty(b->comment)};
    reply->info = &reply->info_101;
    return NERR_SUCCESS;
}

/* A client that names the server is told that name. */
static uint32_t run(srvsvc_call *call, const void *in, void *out)
{
    static const struct {
        uint32_t level;
        uint32_t (*get)(const srvsvc_backend *b, const char *name, struct reply *reply);
    } levels[] = {{100, get_100}, {101, get_101}};
    const struct request *r = in;
    const char *own = srvsvc_name_or_empty(call->backend->name);
    const char *name = srvsvc_name_given(r->server) ? r->server : own;

    if (srvsvc_name_too_long(name))
        return ERROR_INVALID_PARAMETER;
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
        if (levels[i].level == r->level)
            return levels[i].get(call->backend, name, out);
    return ERROR_INVALID_LEVEL;
}

const srvsvc_op srvsvc_op_server_get_info = {.opnum = 21,
                                             .in = &request_type,
                                             .out = &reply_type,
                                             .right = right,
                                             .echo = echo,
                                             .run = run};
