/* All sessions of the server, in the order of their numbers. */
#ifndef NS_TABLE_H
#define NS_TABLE_H

#include "server/server.h"

typedef struct ns_entry {
    uint32_t id; /* what resume handles speak of; never used twice */
    smb2_session *session;
    ns_server_conn *conn;
} ns_entry;

typedef struct ns_table {
    const netsession_hooks *hooks;
    ns_entry *entries; /* by id */
    size_t count, room;
    uint32_t next_id;
} ns_table;

void ns_table_init(ns_table *t, const netsession_hooks *hooks, uint32_t first_id);
void ns_table_free(ns_table *t);
/* The new entry's id, or 0 when out of memory or numbers. */
uint32_t ns_table_add(ns_table *t, smb2_session *session, ns_server_conn *conn);
void ns_table_remove(ns_table *t, uint32_t id);
/* The first entry with an id above after, or NULL. */
ns_entry *ns_table_after(const ns_table *t, uint32_t after);

#endif
