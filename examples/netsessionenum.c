/*
 * The sample of the documentation page of NetSessionEnum, compiled here as it
 * is on Windows.  Only these differ: "%ls" for wide strings in wprintf, where
 * Windows writes "%s"; wprintf alone, since a stream takes no printf after it;
 * and the main at the end, which makes argv wide.
 *
 *     netsessionenum [\\ServerName] [\\ClientName] [UserName]
 *
 * Credentials come from the environment: see <lm.h>.
 */
#ifndef UNICODE
#define UNICODE
#endif
#ifdef _WIN32
#pragma comment(lib, "Netapi32.lib")
#include <windows.h>
#endif

#include <assert.h>
#include <lm.h>
#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>

int wmain(int argc, wchar_t *argv[]);

// NOLINTNEXTLINE(readability-function-*): it is the sample
int wmain(int argc, wchar_t *argv[])
{
    LPSESSION_INFO_10 pBuf = NULL;
    LPSESSION_INFO_10 pTmpBuf;
    DWORD dwLevel = 10;
    DWORD dwPrefMaxLen = MAX_PREFERRED_LENGTH;
    DWORD dwEntriesRead = 0;
    DWORD dwTotalEntries = 0;
    DWORD dwResumeHandle = 0;
    DWORD i;
    DWORD dwTotalCount = 0;
    LPTSTR pszServerName = NULL;
    LPTSTR pszClientName = NULL;
    LPTSTR pszUserName = NULL;
    NET_API_STATUS nStatus;
    //
    // Check command line arguments.
    //
    if (argc > 4) {
        wprintf(L"Usage: %ls [\\\\ServerName] [\\\\ClientName] [UserName]\n", argv[0]);
        exit(1);
    }

    if (argc >= 2)
        pszServerName = argv[1];

    if (argc >= 3)
        pszClientName = argv[2];

    if (argc == 4)
        pszUserName = argv[3];
    //
    // Call the NetSessionEnum function, specifying level 10.
    //
    do // begin do
    {
        nStatus =
            NetSessionEnum(pszServerName, pszClientName, pszUserName, dwLevel, (LPBYTE *)&pBuf,
                           dwPrefMaxLen, &dwEntriesRead, &dwTotalEntries, &dwResumeHandle);
        //
        // If the call succeeds,
        //
        if ((nStatus == NERR_Success) || (nStatus == ERROR_MORE_DATA)) {
            if ((pTmpBuf = pBuf) != NULL) {
                //
                // Loop through the entries.
                //
                for (i = 0; (i < dwEntriesRead); i++) {
                    assert(pTmpBuf != NULL);

                    if (pTmpBuf == NULL) {
                        fprintf(stderr, "An access violation has occurred\n");
                        break;
                    }
                    //
                    // Print the retrieved data.
                    //
                    wprintf(L"\n\tClient: %ls\n", pTmpBuf->sesi10_cname);
                    wprintf(L"\tUser:   %ls\n", pTmpBuf->sesi10_username);
                    wprintf(L"\tActive: %d\n", pTmpBuf->sesi10_time);
                    wprintf(L"\tIdle:   %d\n", pTmpBuf->sesi10_idle_time);

                    pTmpBuf++;
                    dwTotalCount++;
                }
            }
        }
        //
        // Otherwise, indicate a system error.
        //
        else
            fprintf(stderr, "A system error has occurred: %d\n", nStatus);
        //
        // Free the allocated memory.
        //
        if (pBuf != NULL) {
            NetApiBufferFree(pBuf);
            pBuf = NULL;
        }
    }
    //
    // Continue to call NetSessionEnum while
    //  there are more entries.
    //
    while (nStatus == ERROR_MORE_DATA); // end do

    // Check again for an allocated buffer.
    //
    if (pBuf != NULL)
        NetApiBufferFree(pBuf);
    //
    // Print the final count of sessions enumerated.
    //
    fprintf(stderr, "\nTotal of %d entries enumerated\n", dwTotalCount);

    return 0;
}

#ifndef _WIN32
#include <locale.h>

/* Of a name, a reasonable length. */
#define ARGUMENT 1024

/* What Windows does before wmain. */
int main(int argc, char *argv[])
{
    static wchar_t text[5][ARGUMENT];
    wchar_t *wide[6] = {NULL};

    setlocale(LC_ALL, "");
    for (int i = 0; i < argc && i < 5; i++) {
        if (mbstowcs(text[i], argv[i], ARGUMENT) >= ARGUMENT) {
            fprintf(stderr, "An argument is too long, or not valid in this locale\n");
            return 1;
        }
        wide[i] = text[i];
    }
    return wmain(argc, wide);
}
#endif
