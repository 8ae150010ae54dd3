#include "tests/fuzz/asking.h"

enum { DIALECT = 3, NO_COMPOUND = 4, ENCRYPT = 8, LONG_NAMES = 32, POOR = 64 };

unsigned asking_dialect(uint8_t kind)
{
    static const unsigned dialects[] = {NETSESSION_SMB_3_1_1, NETSESSION_SMB_3_0_2,
                                        NETSESSION_SMB_2_1, NETSESSION_SMB_2_0_2};

    return dialects[kind & DIALECT];
}

netsession *asking_begin(const netsession_hooks *hooks, uint8_t kind)
{
    netsession_config *cfg = netsession_config_new(hooks);
    unsigned max = asking_dialect(kind);
    netsession *ns;

    MUST(cfg && !netsession_config_kerberos(cfg, NETSESSION_KERBEROS_OFF));
    MUST(!netsession_config_user(cfg, NULL, "admin"));
    MUST(!netsession_config_password(cfg, "secret"));
    MUST(!netsession_config_dialects(cfg, NETSESSION_SMB_2_0_2, max));
    MUST(!netsession_config_max_reply(cfg, 16384) && !netsession_config_io_size(cfg, 4096));
    MUST(!netsession_config_compound(cfg, !(kind & NO_COMPOUND)));
    MUST(!netsession_config_encrypt(cfg, kind & ENCRYPT && max >= NETSESSION_SMB_3_0));
    MUST(!netsession_new(&ns, cfg, "rig"));
    netsession_config_free(cfg);
    MUST(!netsession_start(ns, 0));
    return ns;
}

/* Nothing moves it any more. */
static void check_failed(netsession *ns)
{
    netsession_error err = *netsession_last_error(ns);
    netsession_query q;
    netsession_event ev;
    size_t n;

    netsession_query_init(&q);
    fuzz_told(err.code, &err);
    MUST(err.code < 0 && netsession_wants(ns) == NETSESSION_CLOSED);
    MUST(!netsession_input(ns, &n) && !n && (netsession_output(ns, &n), !n));
    MUST(netsession_input_ack(ns, 0) == err.code && netsession_input_eof(ns) == err.code);
    MUST(netsession_query_start(ns, &q, 0) == err.code && netsession_start(ns, 0) == err.code);
    MUST(netsession_shutdown(ns, 0) == err.code && !netsession_next_event(ns, &ev));
    MUST(netsession_deadline(ns) == UINT64_MAX && !netsession_tick(ns, UINT64_MAX - 1));
    MUST(!memcmp(&err, netsession_last_error(ns), sizeof err));
}

/* Names so long that the request may take several fragments. */
static void name_long(netsession_query *q)
{
    static char name[1000];

    memset(name, 'x', sizeof name - 1);
    q->client = q->user = name;
}

static void ask(netsession *ns, uint8_t kind, unsigned *asked)
{
    static const uint32_t levels[] = {502, 10, 2, 0};
    netsession_query q;

    netsession_query_init(&q);
    if (*asked == 2) {
        (void)netsession_shutdown(ns, 0);
        return;
    }
    q.level = levels[(*asked)++ + (kind & POOR ? 2 : 0)];
    q.client = *asked == 2 ? "\\\\10.0.0.1" : NULL;
    if (kind & LONG_NAMES)
        name_long(&q);
    if (netsession_query_start(ns, &q, 0))
        MUST(netsession_wants(ns) & NETSESSION_CLOSED);
}

void asking_go_on(netsession *ns, uint8_t kind, unsigned *asked)
{
    netsession_event ev;

    MUST(netsession_next_event(ns, &ev));
    MUST(!ev.page == (ev.type != NETSESSION_EV_PAGE));
    if (ev.page)
        fuzz_page(ev.page);
    netsession_page_free(ev.page);
    if (ev.type == NETSESSION_EV_FAILED)
        check_failed(ns);
    else if (ev.type != NETSESSION_EV_GOODBYE)
        ask(ns, kind, asked);
}
