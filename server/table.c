#include "server/table.h"

#include <string.h>

void ns_table_init(ns_table *t, const netsession_hooks *hooks, uint32_t first_id)
{
    *t = (ns_table){.hooks = hooks, .next_id = first_id};
}

void ns_table_free(ns_table *t)
{
    ns_free(t->hooks, t->entries, t->room * sizeof *t->entries);
    t->entries = NULL;
}

static bool grow(ns_table *t)
{
    size_t room = t->room ? 2 * t->room : 16;
    ns_entry *entries = ns_alloc(t->hooks, room * sizeof *entries);

    if (!entries)
        return false;
    if (t->count)
        memcpy(entries, t->entries, t->count * sizeof *entries);
    ns_free(t->hooks, t->entries, t->room * sizeof *t->entries);
    t->entries = entries;
    t->room = room;
    return true;
}

uint32_t ns_table_add(ns_table *t, smb2_session *session, ns_server_conn *conn)
{
    if (t->next_id == UINT32_MAX || (t->count == t->room && !grow(t)))
        return 0;
    t->entries[t->count++] = (ns_entry){t->next_id, session, conn};
    return t->next_id++;
}

ns_entry *ns_table_after(const ns_table *t, uint32_t after)
{
    size_t low = 0, high = t->count;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (t->entries[mid].id > after)
            high = mid;
        else
            low = mid + 1;
    }
    return low < t->count ? &t->entries[low] : NULL;
}

void ns_table_remove(ns_table *t, uint32_t id)
{
    ns_entry *e = id ? ns_table_after(t, id - 1) : NULL;

    if (!e || e->id != id)
        return;
    t->count--;
    memmove(e, e + 1, (size_t)(t->entries + t->count - e) * sizeof *e);
}
