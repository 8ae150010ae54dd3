/* The NTSTATUS values that this code names ([MS-ERREF] 2.3); their texts are
 * in error.c. */
#ifndef NS_NTSTATUS_H
#define NS_NTSTATUS_H

#define STATUS_SUCCESS                               0x00000000u
#define STATUS_PENDING                               0x00000103u
#define STATUS_BUFFER_OVERFLOW                       0x80000005u
#define STATUS_INVALID_INFO_CLASS                    0xC0000003u
#define STATUS_INVALID_HANDLE                        0xC0000008u
#define STATUS_INVALID_PARAMETER                     0xC000000Du
#define STATUS_INVALID_DEVICE_REQUEST                0xC0000010u
#define STATUS_MORE_PROCESSING_REQUIRED              0xC0000016u
#define STATUS_ACCESS_DENIED                         0xC0000022u
#define STATUS_OBJECT_NAME_NOT_FOUND                 0xC0000034u
#define STATUS_LOGON_FAILURE                         0xC000006Du
#define STATUS_INSUFFICIENT_RESOURCES                0xC000009Au
#define STATUS_BAD_IMPERSONATION_LEVEL               0xC00000A5u
#define STATUS_PIPE_BUSY                             0xC00000AEu
#define STATUS_PIPE_DISCONNECTED                     0xC00000B0u
#define STATUS_NOT_SUPPORTED                         0xC00000BBu
#define STATUS_NETWORK_NAME_DELETED                  0xC00000C9u
#define STATUS_BAD_NETWORK_NAME                      0xC00000CCu
#define STATUS_REQUEST_NOT_ACCEPTED                  0xC00000D0u
#define STATUS_INTERNAL_ERROR                        0xC00000E5u
#define STATUS_CANCELLED                             0xC0000120u
#define STATUS_FILE_CLOSED                           0xC0000128u
#define STATUS_PIPE_BROKEN                           0xC000014Bu
#define STATUS_USER_SESSION_DELETED                  0xC0000203u
#define STATUS_NETWORK_SESSION_EXPIRED               0xC000035Cu
#define STATUS_DOWNGRADE_DETECTED                    0xC0000388u
#define STATUS_SMB_NO_PREAUTH_INTEGRITY_HASH_OVERLAP 0xC05D0000u

#endif
