#include <lm.h>
#include <stdlib.h>

/* What stands before the caller's bytes. */
union header {
    DWORD size;
    max_align_t align;
};

static union header *header_of(LPVOID buffer)
{
    return (union header *)buffer - 1;
}

/* realloc with a header. */
static NET_API_STATUS resize(LPVOID *out, union header *old, DWORD size)
{
    size_t whole = sizeof *old + size;
    union header *h = whole < size ? NULL : realloc(old, whole);

    if (!h)
        return ERROR_NOT_ENOUGH_MEMORY;
    h->size = size;
    *out = h + 1;
    return NERR_Success;
}

NET_API_STATUS NetApiBufferAllocate(DWORD ByteCount, LPVOID *Buffer)
{
    if (!Buffer)
        return ERROR_INVALID_PARAMETER;
    *Buffer = NULL;
    return resize(Buffer, NULL, ByteCount);
}

NET_API_STATUS NetApiBufferReallocate(LPVOID OldBuffer, DWORD NewByteCount, LPVOID *NewBuffer)
{
    if (!NewBuffer)
        return ERROR_INVALID_PARAMETER;
    if (NewByteCount)
        return resize(NewBuffer, OldBuffer ? header_of(OldBuffer) : NULL, NewByteCount);
    NetApiBufferFree(OldBuffer);
    *NewBuffer = NULL;
    return NERR_Success;
}

NET_API_STATUS NetApiBufferFree(LPVOID Buffer)
{
    if (Buffer)
        free(header_of(Buffer));
    return NERR_Success;
}

NET_API_STATUS NetApiBufferSize(LPVOID Buffer, LPDWORD ByteCount)
{
    if (!Buffer || !ByteCount)
        return ERROR_INVALID_PARAMETER;
    *ByteCount = header_of(Buffer)->size;
    return NERR_Success;
}
