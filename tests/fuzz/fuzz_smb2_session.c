/* The answers to SESSION_SETUP, TREE_CONNECT and CREATE, by the first byte. */
#include "tests/fuzz/fuzz.h"

static bool setup(ns_reader r, ns_writer *w, ns_reader *part)
{
    smb2_session_setup_response m;

    if (!smb2_session_setup_response_get(&r, &m))
        return false;
    *part = m.security;
    smb2_session_setup_response_put(w, m.flags, part->base, part->len);
    return true;
}

static bool tree(ns_reader r, ns_writer *w, ns_reader *part)
{
    smb2_tree_connect_response m;

    (void)part;
    if (!smb2_tree_connect_response_get(&r, &m))
        return false;
    smb2_tree_connect_response_put(w, &m, 0);
    return true;
}

static bool create(ns_reader r, ns_writer *w, ns_reader *part)
{
    uint8_t file_id[SMB2_FILE_ID_LEN];

    (void)part;
    if (!smb2_create_response_get(&r, file_id))
        return false;
    smb2_create_response_put(w, file_id);
    return true;
}

static void check_setup(ns_slice in, ns_writer *w)
{
    fuzz_smb2_twice(setup, SMB2_HEADER_LEN + 8, in, w);
}

static void check_tree(ns_slice in, ns_writer *w)
{
    fuzz_smb2_twice(tree, SMB2_HEADER_LEN + 16, in, w);
}

static void check_create(ns_slice in, ns_writer *w)
{
    fuzz_smb2_twice(create, SMB2_HEADER_LEN + 88, in, w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const kinds[])(ns_slice, ns_writer *) = {check_setup, check_tree,
                                                           check_create};

    return size ? fuzz_rewrite(kinds[*data % 3], data + 1, size - 1) : 0;
}
