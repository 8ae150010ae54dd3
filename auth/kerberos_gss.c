#include "auth/kerberos_gss.h"

#include <gssapi/gssapi_ext.h>
#include <stdio.h>
#include <string.h>

#include "base/crypto.h"

/* Some of the library's errors are "Success", which explains nothing. */
static bool text_of(char *out, size_t size, OM_uint32 status, int type)
{
    gss_buffer_desc text = GSS_C_EMPTY_BUFFER;
    OM_uint32 ignored, more = 0;

    gss_display_status(&ignored, status, type, (gss_OID)(uintptr_t)gss_mech_krb5, &more, &text);
    snprintf(out, size, "%.*s", (int)text.length, text.length ? (const char *)text.value : "");
    gss_release_buffer(&ignored, &text);
    return *out && strcmp(out, "Success") != 0;
}

void kerberos_gss_text(char *out, size_t size, OM_uint32 major, OM_uint32 minor)
{
    if (!(minor && text_of(out, size, minor, GSS_C_MECH_CODE)) &&
        !text_of(out, size, major, GSS_C_GSS_CODE))
        snprintf(out, size, "no reason is given");
}

static void take(gss_buffer_set_t set, uint8_t key[AUTH_KEY_MAX], size_t *len)
{
    if (set->count && set->elements[0].length <= AUTH_KEY_MAX) {
        *len = set->elements[0].length;
        memcpy(key, set->elements[0].value, *len);
    }
    for (size_t i = 0; i < set->count; i++)
        ns_wipe(set->elements[i].value, set->elements[i].length);
}

OM_uint32 kerberos_take_key(gss_ctx_id_t context, uint8_t key[AUTH_KEY_MAX], size_t *len,
                            OM_uint32 *minor)
{
    gss_buffer_set_t set = GSS_C_NO_BUFFER_SET;
    OM_uint32 ignored;
    OM_uint32 major =
        gss_inquire_sec_context_by_oid(minor, context, GSS_C_INQ_SSPI_SESSION_KEY, &set);

    *len = 0;
    if (!GSS_ERROR(major))
        take(set, key, len);
    gss_release_buffer_set(&ignored, &set);
    return major;
}
