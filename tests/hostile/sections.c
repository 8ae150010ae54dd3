/* All faults, in the order of their numbers. */
#include "tests/hostile/hostile.h"

const section *hostile_section(size_t i)
{
    static section all[SECTIONS];

    all[0] = (section){"Transport", transport_faults, transport_count};
    all[1] = (section){"SMB2 header", header_faults, header_count};
    all[2] = (section){"Negotiate", negotiate_faults, negotiate_count};
    all[3] = (section){"Signing and encryption", security_faults, security_count};
    all[4] = (section){"Authentication", auth_faults, auth_count};
    all[5] = (section){"IPC$ and pipe", pipe_faults, pipe_count};
    all[6] = (section){"DCE/RPC", rpc_faults, rpc_count};
    all[7] = (section){"NDR and srvsvc", ndr_faults, ndr_count};
    return &all[i];
}
