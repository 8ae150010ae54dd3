/* What NetrSessionEnum answers, in the syntax and byte order of the first byte and
 * with the room of the second: what is read fits the room, its strings are UTF-8,
 * and written in either syntax it is read as the same. */
#include "srvsvc/page.h"
#include "tests/fuzz/fuzz.h"

static void rewrite(const fuzz *z, const netsession_page *page, bool ndr64, ns_writer w[3])
{
    netsession_error err = {0};
    netsession_page *again;

    ns_writer_reset(&w[0]);
    ns_writer_reset(&w[2]);
    MUST(!srvsvc_session_enum_encode_out(&page->out, ndr64, &w[0], &err));
    MUST(!srvsvc_session_enum_parse_out(&z->hooks, w[0].p, w[0].len, (ndr_format){ndr64, false},
                                        page->size, &again, &err));
    srvsvc_session_enum_print_out(&again->out, &w[2]);
    MUST(fuzz_same(fuzz_written(&w[1]), fuzz_written(&w[2])) && again->size == page->size);
    netsession_page_free(again);
}

static void check(fuzz *z, ns_slice in, ndr_format format, size_t room)
{
    netsession_error err = {0};
    netsession_page *page;
    ns_writer w[3];

    fuzz_told(srvsvc_session_enum_parse_out(&z->hooks, in.p, in.n, format, room, &page, &err),
              &err);
    MUST(!page == (err.code != 0) && z->heap.most <= room);
    for (int i = 0; i < 3; i++)
        ns_writer_init(&w[i], &z->hooks, SIZE_MAX / 4);
    if (page) {
        fuzz_page(page);
        srvsvc_session_enum_print_out(&page->out, &w[1]);
        rewrite(z, page, false, w);
        rewrite(z, page, true, w);
    }
    for (int i = 0; i < 3; i++)
        ns_writer_free(&w[i]);
    netsession_page_free(page);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz z;

    fuzz_begin(&z);
    if (size > 2)
        check(&z, (ns_slice){data + 2, size - 2}, (ndr_format){*data & 1, *data & 2},
              (size_t)64 << data[1] % 12);
    return fuzz_end(&z, SIZE_MAX);
}
