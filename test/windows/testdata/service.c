/* A stand-in for Telegraf's service, which Wine 8 cannot start: logs its starts and stops to C:\service.log. */
#include <stdio.h>
#include <windows.h>

static SERVICE_STATUS_HANDLE handle;
static HANDLE stop_event;

static void log_line(const char *what) {
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
        SetEvent(stop_event);
    }
}

static void WINAPI service_main(DWORD argc, LPSTR *argv) {
    handle = RegisterServiceCtrlHandlerA("telegraf", control);
    stop_event = CreateEventA(NULL, TRUE, FALSE, NULL);
    log_line("started");
    report(SERVICE_RUNNING);
    WaitForSingleObject(stop_event, INFINITE);
    log_line("stopped");
    report(SERVICE_STOPPED);
}

int main(void) {
    SERVICE_TABLE_ENTRYA table[] = {{"telegraf", service_main}, {NULL, NULL}};
    return !StartServiceCtrlDispatcherA(table);
}
