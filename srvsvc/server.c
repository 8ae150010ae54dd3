/* From the stub of a request to the stub of its reply. */
#include "srvsvc/server.h"

#include "base/error.h"
#include "srvsvc/call.h"

static const srvsvc_op *const ops[] = {
    &srvsvc_op_session_enum,   &srvsvc_op_session_del,     &srvsvc_op_share_enum,
    &srvsvc_op_share_get_info, &srvsvc_op_server_get_info, &srvsvc_op_remote_tod,
};

static const srvsvc_op *op_of(uint16_t opnum)
{
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++)
        if (ops[i]->opnum == opnum)
            return ops[i];
    return NULL;
}

const char *srvsvc_call_name(uint16_t opnum)
{
    const srvsvc_op *op = op_of(opnum);

    return op ? op->in->name : NULL;
}

static bool allowed(const srvsvc_caller *caller, srvsvc_right right)
{
    return right == SRVSVC_ANYONE || caller->admin || (right == SRVSVC_READ && caller->read);
}

/* One call on its way. */
struct job {
    const srvsvc_op *op;
    const srvsvc_caller *caller;
    srvsvc_call call;
    bool ndr64;
    void *in, *out; /* parameters */
};

/* Rights first: who lacks them learns nothing about what else is wrong with
 * the request, nor about the table. */
static int answer(struct job *job, ns_writer *out)
{
    const srvsvc_op *op = job->op;
    netsession_error err = {0};
    size_t start = out->len;
    uint32_t *status = job->out;
    int code;

    if (op->echo)
        op->echo(job->in, job->out);
    if (op->right && !allowed(job->caller, op->right(job->in)))
        *status = ERROR_ACCESS_DENIED;
    else
        *status = op->run(&job->call, job->in, job->out);
    code = ndr_encode(op->out, job->out, job->ndr64, out, &err);
    if (code)
        out->len = start;
    ns_free(job->call.hooks, job->call.rows, job->call.rows_size);
    return code;
}

static int refuse(const netsession_hooks *hooks, const char *why, uint32_t *fault)
{
    hooks->log(hooks->ctx, 1, why);
    *fault = RPC_X_BAD_STUB_DATA;
    return 0;
}

/* Decoded parameters take more memory than their stub, but not by much: a null
 * pointer of 4 bytes becomes one of 8, UTF-16 at most half as much again. */
static size_t budget(size_t stub)
{
    return 4 * stub + 256;
}

/* A verification trailer ([MS-RPCE] 2.2.2.13) may follow the parameters. */
static int serve(struct job *job, ns_reader *stub, ndr_format format, ns_writer *out,
                 uint32_t *fault)
{
    const netsession_hooks *hooks = job->call.hooks;
    size_t len = ns_left(stub), size;
    ndr_source src = {.stub = ns_take(stub, len),
                      .len = len,
                      .format = format,
                      .trailing = true,
                      .max = budget(len),
                      .layer = NS_LAYER_SRVSVC};
    netsession_error err = {0};
    void *memory;
    int code;

    if (ndr_measure(&src, job->op->in, job->in, &err))
        return refuse(hooks, err.message, fault);
    size = src.fixed + src.text + 1;
    memory = ns_alloc(hooks, size);
    if (!memory)
        return NETSESSION_E_MEMORY;
    ndr_fill(&src, job->op->in, job->in, memory);
    code = answer(job, out);
    ns_free(hooks, memory, size);
    return code;
}

int srvsvc_dispatch(const srvsvc_backend *b, const srvsvc_caller *caller,
                    const netsession_hooks *hooks, uint16_t opnum, ns_reader stub,
                    ndr_format format, ns_writer *out, uint32_t *fault)
{
    const srvsvc_op *op = op_of(opnum);
    struct job job = {.op = op,
                      .caller = caller,
                      .call = {.backend = b, .hooks = hooks},
                      .ndr64 = format.ndr64};
    int code;

    *fault = op ? 0 : RPC_FAULT_OP_RANGE;
    if (!op)
        return 0;
    job.in = ns_alloc(hooks, op->in->size);
    job.out = ns_alloc(hooks, op->out->size);
    code = job.in && job.out ? serve(&job, &stub, format, out, fault) : NETSESSION_E_MEMORY;
    ns_free(hooks, job.in, op->in->size);
    ns_free(hooks, job.out, op->out->size);
    return code;
}
