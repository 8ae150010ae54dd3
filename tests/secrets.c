/*
 * Nothing secret stays in memory.  A connection with a password, then its end;
 * then all of this process's own writable memory is searched for the password
 * in UTF-8 and UTF-16, its NT hash and every key: freed memory and dead stack
 * too, for the connection ran on a thread whose stack is left as it was.  What
 * is searched for is kept masked.
 *
 * And once more with libcrypto's secure heap: then, while the connection lives,
 * none of that is in memory that a core file would have.
 *
 *   secrets            NTLM, with the reference server in memory
 *   secrets kerberos   Kerberos, over a socket, within tests/kerberos.sh
 */
#include <lm.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>
#include <wchar.h>

#include "auth/server.h"
#include "base/crypto.h"
#include "netapi/conn.h"
#include "tests/test_server_rig.h"

/* ---- What is searched for ---- */

#define MASK     0xA5
#define PART     8u /* bytes that are found alone: free() overwrites the head */
#define LONGEST  256
#define PASSWORD 40

struct secret {
    const char *name;
    size_t n, part;
    uint8_t masked[LONGEST];
};

static struct secret secrets[16];
static size_t planted;

static struct secret *plant(const char *name, const uint8_t *p, size_t n)
{
    struct secret *s = &secrets[planted++];

    MUST(planted <= sizeof secrets / sizeof *secrets && n <= LONGEST);
    s->name = name;
    s->n = n;
    s->part = PART;
    for (size_t i = 0; i < n; i++)
        s->masked[i] = p[i] ^ MASK;
    return s;
}

static void unmask(const struct secret *s, char *out)
{
    for (size_t i = 0; i < s->n; i++)
        out[i] = (char)(s->masked[i] ^ MASK);
    out[s->n] = '\0';
}

enum { UTF8, UTF16, UTF32, NT_HASH, FIRST_KEY };

/* One that has units of these sizes. */
static void plant_wide(const char *name, const char *password, size_t unit)
{
    uint8_t wide[LONGEST] = {0};
    size_t n = strlen(password);

    MUST(n * unit <= sizeof wide);
    for (size_t i = 0; i < n; i++)
        wide[unit * i] = (uint8_t)password[i];
    plant(name, wide, n * unit)->part = 6 * unit; /* more than a name of it */
    ns_wipe(wide, sizeof wide);
}

static void plant_password(const char *password)
{
    uint8_t hash[16];

    planted = UTF8;
    plant("the password in UTF-8", (const uint8_t *)password, strlen(password));
    plant_wide("the password in UTF-16", password, 2);
    plant_wide("the password in UTF-32", password, 4); /* wchar_t of lm.h */
    MUST(!ntlm_nt_hash(password, hash));
    plant("the NT hash", hash, sizeof hash);
    ns_wipe(hash, sizeof hash);
}

static void new_password(void)
{
    char text[PASSWORD + 1] = {0};

    MUST(getrandom(text, PASSWORD, 0) == PASSWORD);
    for (size_t i = 0; i < PASSWORD; i++)
        text[i] = (char)('0' + (unsigned char)text[i] % 74); /* '0' to 'y' */
    plant_password(text);
    ns_wipe(text, sizeof text);
}

static void plant_keys(const netsession *ns)
{
    const smb2_keys *k = &ns->smb.keys;

    plant("the signing key", k->signing, sizeof k->signing);
    if (ns->smb.cipher) {
        plant("the encryption key", k->to_server, sizeof k->to_server / 2);
        plant("the decryption key", k->to_client, sizeof k->to_client / 2);
    }
}

/* The client's random numbers: 8 bytes that are sent, then the session key. */
static int entropy(void *ctx, void *out, size_t size)
{
    (void)ctx;
    MUST(getrandom(out, size, 0) == (ssize_t)size);
    if (size == 24)
        plant("the session key", (const uint8_t *)out + 8, 16);
    return 0;
}

/* ---- The search ---- */

static _Alignas(4096) uint8_t stack[1u << 20]; /* of the thread; it stays */

enum { STACK, ELSEWHERE };
static const char *const places[] = {"dead stack", "heap or data"};

struct find {
    size_t count[2]; /* by place */
    size_t part;     /* the first: where in the secret */
};

static struct find finds[sizeof secrets / sizeof *secrets];
/* Which two bytes, masked, begin a part of a secret: most memory has no others. */
static uint8_t begins[1u << 16];

static unsigned two_bytes(const uint8_t *p, uint8_t mask)
{
    return (unsigned)(p[0] ^ mask) << 8 | (unsigned)(p[1] ^ mask);
}

static void note(const uint8_t *p, struct find *f, size_t part)
{
    if (!f->count[STACK] && !f->count[ELSEWHERE])
        f->part = part;
    f->count[p >= stack && p < stack + sizeof stack ? STACK : ELSEWHERE]++;
}

static void compare(const uint8_t *p, const uint8_t *end, size_t which)
{
    const struct secret *s = &secrets[which];

    for (size_t i = 0; i + s->part <= s->n && s->part <= (size_t)(end - p); i++) {
        size_t k = 0;

        while (k < s->part && (uint8_t)(p[k] ^ MASK) == s->masked[i + k])
            k++;
        if (k == s->part)
            note(p, &finds[which], i);
    }
}

static void search_range(const uint8_t *p, const uint8_t *end)
{
    for (; p + PART <= end; p++)
        if (begins[two_bytes(p, MASK)])
            for (size_t s = 0; s < planted; s++)
                compare(p, end, s);
}

static void prepare_search(void)
{
    memset(finds, 0, sizeof finds);
    memset(begins, 0, sizeof begins);
    for (size_t s = 0; s < planted; s++)
        for (size_t i = 0; i + PART <= secrets[s].n; i++)
            begins[two_bytes(secrets[s].masked + i, 0)] = 1;
}

enum reach { ALL, DUMPED };

/* Everything that can be written, or what of it a core file would have (no flag
 * "dd", proc(5)); returns how many bytes that is. */
static size_t search_memory(enum reach reach)
{
    FILE *maps = fopen("/proc/self/smaps", "r");
    unsigned long from = 0, to = 0, f, t;
    size_t all = 0;
    char line[512];

    MUST(maps);
    prepare_search();
    while (fgets(line, sizeof line, maps)) {
        if (sscanf(line, "%lx-%lx ", &f, &t) == 2)
            from = f, to = strstr(line, " rw") ? t : f;
        if (strncmp(line, "VmFlags:", 8) != 0 || (reach == DUMPED && strstr(line, " dd")))
            continue;
        search_range((const uint8_t *)from, (const uint8_t *)to);
        all += to - from;
    }
    fclose(maps);
    return all;
}

static bool report(const char *title, size_t searched)
{
    bool clean = true;

    for (size_t i = 0; i < planted; i++)
        for (size_t k = STACK; k <= ELSEWHERE; k++)
            if (finds[i].count[k]) {
                printf("FAIL secrets: %s: %s remains in %s, %zu parts of %zu bytes, one "
                       "from byte %zu on\n",
                       title, secrets[i].name, places[k], finds[i].count[k], secrets[i].part,
                       finds[i].part);
                clean = false;
            }
    if (clean)
        printf("ok secrets: %s: none of %zu in %zu kB\n", title, planted, searched / 1024);
    return clean;
}

/* While a connection lives that has what is searched for. */
static bool kept_from_cores(const char *title)
{
    char text[128];

    if (!CRYPTO_secure_malloc_initialized())
        return true;
    search_memory(ALL);
    MUST(finds[planted - 1].count[ELSEWHERE]); /* a key */
    snprintf(text, sizeof text, "%s, alive, for a core file", title);
    return report(text, search_memory(DUMPED));
}

static void run_apart(void *(*run)(void *), void *arg)
{
    pthread_attr_t attr;
    pthread_t thread;

    memset(stack, 0, sizeof stack);
    MUST(!pthread_attr_init(&attr) && !pthread_attr_setstack(&attr, stack, sizeof stack));
    MUST(!pthread_create(&thread, &attr, run, arg) && !pthread_join(thread, NULL));
    pthread_attr_destroy(&attr);
}

/* ---- NTLM ---- */

enum source { CALL, FILE_OF_PASSWORD, AUTHFILE };

struct test {
    const char *title;
    unsigned dialect, cipher; /* cipher 0: signed only */
    enum source source;
    int outcome; /* type of the event that the logon ends with */
};

static const struct test tests[] = {
    {"SMB 2.0.2, signed", NETSESSION_SMB_2_0_2, 0, CALL, NETSESSION_EV_READY},
    {"SMB 3.1.1, signed", NETSESSION_SMB_3_1_1, 0, CALL, NETSESSION_EV_READY},
    {"SMB 3.0, AES-128-CCM", NETSESSION_SMB_3_0, NETSESSION_AES_128_CCM, CALL,
     NETSESSION_EV_READY},
    {"SMB 3.1.1, AES-128-GCM, password from a file", NETSESSION_SMB_3_1_1,
     NETSESSION_AES_128_GCM, FILE_OF_PASSWORD, NETSESSION_EV_READY},
    {"SMB 3.1.1, AES-256-GCM, authfile", NETSESSION_SMB_3_1_1, NETSESSION_AES_256_GCM, AUTHFILE,
     NETSESSION_EV_READY},
    {"wrong password", NETSESSION_SMB_3_1_1, 0, CALL, NETSESSION_EV_FAILED},
};

static bool knows; /* the server, the password */
static bool clean;

static int lookup(void *ctx, const char *domain, const char *user, auth_account *out)
{
    (void)ctx;
    (void)domain;
    (void)user;
    out->admin = true;
    for (size_t i = 0; i < 16; i++)
        out->nt_hash[i] = (uint8_t)(secrets[NT_HASH].masked[i] ^ MASK ^ (knows ? 0 : 1));
    return 1;
}

static void from_file(netsession_config *cfg, enum source source, const char *password)
{
    static const char head[] = "username = alice\npassword = ";
    char path[] = "/tmp/secrets.XXXXXX";
    int fd = mkstemp(path);
    ssize_t n = (ssize_t)strlen(password);

    MUST(fd >= 0);
    if (source == AUTHFILE)
        MUST(write(fd, head, sizeof head - 1) == sizeof head - 1);
    MUST(write(fd, password, (size_t)n) == n && close(fd) == 0);
    if (source == AUTHFILE)
        MUST(!netsession_config_authfile(cfg, path));
    else
        MUST(!netsession_config_password_file(cfg, path));
    unlink(path);
}

static void give_password(netsession_config *cfg, enum source source)
{
    char password[LONGEST + 1];

    unmask(&secrets[UTF8], password);
    MUST(!netsession_config_user(cfg, NULL, "alice"));
    if (source == CALL)
        MUST(!netsession_config_password(cfg, password));
    else
        from_file(cfg, source, password);
    ns_wipe(password, sizeof password);
}

static netsession_config *config(const struct test *t)
{
    const netsession_hooks hooks = {.entropy = entropy};
    netsession_config *cfg = netsession_config_new(&hooks);

    MUST(cfg && !netsession_config_kerberos(cfg, NETSESSION_KERBEROS_OFF));
    MUST(!netsession_config_dialects(cfg, t->dialect, t->dialect));
    if (t->cipher) {
        MUST(!netsession_config_ciphers(cfg, &t->cipher, 1));
        MUST(!netsession_config_encrypt(cfg, 1));
    }
    give_password(cfg, t->source);
    return cfg;
}

static void list(rig_client *c)
{
    MUST(rig_query(c, 10, NETSESSION_NO_LIMIT, 0) == NETSESSION_EV_PAGE);
    netsession_page_free(c->event.page);
}

static void *in_memory(void *arg)
{
    const struct test *t = arg;
    rig_client c;
    rig r;

    knows = t->outcome == NETSESSION_EV_READY;
    rig_init(&r);
    r.cfg.smb.auth.lookup = lookup;
    r.cfg.hooks.alloc = NULL; /* the server's keys are the client's */
    r.cfg.hooks.free = NULL;
    rig_start(&r);
    MUST(rig_connect(&c, &r, config(t), "10.0.0.1") == t->outcome);
    if (knows) {
        plant_keys(c.ns);
        list(&c);
        clean = kept_from_cores(t->title) && clean;
    }
    rig_leave(&c);
    rig_stop(&r);
    return NULL;
}

/* What is left behind is found: on the stack, and what free() leaves of it. */
static void *careless(void *arg)
{
    netsession_hooks hooks;
    char password[LONGEST + 1];
    void *copy;

    (void)arg;
    ns_hooks_fill(&hooks, NULL);
    unmask(&secrets[UTF8], password);
    copy = ns_strdup(&hooks, password, strlen(password));
    MUST(copy);
    hooks.free(hooks.ctx, copy);
    return NULL;
}

static bool is_found(void)
{
    new_password();
    run_apart(careless, NULL);
    search_memory(ALL);
    if (!finds[UTF8].count[STACK] || !finds[UTF8].count[ELSEWHERE])
        puts("FAIL secrets: what is left behind is not found");
    return finds[UTF8].count[STACK] && finds[UTF8].count[ELSEWHERE];
}

static void each_in_memory(void)
{
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
        struct test t = tests[i];

        new_password();
        run_apart(in_memory, &t);
        MUST(planted > FIRST_KEY);
        clean = report(t.title, search_memory(ALL)) && clean;
    }
}

static void have_secure_heap(void)
{
    MUST(CRYPTO_secure_malloc_init(1u << 20, 32));
}

static int all_in_memory(void)
{
    clean = is_found();
    each_in_memory();
    have_secure_heap();
    each_in_memory();
    return clean ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* ---- Kerberos ---- */

/* The environment is memory, too, and what looks through it leaves traces: in
 * this process it has the password masked only. */
static void again_with_masked_password(char **argv)
{
    static const char *const names[] = {"ALICE_PASSWORD", "BOB_PASSWORD", "EXPIRED_PASSWORD",
                                        "DISABLED_PASSWORD"};
    char text[LONGEST + 1];
    size_t n = 0;

    MUST(getenv(names[0]));
    for (const char *p = getenv(names[0]); *p && n < LONGEST; p++)
        text[n++] = (char)(*p ^ MASK);
    text[n] = '\0';
    MUST(!setenv("MASKED_PASSWORD", text, 1));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        MUST(!unsetenv(names[i]));
    execv("/proc/self/exe", argv);
    rig_broken("cannot start again");
}

static void take_password(const char *masked)
{
    char text[LONGEST + 1];
    size_t n = 0;

    for (; masked[n] && n < LONGEST; n++)
        text[n] = (char)(masked[n] ^ MASK);
    text[n] = '\0';
    plant_password(text);
    ns_wipe(text, sizeof text);
}

static void *over_a_socket(void *arg)
{
    netsession_config *cfg = netsession_config_new(NULL);
    char password[LONGEST + 1];
    netsession *ns;

    unmask(&secrets[UTF8], password);
    MUST(cfg && !netsession_config_kerberos(cfg, NETSESSION_KERBEROS_REQUIRED));
    MUST(!netsession_config_user(cfg, NULL, "alice@NET.TEST"));
    MUST(!netsession_config_password(cfg, password));
    ns_wipe(password, sizeof password);
    MUST(!netsession_new(&ns, cfg, arg));
    MUST(!netsession_connect(ns));
    plant_keys(ns);
    clean = kept_from_cores("Kerberos") && clean;
    netsession_close(ns);
    netsession_free(ns);
    netsession_config_free(cfg);
    return NULL;
}

static void widen(wchar_t *out, const char *text)
{
    do
        *out++ = (wchar_t)*text;
    while (*text++);
}

static void *win32_calls(void *arg)
{
    wchar_t server[64] = L"\\\\", remote[80], password[LONGEST + 1];
    wchar_t domain[] = L"NET.TEST", user[] = L"alice";
    USE_INFO_2 info = {.ui2_remote = remote,
                       .ui2_asg_type = USE_IPC,
                       .ui2_domainname = domain,
                       .ui2_username = user,
                       .ui2_password = password};
    DWORD wrong, n = 0, total = 0;
    LPBYTE rows = NULL;
    char narrow[LONGEST + 1];

    widen(server + 2, arg);
    swprintf(remote, 80, L"%ls\\IPC$", server);
    unmask(&secrets[UTF8], narrow);
    widen(password, narrow);
    ns_wipe(narrow, sizeof narrow);
    MUST(NetUseAdd(NULL, 2, (LPBYTE)&info, &wrong) == NERR_Success);
    ns_wipe(password, sizeof password);
    MUST(NetSessionEnum(server, NULL, NULL, 10, &rows, MAX_PREFERRED_LENGTH, &n, &total,
                        NULL) == NERR_Success);
    NetApiBufferFree(rows);
    MUST(NetUseDel(NULL, remote, USE_NOFORCE) == NERR_Success);
    return NULL;
}

static int with_kerberos(char **argv)
{
    const char *masked = getenv("MASKED_PASSWORD");
    char *server = getenv("SESSIOND");

    MUST(server);
    if (!masked)
        again_with_masked_password(argv);
    take_password(masked);
    clean = true;
    run_apart(over_a_socket, server);
    clean = report("Kerberos", search_memory(ALL)) && clean;
    planted = FIRST_KEY;
    have_secure_heap();
    run_apart(over_a_socket, server);
    clean = report("Kerberos", search_memory(ALL)) && clean;
    planted = FIRST_KEY;
    run_apart(win32_calls, server);
    clean = report("Kerberos, Win32 calls", search_memory(ALL)) && clean;
    return clean ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "kerberos"))
        return with_kerberos(argv);
    return all_in_memory();
}
