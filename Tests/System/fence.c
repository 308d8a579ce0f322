/* Stands behind the worker's filter of system calls, and tries what the first argument says. */
#define _GNU_SOURCE
#include "CLinuxProcess.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void *nothing(void *argument)
{
    return argument;
}

static int ask(const char *what)
{
    char *const none[] = { NULL };
    pthread_t thread;
    if (strcmp(what, "thread") == 0)
        return pthread_create(&thread, NULL, nothing, NULL) != 0 || pthread_join(thread, NULL) != 0 ? -1 : 0;
    if (strcmp(what, "socket") == 0)
        return socket(AF_UNIX, SOCK_STREAM, 0);
    if (strcmp(what, "program") == 0)
        return execve("/bin/true", none, none);
    if (strcmp(what, "process") == 0)
        return fork();
    if (strcmp(what, "rights") == 0)
        return (int)syscall(SYS_setresuid, 0, 0, 0);
    if (strcmp(what, "tracing") == 0)
        return (int)syscall(SYS_ptrace, 0, 0, 0, 0);
    if (strcmp(what, "unheard-of") == 0)
        return (int)syscall(1000);
    if (strcmp(what, "abort") == 0)
        abort();
    errno = EINVAL;
    return -1;
}

/* The words are what the kernel answers; a signal says the rest. */
int main(int count, char **arguments)
{
    if (count != 2 || clinux_no_new_privileges() != 0 || clinux_filter_system_calls() != 0) {
        perror("fence");
        return 2;
    }
    puts(ask(arguments[1]) >= 0 ? "allowed" : strerrorname_np(errno));
    return 0;
}
