/* Rust's standard library takes its random numbers from a library that Wine has only from version 9
   on. This stands for it in tests; ntsecapi.h names RtlGenRandom as what it was before. */
#include <windows.h>
#include <ntsecapi.h>

BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T length)
{
    return RtlGenRandom(data, (ULONG)length);
}
