/* The pipe at the server, asked for in ways that our own client has no use for. */
#include "tests/test_server_case.h"

TCase *server_pipes_tcase(void);

#define PIPE_DISCONNECTED  0xC00000B0u
#define PENDING            0x00000103u
#define BUFFER_OVERFLOW    0x80000005u
#define INVALID_INFO_CLASS 0xC0000003u
#define DFS_GET_REFERRALS  0x00060194u

static const uint8_t other_file[SMB2_FILE_ID_LEN] = {9};

/* ---- FLUSH ---- */

static void flush(uint16_t size, const uint8_t *file, size_t id_len, uint32_t status)
{
    raw_begin(&x, SMB2_FLUSH);
    ns_put16(&x.out, size);
    ns_put_space(&x.out, 6);
    ns_put(&x.out, file, id_len);
    send_and_expect(SMB2_FLUSH, status);
}

START_TEST(flushed)
{
    ready(NETSESSION_SMB_3_1_1);
    flush(24, x.file, sizeof x.file, 0);
    flush(23, x.file, sizeof x.file, INVALID_PARAMETER);
    flush(24, x.file, 8, INVALID_PARAMETER);
    flush(24, other_file, sizeof other_file, FILE_CLOSED);
    still_alive();
}
END_TEST

/* ---- ECHO, QUERY_INFO ---- */

START_TEST(echo_of_another_size)
{
    ready(NETSESSION_SMB_3_1_1);
    raw_begin(&x, SMB2_ECHO);
    ns_put32(&x.out, 5);
    send_and_expect(SMB2_ECHO, INVALID_PARAMETER);
    still_alive();
}
END_TEST

static void query(uint16_t size, uint8_t type, uint8_t class, uint32_t max, const uint8_t *file,
                  uint32_t status)
{
    raw_begin(&x, SMB2_QUERY_INFO);
    ns_put16(&x.out, size);
    ns_put8(&x.out, type);
    ns_put8(&x.out, class);
    ns_put32(&x.out, max);
    ns_put_space(&x.out, 16);
    ns_put(&x.out, file, SMB2_FILE_ID_LEN);
    send_and_expect(SMB2_QUERY_INFO, status);
}

START_TEST(queried)
{
    ready(NETSESSION_SMB_3_1_1);
    query(41, 1, 5, 24, x.file, 0);
    query(40, 1, 5, 24, x.file, INVALID_PARAMETER);
    query(41, 2, 5, 24, x.file, INVALID_INFO_CLASS);
    query(41, 1, 4, 24, x.file, INVALID_INFO_CLASS);
    query(41, 1, 5, 23, x.file, INVALID_INFO_CLASS);
    query(41, 1, 5, 24, other_file, FILE_CLOSED);
    still_alive();
}
END_TEST

/* ---- IOCTL ---- */

static void ioctl(uint32_t code, const uint8_t *file, const void *in, size_t len, uint32_t max,
                  uint32_t status)
{
    raw_begin(&x, SMB2_IOCTL);
    smb2_ioctl_request_put(&x.out, code, file, in, len, max);
    send_and_expect(SMB2_IOCTL, status);
}

/* Of a share there is no file. */
START_TEST(codes)
{
    ready(NETSESSION_SMB_3_1_1);
    ioctl(DFS_GET_REFERRALS, x.file, "", 0, 100, INVALID_PARAMETER);
    ioctl(DFS_GET_REFERRALS, raw_no_file, "", 0, 100, INVALID_DEVICE_REQUEST);
    ioctl(0x12345678, x.file, "", 0, 100, INVALID_DEVICE_REQUEST);
    ioctl(0x12345678, other_file, "", 0, 100, FILE_CLOSED);
    ioctl(SMB2_FSCTL_PIPE_TRANSCEIVE, other_file, "", 0, 100, FILE_CLOSED);
    still_alive();
}
END_TEST

/* Half a PDU has no answer yet: it comes with the other half; and is read in
 * two, when the first has no room for it. */
START_TEST(transceive_waits)
{
    uint32_t room = _i ? 30 : 65536;
    ns_writer pdu;
    size_t half;

    ready(NETSESSION_SMB_3_1_1);
    ns_writer_init(&pdu, &r.cfg.hooks, 65536);
    raw_put_bind(&pdu);
    half = pdu.len / 2;
    ioctl(SMB2_FSCTL_PIPE_TRANSCEIVE, x.file, pdu.p, half, room, PENDING);
    ioctl(SMB2_FSCTL_PIPE_TRANSCEIVE, x.file, pdu.p + half, 4, room, PIPE_BUSY);
    raw_begin(&x, SMB2_WRITE);
    smb2_write_request_put(&x.out, x.file, pdu.p + half, pdu.len - half);
    ns_writer_free(&pdu);
    send_and_expect(SMB2_WRITE, 0);
    raw_expect(&x, SMB2_IOCTL, _i ? BUFFER_OVERFLOW : 0);
    if (_i) {
        ioctl(SMB2_FSCTL_PIPE_TRANSCEIVE, x.file, "", 0, room, PIPE_BUSY);
        raw_begin(&x, SMB2_READ);
        smb2_read_request_put(&x.out, x.file, 65536);
        send_and_expect(SMB2_READ, 0);
    }
    raw_transceive(&x, raw_put_enum_10, 65536, 0);
}
END_TEST

/* ---- A pipe that has ended ---- */

START_TEST(ended)
{
    static const uint8_t rubbish[] = "this is not a PDU at all";

    ready(NETSESSION_SMB_3_1_1);
    raw_begin(&x, SMB2_WRITE);
    smb2_write_request_put(&x.out, x.file, rubbish, sizeof rubbish);
    send_and_expect(SMB2_WRITE, 0);
    for (int i = 0; i < 2; i++) { /* what it says of it can be read */
        raw_begin(&x, SMB2_READ);
        smb2_read_request_put(&x.out, x.file, 100);
        send_and_expect(SMB2_READ, i ? PIPE_DISCONNECTED : 0);
    }
    raw_begin(&x, SMB2_WRITE);
    smb2_write_request_put(&x.out, x.file, rubbish, sizeof rubbish);
    send_and_expect(SMB2_WRITE, PIPE_DISCONNECTED);
    ioctl(SMB2_FSCTL_PIPE_TRANSCEIVE, x.file, rubbish, 4, 100, PIPE_DISCONNECTED);
    still_alive();
}
END_TEST

/* ---- Two of them ---- */

START_TEST(closed_in_turn)
{
    uint8_t first[SMB2_FILE_ID_LEN];

    ready(NETSESSION_SMB_3_1_1);
    memcpy(first, x.file, sizeof first);
    raw_create(&x);
    flush(24, first, sizeof first, 0);
    for (int i = 0; i < 2; i++) {
        raw_begin(&x, SMB2_CLOSE);
        smb2_close_request_put(&x.out, first);
        send_and_expect(SMB2_CLOSE, i ? FILE_CLOSED : 0);
    }
    flush(24, x.file, sizeof x.file, 0);
    flush(24, first, sizeof first, FILE_CLOSED);
}
END_TEST

TCase *server_pipes_tcase(void)
{
    TCase *tc = tcase_create("pipes");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, flushed);
    tcase_add_test(tc, echo_of_another_size);
    tcase_add_test(tc, queried);
    tcase_add_test(tc, codes);
    tcase_add_loop_test(tc, transceive_waits, 0, 2);
    tcase_add_test(tc, ended);
    tcase_add_test(tc, closed_in_turn);
    return tc;
}
