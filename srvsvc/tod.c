/* NetrRemoteTOD, opnum 28 of srvsvc: [MS-SRVS] 3.1.4.21. */
#include "srvsvc/call.h"

/*
 * typedef struct _TIME_OF_DAY_INFO {
 *     DWORD tod_elapsedt;
 *     DWORD tod_msecs;
 *     DWORD tod_hours;
 *     DWORD tod_mins;
 *     DWORD tod_secs;
 *     DWORD tod_hunds;
 *     long tod_timezone;
 *     DWORD tod_tinterval;
 *     DWORD tod_day;
 *     DWORD tod_month;
 *     DWORD tod_year;
 *     DWORD tod_weekday;
 * } TIME_OF_DAY_INFO;
 */
struct tod {
    uint32_t elapsedt, msecs, hours, mins, secs, hunds, timezone, tinterval, day, month, year,
        weekday;
};

static const ndr_field tod_fields[] = {
    NDR_U32(struct tod, elapsedt, "tod_elapsedt"),
    NDR_U32(struct tod, msecs, "tod_msecs"),
    NDR_U32(struct tod, hours, "tod_hours"),
    NDR_U32(struct tod, mins, "tod_mins"),
    NDR_U32(struct tod, secs, "tod_secs"),
    NDR_U32(struct tod, hunds, "tod_hunds"),
    NDR_U32(struct tod, timezone, "tod_timezone"),
    NDR_U32(struct tod, tinterval, "tod_tinterval"),
    NDR_U32(struct tod, day, "tod_day"),
    NDR_U32(struct tod, month, "tod_month"),
    NDR_U32(struct tod, year, "tod_year"),
    NDR_U32(struct tod, weekday, "tod_weekday"),
};

static const ndr_type tod_type = NDR_TYPE(struct tod, tod_fields, "TIME_OF_DAY_INFO");

/*
 * NET_API_STATUS NetrRemoteTOD(
 *     [in, string, unique] SRVSVC_HANDLE ServerName,
 *     [out] LPTIME_OF_DAY_INFO *BufferPtr);
 */
struct request {
    const char *server;
};

struct reply {
    uint32_t status;
    const struct tod *buffer;
    struct tod tod;
};

static const ndr_field request_fields[] = {
    NDR_STRING(struct request, server, "ServerName"),
};

static const ndr_field reply_fields[] = {
    NDR_STRUCT_PTR(struct reply, buffer, struct tod, &tod_type, "BufferPtr"),
    NDR_U32(struct reply, status, "status"),
};

static const ndr_type request_type =
    NDR_PARAMS(struct request, request_fields, "NetrRemoteTOD");
static const ndr_type reply_type = NDR_PARAMS(struct reply, reply_fields, "NetrRemoteTOD");

/* ---- Calendar ---- */

#define DAYS_1601_TO_1970 134774u
#define SECONDS_A_DAY     86400u

static bool is_leap(uint32_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static uint32_t days_in(uint32_t month, uint32_t year)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return days[month - 1] + (month == 2 && is_leap(year) ? 1u : 0u);
}

/* days: since January 1, 1601.  That was a Monday, and the first day of a
 * period of 400 years, in which the calendar repeats. */
static void set_date(struct tod *tod, uint64_t days)
{
    uint32_t year = 1601 + 400 * (uint32_t)(days / 146097), month = 1, left;

    tod->weekday = (uint32_t)((days + 1) % 7);
    for (left = (uint32_t)(days % 146097); left >= 365 + (is_leap(year) ? 1u : 0u); year++)
        left -= 365 + (is_leap(year) ? 1u : 0u);
    for (; left >= days_in(month, year); month++)
        left -= days_in(month, year);
    tod->year = year;
    tod->month = month;
    tod->day = left + 1;
}

/* UTC, for the library knows no time zones: tod_timezone is 0.  The clock
 * ticks as fine as tod_hunds can tell, in 100 ten-thousandths of a second. */
static struct tod tod_of(uint64_t filetime)
{
    uint64_t seconds = filetime / 10000000;
    uint32_t of_day = (uint32_t)(seconds % SECONDS_A_DAY);
    struct tod tod = {.elapsedt =
                          (uint32_t)(seconds - (uint64_t)DAYS_1601_TO_1970 * SECONDS_A_DAY),
                      .msecs = (uint32_t)(filetime / 10000),
                      .hours = of_day / 3600,
                      .mins = of_day / 60 % 60,
                      .secs = of_day % 60,
                      .hunds = (uint32_t)(filetime / 100000 % 100),
                      .tinterval = 100};

    set_date(&tod, seconds / SECONDS_A_DAY);
    return tod;
}

static uint32_t run(srvsvc_call *call, const void *in, void *out)
{
    struct reply *reply = out;

    (void)in;
    reply->tod = tod_of(call->hooks->wallclock(call->hooks->ctx));
    reply->buffer = &reply->tod;
    return NERR_SUCCESS;
}

const srvsvc_op srvsvc_op_remote_tod = {
    .opnum = 28, .in = &request_type, .out = &reply_type, .run = run};
