/* Holds a file open until it is killed, without allowing others to replace it, as some editors do. */
#include <stdio.h>
#include <windows.h>

int main(int argc, char **argv) {
    if (CreateFileA(argv[1], GENERIC_READ, FILE_SHARE_READ, NULL, OPEN_EXISTING, 0, NULL) == INVALID_HANDLE_VALUE) return 1;
    puts("open");
    fflush(stdout);
    Sleep(INFINITE);
}
