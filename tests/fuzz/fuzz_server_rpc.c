/* Length-prefixed writes into a srvsvc pipe, each followed by a reader who
 * takes all there is, or as much as the byte before says. */
#include "dcerpc/server.h"
#include "srvsvc/server.h"
#include "tests/util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static netsession_hooks hooks;

static bool next(void *ctx, uint32_t after, srvsvc_session *out)
{
    (void)ctx;
    *out = (srvsvc_session){.id = after + 1, .client = "10.0.0.1", .user = "ada"};
    return after < 100;
}

static uint32_t remove_them(void *ctx, const char *client, const char *user)
{
    (void)ctx;
    return srvsvc_name_equal(client, "10.0.0.1") || srvsvc_name_equal(user, "ada");
}

static int on_call(void *ctx, const rpc_call *call, ns_writer *out, uint32_t *fault)
{
    static const srvsvc_backend backend = {.next = next, .remove = remove_them, .name = "RIG"};
    static const srvsvc_caller admin = {.admin = true, .read = true};
    const ndr_format format = {.ndr64 = call->ndr64, .big = call->big};

    (void)ctx;
    return srvsvc_dispatch(&backend, &admin, &hooks, call->opnum, call->stub, format, out,
                           fault);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ns_reader in = ns_reader_of(data, size);
    rpc_service service = {
        .iface = srvsvc_interface, .secondary_address = "\\PIPE\\srvsvc", .call = on_call};
    test_heap heap;
    rpc_server s;
    size_t len, left;
    int rc = 0;

    test_heap_hooks(&heap, &hooks);
    rpc_server_init(&s, &hooks, &service, 1, NETSESSION_NDR32 | NETSESSION_NDR64, 1);
    while (!in.bad && ns_left(&in) && !rc && !rpc_server_ended(&s)) {
        size_t most = ns_get8(&in) ? SIZE_MAX : 7;

        len = ns_get16(&in);
        len = len < ns_left(&in) ? len : ns_left(&in);
        rc = rpc_server_input(&s, ns_take(&in, len), len);
        while (rpc_server_output(&s, &left))
            rpc_server_output_ack(&s, left < most ? left : most);
    }
    rpc_server_free(&s);
    return heap.live ? __builtin_trap(), 0 : 0;
}
