/*
 * Keys, signatures and encryption against published vectors, and every bit of
 * what they protect changed.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "smb2/crypto.h"
#include "tests/smb2_vectors.h"
#include "tests/util.h"

TCase *smb2_crypto_case(void);

#define MAX_LEN 1024

static test_heap heap;
static netsession_hooks hooks;

static void setup(void)
{
    test_heap_hooks(&heap, &hooks);
}

static void teardown(void)
{
    ck_assert_int_eq(heap.live, 0);
}

static const uint8_t *key16(const char *hex)
{
    static uint8_t key[16];

    ck_assert_uint_eq(test_unhex(key, sizeof key, hex), 16);
    return key;
}

/* ---- Keys ---- */

static void assert_kdf(const char *key, const char *label, size_t label_len,
                       const uint8_t *context, size_t context_len, const char *want)
{
    uint8_t k[64], out[32];
    size_t len = strlen(want) / 2;

    ck_assert_int_eq(smb2_kdf(k, test_unhex(k, sizeof k, key), label, label_len, context,
                              context_len, out, len),
                     0);
    test_assert_hex(out, len, want);
}

/* The key derivation itself: labels as they are, without a NUL. */
START_TEST(kdf_vectors)
{
    uint8_t context[64];

    assert_kdf("666f6f", "bar", 3, (const uint8_t *)"baz", 3,
               "ca3928a6664e3cfdc87eef2dff7c78ac");
    for (uint8_t i = 0; i < 64; i++)
        context[i] = i;
    assert_kdf("270e1ba896585eeb7af3472d3b4c75a7", "SMBC2SCipherKey", 16, context, 64,
               "c273f0de35671e766ef5106b605054d70385f9237f1327662763de8ac2444317");
}
END_TEST

static const struct derivation {
    unsigned dialect, cipher;
    const char *key, *preauth;
    const char *signing, *to_server, *to_client; /* NULL: not published */
} derivations[] = {
    {NETSESSION_SMB_3_0, NETSESSION_AES_128_CCM, "7cd451825d0450d235424e44ba6e78cc", "",
     "0b7e9c5cac36c0f6ea9ab275298cedce", "fad27796665b313ebb578f388632b4f7",
     "b0f0427f7ceb416d1d9dcc0cd4f99447"},
    {NETSESSION_SMB_3_0, NETSESSION_AES_128_CCM, "4e01a2b313bcf660cc250bef021aede6", "",
     "ba1a17dbbfec349bca105563d598952f", NULL, NULL},
    {NETSESSION_SMB_3_0, NETSESSION_AES_128_CCM, "270e1ba896585eeb7af3472d3b4c75a7", "",
     "4eeaf9e6bc024e1adf4a560f01570deb", NULL, NULL},
    {NETSESSION_SMB_3_0_2, NETSESSION_AES_128_CCM, "b4546771b515f766a86735532dd6c4f0", "", NULL,
     "261b72350558f2e9dcf613070383edbf", "8fe2b57ec34d2db5b1a9727f526bbdb5"},
    {NETSESSION_SMB_3_1_1, NETSESSION_AES_128_GCM, "270e1ba896585eeb7af3472d3b4c75a7",
     "0dd13628cc3ed218ef9df9772d436d0887ab9814bfae63a80aa845f36909db7928622dddad522d9751640a45"
     "9762c5a9d6bb084cbb3ce6bdadef5d5bce3c6c01",
     "73fe7a9a77bef0bde49c650d8ccb5f76", "629bcbc54422a0f572b97f45989b6073",
     "e2af0dcefac68da71a0dfbd0d1350d74"},
    {NETSESSION_SMB_3_1_1, NETSESSION_AES_128_GCM, "84b9dbb730116a8fa6e9889555c265f9",
     "ea3bf912b11cbfec5b1889e8209614218687f82fa5294521ad3063425e49e88a10bd022124ce25123bc9111f"
     "52d9566ba88bf46344e6063dc5e3ff0389026f6c",
     "c962bca1a9dd1697b030644199705431", NULL, NULL},
    {NETSESSION_SMB_3_1_1, NETSESSION_AES_128_GCM, "419fddf34c1e001909d362ae7fb6af79",
     "b23f3cbfd69487d9832b79b1594a367cdd950909b774c3a4c412b4fcea9edddba7db256ba2ea30e977f11f9b"
     "113247578e0e915c6d2a513b8f2fca5707dc8770",
     NULL, "a2f5e80e5d59103034f32e52f698e5ec", "748c50868c90f302962a5c35f5f9a8bf"},
    /* 2.x signs with the session key itself */
    {NETSESSION_SMB_2_0_2, NETSESSION_CIPHER_NONE, "d38354cc374339f0524f789146789921", "",
     "d38354cc374339f0524f789146789921", NULL, NULL},
    {NETSESSION_SMB_2_1, NETSESSION_CIPHER_NONE, "d38354cc374339f0524f789146789921", "",
     "d38354cc374339f0524f789146789921", NULL, NULL},
};

static void assert_key(const uint8_t *key, const char *want)
{
    if (want)
        test_assert_hex(key, strlen(want) / 2, want);
}

START_TEST(derived_keys)
{
    const struct derivation *d = &derivations[_i];
    uint8_t preauth[SMB2_PREAUTH_LEN] = {0};
    smb2_keys keys;

    test_unhex(preauth, sizeof preauth, d->preauth);
    ck_assert_int_eq(smb2_derive_keys(&keys, d->dialect, d->cipher, key16(d->key), 16, preauth),
                     0);
    assert_key(keys.signing, d->signing);
    assert_key(keys.to_server, d->to_server);
    assert_key(keys.to_client, d->to_client);
}
END_TEST

/* Only the keys of a 256-bit cipher use more than 16 bytes of the mechanism's
 * key, and all of it; a short one is padded with zeros. */
START_TEST(long_and_short_keys)
{
    uint8_t preauth[SMB2_PREAUTH_LEN], gss[32], want[32];
    smb2_keys narrow, wide, longer;

    for (uint8_t i = 0; i < 64; i++)
        preauth[i] = i;
    for (uint8_t i = 0; i < 32; i++)
        gss[i] = (uint8_t)(0xC0 + i);
    smb2_derive_keys(&narrow, NETSESSION_SMB_3_1_1, NETSESSION_AES_128_GCM, gss, 32, preauth);
    smb2_derive_keys(&wide, NETSESSION_SMB_3_1_1, NETSESSION_AES_256_CCM, gss, 16, preauth);
    smb2_derive_keys(&longer, NETSESSION_SMB_3_1_1, NETSESSION_AES_256_GCM, gss, 32, preauth);
    ck_assert_mem_eq(narrow.signing, wide.signing, 16);
    ck_assert_mem_eq(narrow.signing, longer.signing, 16);
    ck_assert_mem_ne(wide.to_server, longer.to_server, 32);
    ck_assert_mem_ne(longer.to_server, longer.to_client, 32);
    smb2_kdf(gss, 32, "SMBC2SCipherKey", 16, preauth, 64, want, 32);
    ck_assert_mem_eq(longer.to_server, want, 32);
    smb2_kdf(gss, 32, "SMBS2CCipherKey", 16, preauth, 64, want, 32);
    ck_assert_mem_eq(longer.to_client, want, 32);
    smb2_kdf(gss, 16, "SMBS2CCipherKey", 16, preauth, 64, want, 32);
    ck_assert_mem_eq(wide.to_client, want, 32);
    smb2_kdf(gss, 16, "SMBS2CCipherKey", 16, preauth, 64, want, 16);
    ck_assert_mem_eq(narrow.to_client, want, 16);

    smb2_derive_keys(&narrow, NETSESSION_SMB_2_1, NETSESSION_CIPHER_NONE, gss, 3, preauth);
    test_assert_hex(narrow.signing, 16, "c0c1c200000000000000000000000000");
}
END_TEST

/* ---- The whole 3.1.1 logon ---- */

static const struct link {
    const char *message, *hash;
} chain[] = {
    {vector_negotiate_request,
     "dd94efc5321bb618a2e208ba8920d2f422992526947a409b5037de1e0fe8c7362b8c47122594cde0ce26aa9d"
     "fc8bcdbde0621957672623351a7540f1e54a0426"},
    {vector_negotiate_response,
     "324bfa92a4f3a190e466ebea08d9c110dc88bfed758d9846ecc6f541cc1d02ae3c94a79f36011e997e13f841"
     "b91b50957ad07b19c8e2539c0b23fdae09d2c513"},
    {vector_setup_request_1,
     "ac0b0f2b9986257700365e416d142a6edc96df03594a19e52a15f6bd0d041cd5d432f8ed42c55e33197a50c9"
     "ec00f1462b50c592211b1471a04b56088fdfd5f9"},
    {vector_setup_response_1,
     "2729e3440dfddd839e37193f6e8f20c20cefb3469e453a70cd980eec06b8835740a73760085633364c898989"
     "5ece81bf102deeb14d4b7d48afa76901a7a38387"},
    {vector_setup_request_2,
     "0dd13628cc3ed218ef9df9772d436d0887ab9814bfae63a80aa845f36909db7928622dddad522d9751640a45"
     "9762c5a9d6bb084cbb3ce6bdadef5d5bce3c6c01"},
};

START_TEST(preauth_chain)
{
    uint8_t hash[SMB2_PREAUTH_LEN] = {0}, msg[MAX_LEN];
    smb2_keys keys;
    size_t len;

    for (size_t i = 0; i < sizeof chain / sizeof *chain; i++) {
        len = test_unhex(msg, sizeof msg, chain[i].message);
        ck_assert_int_eq(smb2_preauth_update(hash, msg, len), 0);
        test_assert_hex(hash, sizeof hash, chain[i].hash);
    }
    ck_assert_int_eq(smb2_derive_keys(&keys, NETSESSION_SMB_3_1_1, NETSESSION_AES_128_GCM,
                                      key16("270e1ba896585eeb7af3472d3b4c75a7"), 16, hash),
                     0);
    test_assert_hex(keys.signing, 16, "73fe7a9a77bef0bde49c650d8ccb5f76");
    len = test_unhex(msg, sizeof msg, vector_setup_response_2);
    ck_assert_int_eq(smb2_verify(NETSESSION_AES_CMAC, keys.signing, msg, len), 0);
}
END_TEST

/* ---- Signing ---- */

/* Real packets, with their signature inside; and AES-GMAC, for which none were
 * published, as two implementations compute it. */
static const struct packet {
    unsigned dialect, algorithm;
    const char *key, *msg, *signature; /* NULL: inside */
} packets[] = {
    {NETSESSION_SMB_2_0_2, NETSESSION_HMAC_SHA256, "d38354cc374339f0524f789146789921",
     "fe534d4240000100280100c00b00070009000000000000000400000000000000fffe00000100000001000000"
     "00040000fbd284340324c62fbebb65dd1051f3ae0900000000000000ff",
     NULL},
    {NETSESSION_SMB_2_1, NETSESSION_HMAC_SHA256, "04e707571f8e0353b77a94c3653b87b5",
     "fe534d4240000100280100c00b00070009000000000000000400000000000000fffe00000100000005000000"
     "00040000a164ffe53d6811981f386772e387e06f0900000000000000ff",
     NULL},
    {NETSESSION_SMB_3_0, NETSESSION_AES_CMAC, "354024cbca4f94aa51d4033e6e9b2f98",
     "fe534d424000010000000000010001000900000000000000020000000000000000000000000000004d000020"
     "0070000073f2cc56093ed2b5d710666ce4282dd10900000048000900a1073005a0030a0100",
     NULL},
    {NETSESSION_SMB_3_0, NETSESSION_AES_CMAC, "726d4c454e63516446695457664e5042",
     "fe534d42400001000000000001007f0009000000000000000300000000000000000000000000000002000000"
     "7bfba3f4041393e756a048c9092c4e52dc7037190900000048000900a1073005a0030a0100",
     NULL},
    /* request */
    {0, NETSESSION_AES_GMAC, "101112131415161718191a1b1c1d1e1f",
     "fe534d4240000100000000000500010008000000000000004242000000000000fffe00000100000025000000"
     "0000010000000000000000000000000000000000404142434445464748494a4b4c4d4e4f5051525354555657"
     "58595a5b5c5d5e5f",
     "85052ac972da72c7e922e95a72131dd5"},
    /* response */
    {0, NETSESSION_AES_GMAC, "101112131415161718191a1b1c1d1e1f",
     "fe534d4240000100000000000500010009000000000000004242000000000000fffe00000100000025000000"
     "0000010000000000000000000000000000000000404142434445464748494a4b4c4d4e4f5051525354555657"
     "58595a5b5c5d5e5f",
     "f10c316568f919033597553d27d03064"},
    /* cancel */
    {0, NETSESSION_AES_GMAC, "101112131415161718191a1b1c1d1e1f",
     "fe534d4240000100000000000c00010008000000000000004242000000000000fffe00000100000025000000"
     "0000010000000000000000000000000000000000404142434445464748494a4b4c4d4e4f5051525354555657"
     "58595a5b5c5d5e5f",
     "863c6d192b91805f5e85ce96491d2e6d"},
};
#define PACKETS (int)(sizeof packets / sizeof *packets)

struct signed_packet {
    uint8_t key[16], msg[MAX_LEN];
    size_t len;
};

static struct signed_packet packet_of(const struct packet *p)
{
    struct signed_packet s;
    uint8_t preauth[SMB2_PREAUTH_LEN] = {0};
    smb2_keys keys;

    memcpy(s.key, key16(p->key), 16);
    if (p->dialect) {
        smb2_derive_keys(&keys, p->dialect, NETSESSION_CIPHER_NONE, s.key, 16, preauth);
        memcpy(s.key, keys.signing, 16);
    }
    s.len = test_unhex(s.msg, sizeof s.msg, p->msg);
    if (p->signature)
        test_unhex(s.msg + 48, 16, p->signature);
    return s;
}

START_TEST(verifies)
{
    struct signed_packet s = packet_of(&packets[_i]);
    uint8_t zeros[16] = {0};

    ck_assert_int_eq(smb2_verify(packets[_i].algorithm, s.key, s.msg, s.len), 0);
    ck_assert_mem_eq(s.msg + 48, zeros, 16);
}
END_TEST

START_TEST(signs)
{
    struct signed_packet want = packet_of(&packets[_i]), s = want;

    memset(s.msg + 48, 0x77, 16);
    s.msg[16] &= (uint8_t)~SMB2_FLAG_SIGNED;
    ck_assert_int_eq(smb2_sign(packets[_i].algorithm, s.key, s.msg, s.len), 0);
    ck_assert_mem_eq(s.msg, want.msg, s.len);
}
END_TEST

START_TEST(every_bit_is_signed)
{
    const struct signed_packet good = packet_of(&packets[_i]);

    for (size_t bit = 0; bit < 8 * good.len; bit++) {
        struct signed_packet s = good;

        s.msg[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (smb2_verify(packets[_i].algorithm, s.key, s.msg, s.len) != NETSESSION_E_SECURITY)
            ck_abort_msg("bit %zu", bit);
    }
    for (size_t len = SMB2_HEADER_LEN; len < good.len; len++) {
        struct signed_packet s = good;

        ck_assert_int_eq(smb2_verify(packets[_i].algorithm, s.key, s.msg, len),
                         NETSESSION_E_SECURITY);
    }
}
END_TEST

START_TEST(every_bit_of_the_key_counts)
{
    const struct signed_packet good = packet_of(&packets[_i]);

    for (size_t bit = 0; bit < 128; bit++) {
        struct signed_packet s = good;

        s.key[bit / 8] ^= (uint8_t)(1u << bit % 8);
        ck_assert_int_eq(smb2_verify(packets[_i].algorithm, s.key, s.msg, s.len),
                         NETSESSION_E_SECURITY);
    }
    for (unsigned other = NETSESSION_HMAC_SHA256; other <= NETSESSION_AES_GMAC; other++) {
        struct signed_packet s = good;
        int rc = smb2_verify(other, s.key, s.msg, s.len);

        ck_assert_int_eq(rc, other == packets[_i].algorithm ? 0 : NETSESSION_E_SECURITY);
    }
}
END_TEST

/* ---- Encryption ---- */

/* "Encryption in SMB 3.0: a protocol perspective" and "SMB 3.1.1 encryption in
 * Windows 10", a request and a response each. */
static const struct transform {
    unsigned cipher;
    uint64_t session_id;
    const char *key, *plain, *whole;
} transforms[] = {
    {NETSESSION_AES_128_CCM, 0x8E40014000011, "261b72350558f2e9dcf613070383edbf",
     "fe534d4240000100000000000900400008000000000000000400000000000000fffe00000100000011000014"
     "00e4080000000000000000000000000000000000310070001700000000000000000000001501000039000002"
     "010000003902000000000000000000007000000000000000536d623320656e6372797074696f6e2074657374"
     "696e67",
     "fd534d4281a286535415445dae393921e44fa42e66e69a111892584fb5ed524a744da3ee8700000000000100"
     "1100001400e4080025c8fee16605a437832d1cd52da9f4645333482a175fe5384563f45fcdafaef38bc62ba4"
     "d5c62897996625a44c29be5658de2e6117585779e7b59ffd971278d08580d7fa899e410e910eabf5aa1db430"
     "50b33b49182637759ac15d84bfcdf5b6b238993c0f4cf4d6012023f6c627297075d84b7803912d0a96396344"
     "53595ef3e33ffe4e7ac2ab"},
    {NETSESSION_AES_128_CCM, 0x8E40014000011, "8fe2b57ec34d2db5b1a9727f526bbdb5",
     "fe534d4240000100000000000900210009000000000000000400000000000000fffe00000100000011000014"
     "00e408000000000000000000000000000000000011000000170000000000000000000000",
     "fd534d42a6015530a18f6d9affe22afae8e6648486000000000000001100001400e408005000000000000100"
     "1100001400e40800dbf46435c5f14169293ce079e344479bf670227e49873f458672c3098dac467dd5809f36"
     "9d674091665157871483e01f7becd02064eac3e235f913668bbc2f097980d4b378f1993eff6e60d177309e5"
     "b"},
    {NETSESSION_AES_128_GCM, 0x100000000025, "a2f5e80e5d59103034f32e52f698e5ec",
     "fe534d4240000100000000000900010008000000000000000500000000000000fffe00000100000025000000"
     "0010000000000000000000000000000000000000310070001700000000000000000000000600000004000000"
     "010000000400000000000000000000007000000000000000536d623320656e6372797074696f6e2074657374"
     "696e67",
     "fd534d42bd73d97d2bc9001bcafac0fdff5feebcc7d6822d269caf48904c664c000000008700000000000100"
     "25000000001000006ecdd2a7afc7b47763057a041b8fd4daffe990b70c9e09d36c084e02d14ef247f8bde38a"
     "cf6256f8b1d3b56f77fbdeb312fea5e92cbcc1ed8fb2ebbfaa75e49a4a394bb44576545567c24d4c014d47c9"
     "fbdfdafd2c4f9b72f8d256452620a299f48e29e53d6b61d1c13a19e91af013f00d17e3abc2fc3d36c8c1b6b9"
     "3973253852dbd442e46ee8"},
    {NETSESSION_AES_128_GCM, 0x100000000025, "748c50868c90f302962a5c35f5f9a8bf",
     "fe534d4240000100000000000900010001000000000000000500000000000000fffe00000100000025000000"
     "001000000000000000000000000000000000000011000000170000000000000000000000",
     "fd534d42acbe1cb7ed343adf1725ef144d90d4b0e06831dd2e8eb7b400000000000000005000000000000100"
     "250000000010000026bbbf949983a6c1c796559d0f2c510cb651d1f7b6ac8ded32a2a0b8f2d793a815c6f6b8"
     "48d69767a215841a42d400ae6ddb5f0b44173a014973321fdd7950da6179159b82e03c9e18a050ff0ea1c96"
     "7"},
};
#define TRANSFORMS (int)(sizeof transforms / sizeof *transforms)

struct sealed {
    uint8_t key[32], msg[MAX_LEN];
    size_t len;
};

static struct sealed sealed_of(const struct transform *t)
{
    struct sealed s = {0};

    memcpy(s.key, key16(t->key), 16);
    s.len = test_unhex(s.msg, sizeof s.msg, t->whole);
    return s;
}

static int open_sealed(const struct transform *t, struct sealed s)
{
    return smb2_decrypt(t->cipher, s.key, t->session_id, s.msg, s.len);
}

START_TEST(decrypts)
{
    const struct transform *t = &transforms[_i];
    struct sealed s = sealed_of(t);

    ck_assert_int_eq(smb2_decrypt(t->cipher, s.key, t->session_id, s.msg, s.len), 0);
    test_assert_hex(s.msg + SMB2_TRANSFORM_LEN, s.len - SMB2_TRANSFORM_LEN, t->plain);
}
END_TEST

/* The published nonces fill all their bytes, ours only eight: so through the
 * cipher itself, with the published header. */
START_TEST(encrypts_as_published)
{
    const struct transform *t = &transforms[_i];
    struct sealed want = sealed_of(t), s = want;
    size_t len = test_unhex(s.msg + SMB2_TRANSFORM_LEN, MAX_LEN - SMB2_TRANSFORM_LEN, t->plain);

    ck_assert_uint_eq(len, s.len - SMB2_TRANSFORM_LEN);
    memset(s.msg + 4, 0, 16);
    ck_assert_int_eq(ns_aead_seal(t->cipher, s.key, s.msg + 20, (ns_slice){s.msg + 20, 32},
                                  s.msg + SMB2_TRANSFORM_LEN, len, s.msg + 4),
                     0);
    ck_assert_mem_eq(s.msg, want.msg, s.len);
}
END_TEST

/* One of them has a nonce that is ours to make. */
START_TEST(encrypts_whole_message)
{
    const struct transform *t = &transforms[3];
    struct sealed want = sealed_of(t);
    uint8_t plain[MAX_LEN];
    size_t len = test_unhex(plain, sizeof plain, t->plain);
    ns_writer w;

    ns_writer_init(&w, &hooks, MAX_LEN);
    ns_put(&w, "abc", 3); /* it is appended */
    ck_assert_int_eq(smb2_encrypt(t->cipher, want.key, ns_le64(want.msg + 20), t->session_id,
                                  plain, len, &w),
                     0);
    ck_assert_uint_eq(w.len, 3 + want.len);
    ck_assert_mem_eq(w.p + 3, want.msg, want.len);
    ns_writer_free(&w);
}
END_TEST

START_TEST(encryption_needs_room)
{
    uint8_t msg[64] = {0}, key[32] = {0};
    ns_writer w;

    ns_writer_init(&w, &hooks, SMB2_TRANSFORM_LEN + 63);
    ck_assert_int_eq(smb2_encrypt(NETSESSION_AES_128_GCM, key, 1, 2, msg, 64, &w),
                     NETSESSION_E_LIMIT);
    ns_writer_free(&w);
    heap.fail_at = heap.made + 1;
    ns_writer_init(&w, &hooks, MAX_LEN);
    ck_assert_int_eq(smb2_encrypt(NETSESSION_AES_128_GCM, key, 1, 2, msg, 64, &w),
                     NETSESSION_E_MEMORY);
    ns_writer_free(&w);
}
END_TEST

/* All but the protocol id, by which a message is known to be encrypted. */
START_TEST(every_bit_is_sealed)
{
    const struct transform *t = &transforms[_i];
    const struct sealed good = sealed_of(t);

    for (size_t bit = 32; bit < 8 * good.len; bit++) {
        struct sealed s = good;
        int rc;

        s.msg[bit / 8] ^= (uint8_t)(1u << bit % 8);
        rc = open_sealed(t, s);
        if (rc != NETSESSION_E_SECURITY &&
            (rc != NETSESSION_E_PROTOCOL || bit / 8 < 36 || bit / 8 > 43))
            ck_abort_msg("bit %zu: %d", bit, rc);
    }
    for (size_t bit = 0; bit < 128; bit++) {
        struct sealed s = good;

        s.key[bit / 8] ^= (uint8_t)(1u << bit % 8);
        ck_assert_int_eq(open_sealed(t, s), NETSESSION_E_SECURITY);
    }
}
END_TEST

START_TEST(wrong_session)
{
    const struct transform *t = &transforms[_i];
    struct sealed s = sealed_of(t);

    ck_assert_int_eq(smb2_decrypt(t->cipher, s.key, t->session_id ^ 1, s.msg, s.len),
                     NETSESSION_E_SECURITY);
    ck_assert_int_eq(smb2_decrypt(t->cipher, s.key, 0, s.msg, s.len), NETSESSION_E_SECURITY);
    ck_assert_int_eq(smb2_decrypt(3 - t->cipher, s.key, t->session_id, s.msg, s.len),
                     NETSESSION_E_SECURITY);
}
END_TEST

/* Cut at every byte, with the size as it was and as it should be. */
START_TEST(cut_short)
{
    const struct transform *t = &transforms[_i];
    const struct sealed good = sealed_of(t);

    for (size_t len = 0; len < good.len; len++)
        for (int mended = 0; mended < 2; mended++) {
            uint8_t *msg = test_copy(good.msg, len);
            bool small = !mended || len < SMB2_TRANSFORM_LEN + SMB2_HEADER_LEN;
            int rc;

            if (mended && len >= SMB2_TRANSFORM_LEN)
                ns_store32(msg + 36, (uint32_t)(len - SMB2_TRANSFORM_LEN));
            rc = smb2_decrypt(t->cipher, good.key, t->session_id, msg, len);
            ck_assert_int_eq(rc, small ? NETSESSION_E_PROTOCOL : NETSESSION_E_SECURITY);
            free(msg);
        }
}
END_TEST

/* Authentic, but the header says something else than there is. */
START_TEST(sealed_with_a_wrong_header)
{
    static const struct {
        uint32_t size;
        uint16_t flags;
        int rc;
    } cases[] = {
        {100, 1, 0},
        {100, 0, NETSESSION_E_PROTOCOL},
        {100, 2, NETSESSION_E_PROTOCOL},
        {100, 3, NETSESSION_E_PROTOCOL},
        {99, 1, NETSESSION_E_PROTOCOL},
        {101, 1, NETSESSION_E_PROTOCOL},
        {0, 1, NETSESSION_E_PROTOCOL},
        {UINT32_MAX, 1, NETSESSION_E_PROTOCOL},
        {100 + SMB2_TRANSFORM_LEN, 1, NETSESSION_E_PROTOCOL},
    };
    const uint8_t key[32] = {1};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t msg[SMB2_TRANSFORM_LEN + 100] = {0xFD, 'S', 'M', 'B'};

        ns_store32(msg + 36, cases[i].size);
        ns_store16(msg + 42, cases[i].flags);
        ns_store64(msg + 44, 42);
        ns_aead_seal(NETSESSION_AES_128_GCM, key, msg + 20, (ns_slice){msg + 20, 32},
                     msg + SMB2_TRANSFORM_LEN, 100, msg + 4);
        ck_assert_int_eq(smb2_decrypt(NETSESSION_AES_128_GCM, key, 42, msg, sizeof msg),
                         cases[i].rc);
    }
}
END_TEST

START_TEST(each_cipher_there_and_back)
{
    unsigned cipher = (unsigned)_i;
    uint8_t key[32], msg[200];
    ns_writer w;

    memset(key, 0x5A, sizeof key);
    for (size_t i = 0; i < sizeof msg; i++)
        msg[i] = (uint8_t)i;
    for (size_t len = SMB2_HEADER_LEN; len <= sizeof msg; len++) {
        ns_writer_init(&w, &hooks, MAX_LEN);
        ck_assert_int_eq(smb2_encrypt(cipher, key, UINT64_MAX - len, 42, msg, len, &w), 0);
        ck_assert_uint_eq(w.len, SMB2_TRANSFORM_LEN + len);
        ck_assert_uint_eq(ns_le64(w.p + 20), UINT64_MAX - len);
        test_assert_hex(w.p + 28, 8, "0000000000000000");
        test_assert_hex(w.p + 40, 12, "000001002a00000000000000");
        ck_assert_mem_ne(w.p + SMB2_TRANSFORM_LEN, msg, len);
        ck_assert_int_eq(smb2_decrypt(cipher, key, 42, w.p, w.len), 0);
        ck_assert_mem_eq(w.p + SMB2_TRANSFORM_LEN, msg, len);
        ns_writer_free(&w);
    }
}
END_TEST

START_TEST(names)
{
    ck_assert_str_eq(smb2_signing_name(NETSESSION_HMAC_SHA256), "HMAC-SHA256");
    ck_assert_str_eq(smb2_signing_name(NETSESSION_AES_CMAC), "AES-CMAC");
    ck_assert_str_eq(smb2_signing_name(NETSESSION_AES_GMAC), "AES-GMAC");
    ck_assert_ptr_null(smb2_cipher_name(NETSESSION_CIPHER_NONE));
    ck_assert_str_eq(smb2_cipher_name(NETSESSION_AES_128_CCM), "AES-128-CCM");
    ck_assert_str_eq(smb2_cipher_name(NETSESSION_AES_128_GCM), "AES-128-GCM");
    ck_assert_str_eq(smb2_cipher_name(NETSESSION_AES_256_CCM), "AES-256-CCM");
    ck_assert_str_eq(smb2_cipher_name(NETSESSION_AES_256_GCM), "AES-256-GCM");
    ck_assert_str_eq(smb2_dialect_name(NETSESSION_SMB_2_0_2), "2.0.2");
    ck_assert_str_eq(smb2_dialect_name(NETSESSION_SMB_2_1), "2.1");
    ck_assert_str_eq(smb2_dialect_name(NETSESSION_SMB_3_0), "3.0");
    ck_assert_str_eq(smb2_dialect_name(NETSESSION_SMB_3_0_2), "3.0.2");
    ck_assert_str_eq(smb2_dialect_name(NETSESSION_SMB_3_1_1), "3.1.1");
    ck_assert_ptr_null(smb2_dialect_name(0x02FF));
}
END_TEST

TCase *smb2_crypto_case(void)
{
    TCase *tc = tcase_create("crypto");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, kdf_vectors);
    tcase_add_loop_test(tc, derived_keys, 0, (int)(sizeof derivations / sizeof *derivations));
    tcase_add_test(tc, long_and_short_keys);
    tcase_add_test(tc, preauth_chain);
    tcase_add_loop_test(tc, verifies, 0, PACKETS);
    tcase_add_loop_test(tc, signs, 0, PACKETS);
    tcase_add_loop_test(tc, every_bit_is_signed, 0, PACKETS);
    tcase_add_loop_test(tc, every_bit_of_the_key_counts, 0, PACKETS);
    tcase_add_loop_test(tc, decrypts, 0, TRANSFORMS);
    tcase_add_loop_test(tc, encrypts_as_published, 0, TRANSFORMS);
    tcase_add_test(tc, encrypts_whole_message);
    tcase_add_test(tc, encryption_needs_room);
    tcase_add_loop_test(tc, every_bit_is_sealed, 0, TRANSFORMS);
    tcase_add_loop_test(tc, wrong_session, 0, TRANSFORMS);
    tcase_add_loop_test(tc, cut_short, 0, TRANSFORMS);
    tcase_add_test(tc, sealed_with_a_wrong_header);
    tcase_add_loop_test(tc, each_cipher_there_and_back, NETSESSION_AES_128_CCM,
                        NETSESSION_AES_256_GCM + 1);
    tcase_add_test(tc, names);
    return tc;
}
