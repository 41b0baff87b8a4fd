/* Stands for Telegraf's service, which Wine 8 cannot start: it notes its starts and stops in C:\service.log. */
#include <stdio.h>
#include <windows.h>

static SERVICE_STATUS_HANDLE handle;
static HANDLE over;

static void note(const char *what) {
    FILE *log = fopen("C:\\service.log", "a");
    if (log) {
        fprintf(log, "%s\n", what);
        fclose(log);
    }
}

static void report(DWORD state) {
    SERVICE_STATUS status = {SERVICE_WIN32_OWN_PROCESS, state, SERVICE_ACCEPT_STOP, 0, 0, 0, 0};
    SetServiceStatus(handle, &status);
}

static void WINAPI control(DWORD code) {
    if (code == SERVICE_CONTROL_STOP) {
        report(SERVICE_STOP_PENDING);
        SetEvent(over);
    }
}

static void WINAPI service(DWORD argc, LPSTR *argv) {
    handle = RegisterServiceCtrlHandlerA("telegraf", control);
    over = CreateEventA(NULL, TRUE, FALSE, NULL);
    note("started");
    report(SERVICE_RUNNING);
    WaitForSingleObject(over, INFINITE);
    note("stopped");
    report(SERVICE_STOPPED);
}

int main(void) {
    SERVICE_TABLE_ENTRYA table[] = {{"telegraf", service}, {NULL, NULL}};
    return !StartServiceCtrlDispatcherA(table);
}
