#include "server/fill.h"

#include <inttypes.h>
#include <stdio.h>

/* splitmix64: a number's neighbours give unrelated results. */
static uint64_t mix(uint64_t x)
{
    x += 0x9E3779B97F4A7C15u;
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
    x = (x ^ x >> 27) * 0x94D049BB133111EBu;
    return x ^ x >> 31;
}

static const char *const given[] = {"ada",  "alan", "barbara", "dennis", "edsger", "grace",
                                    "john", "ken",  "leslie",  "niklaus", "radia", "tony"};

void ns_fill_make(uint64_t seed, uint32_t id, ns_fill_text *text, srvsvc_session *out)
{
    uint64_t r = mix(seed ^ mix(id));
    unsigned name = (unsigned)(r % (sizeof given / sizeof *given));

    snprintf(text->client, sizeof text->client, "10.%u.%u.%u", (unsigned)(r >> 8 & 255),
             (unsigned)(r >> 16 & 255), (unsigned)(r >> 24 & 255));
    snprintf(text->user, sizeof text->user, "%s%" PRIu32, given[name], id);
    *out = (srvsvc_session){.id = id,
                            .client = text->client,
                            .user = text->user,
                            .client_type = "",
                            .transport = "made up",
                            .opens = (uint32_t)(r >> 32 & 15),
                            .time = (uint32_t)(r >> 36 & 0xFFFFF),
                            .flags = (uint32_t)(r >> 60 & 1)};
    out->idle = out->time ? (uint32_t)(mix(r) % out->time) : 0;
}
