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

/* realloc with a header: NULL when it cannot be had. */
static LPVOID resize(union header *old, DWORD size)
{
    size_t whole = sizeof *old + size;
    union header *h = whole < size ? NULL : realloc(old, whole);

    if (!h)
        return NULL;
    h->size = size;
    return h + 1;
}

NET_API_STATUS NetApiBufferAllocate(DWORD ByteCount, LPVOID *Buffer)
{
    if (!Buffer)
        return ERROR_INVALID_PARAMETER;
    *Buffer = resize(NULL, ByteCount);
    return *Buffer ? NERR_Success : ERROR_NOT_ENOUGH_MEMORY;
}

NET_API_STATUS NetApiBufferReallocate(LPVOID OldBuffer, DWORD NewByteCount, LPVOID *NewBuffer)
{
    LPVOID p = NULL;

    if (!NewBuffer)
        return ERROR_INVALID_PARAMETER;
    if (!NewByteCount)
        NetApiBufferFree(OldBuffer);
    else if (!(p = resize(OldBuffer ? header_of(OldBuffer) : NULL, NewByteCount)))
        return ERROR_NOT_ENOUGH_MEMORY;
    *NewBuffer = p;
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
