#include "auth/md4.h"

#include <string.h>

#include "base/bytes.h"
#include "base/crypto.h"

/* libcrypto keeps MD4 in its legacy provider, which many builds leave out. */

#define BLOCK 64

static uint32_t choose(uint32_t x, uint32_t y, uint32_t z)
{
    return (x & y) | (~x & z);
}

static uint32_t majority(uint32_t x, uint32_t y, uint32_t z)
{
    return (x & y) | (x & z) | (y & z);
}

static uint32_t parity(uint32_t x, uint32_t y, uint32_t z)
{
    return x ^ y ^ z;
}

/* RFC 1320 section 3.4: each round's function, constant, word order, shifts. */
static const struct round {
    uint32_t (*mix)(uint32_t x, uint32_t y, uint32_t z);
    uint32_t add;
    uint8_t order[16];
    uint8_t shift[4];
} rounds[] = {
    {choose, 0, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {3, 7, 11, 19}},
    {majority,
     0x5A827999,
     {0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15},
     {3, 5, 9, 13}},
    {parity,
     0x6ED9EBA1,
     {0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15},
     {3, 9, 11, 15}},
};

/* One operation; the registers change places instead of names. */
static void operate(uint32_t v[4], const struct round *r, size_t i, const uint8_t *block)
{
    uint32_t sum =
        v[0] + r->mix(v[1], v[2], v[3]) + ns_le32(block + r->order[i] * sizeof sum) + r->add;
    unsigned shift = r->shift[i % 4];

    v[0] = v[3];
    v[3] = v[2];
    v[2] = v[1];
    v[1] = sum << shift | sum >> (32 - shift);
}

static void absorb(uint32_t h[4], const uint8_t *block)
{
    uint32_t v[4];

    memcpy(v, h, sizeof v);
    for (size_t r = 0; r < sizeof rounds / sizeof *rounds; r++)
        for (size_t i = 0; i < 16; i++)
            operate(v, &rounds[r], i, block);
    for (unsigned i = 0; i < 4; i++)
        h[i] += v[i];
    ns_wipe(v, sizeof v);
}

/* The last bytes, a one bit, zeros, the length in bits: one or two blocks. */
static void absorb_tail(uint32_t h[4], const uint8_t *tail, size_t n, size_t total)
{
    uint8_t pad[2 * BLOCK] = {0};
    size_t end = n < BLOCK - 8 ? BLOCK : 2 * BLOCK;

    if (n)
        memcpy(pad, tail, n);
    pad[n] = 0x80;
    ns_store64(pad + end - 8, (uint64_t)total * 8);
    for (size_t off = 0; off < end; off += BLOCK)
        absorb(h, pad + off);
    ns_wipe(pad, sizeof pad);
}

void ns_md4(const void *data, size_t len, uint8_t out[16])
{
    uint32_t h[4] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476};
    const uint8_t *p = data;
    size_t left = len;

    for (; left >= BLOCK; left -= BLOCK, p += BLOCK)
        absorb(h, p);
    absorb_tail(h, p, left, len);
    for (size_t i = 0; i < 4; i++)
        ns_store32(out + 4 * i, h[i]);
    ns_wipe(h, sizeof h);
}
