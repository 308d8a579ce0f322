#define _GNU_SOURCE
#include "CLinuxProcess.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

// MARK: - Children

int clinux_spawn(const char *path, char *const arguments[], char *const environment[], int control, pid_t *process)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int code = posix_spawn_file_actions_init(&actions);
    if (code != 0)
        return code;
    code = posix_spawnattr_init(&attributes);
    if (code != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return code;
    }
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    // Equal numbers are fine: glibc then only clears close-on-exec.
    if ((code = posix_spawn_file_actions_adddup2(&actions, control, 3)) == 0
        && (code = posix_spawn_file_actions_addclosefrom_np(&actions, 4)) == 0
        && (code = posix_spawnattr_setsigmask(&attributes, &none)) == 0
        && (code = posix_spawnattr_setsigdefault(&attributes, &all)) == 0
        && (code = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF)) == 0)
        code = posix_spawn(process, path, &actions, &attributes, arguments, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return code;
}

int clinux_pidfd_open(pid_t process)
{
    return (int)syscall(SYS_pidfd_open, process, 0);
}

int clinux_pidfd_send_signal(int process, int signal)
{
    return (int)syscall(SYS_pidfd_send_signal, process, signal, NULL, 0);
}

int clinux_reap(pid_t process, int *code, int *signalled)
{
    int status = 0;
    pid_t ended = waitpid(process, &status, WNOHANG);
    if (ended <= 0)
        return ended;
    *signalled = WIFSIGNALED(status) ? 1 : 0;
    *code = *signalled ? WTERMSIG(status) : WEXITSTATUS(status);
    return 1;
}

// MARK: - Descriptors of a thread

int clinux_own_descriptors(void)
{
    return close_range(3, ~0u, CLOSE_RANGE_UNSHARE);
}

// MARK: - Descriptors that report

int clinux_signal_descriptor(const int *signals, unsigned int count)
{
    sigset_t set;
    sigemptyset(&set);
    for (unsigned int index = 0; index < count; index++)
        sigaddset(&set, signals[index]);
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        return -1;
    int code = pthread_sigmask(SIG_BLOCK, &set, NULL);
    if (code != 0) {
        errno = code;
        return -1;
    }
    return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

int clinux_next_signal(int descriptor)
{
    struct signalfd_siginfo info;
    ssize_t size = read(descriptor, &info, sizeof info);
    if (size == sizeof info)
        return (int)info.ssi_signo;
    return size < 0 && errno != EAGAIN ? -1 : 0;
}

int clinux_timer_create(void)
{
    return timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
}

int64_t clinux_processor_time(int process)
{
    clockid_t clock;
    struct timespec used;
    int code = clock_getcpuclockid(process, &clock);
    if (code != 0) {
        errno = code;
        return -1;
    }
    if (clock_gettime(clock, &used) < 0) return -1;
    return (int64_t)used.tv_sec * 1000000000 + used.tv_nsec;
}

int clinux_event_create(void)
{
    return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
}

int clinux_event_count(int event)
{
    return eventfd_write(event, 1);
}

int clinux_timer_arm(int timer, uint64_t nanoseconds)
{
    struct itimerspec when = {
        .it_value = { .tv_sec = (time_t)(nanoseconds / 1000000000u), .tv_nsec = (long)(nanoseconds % 1000000000u) },
    };
    return timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL);
}

// MARK: - Messages with descriptors

enum { DESCRIPTORS_SIZE = CMSG_SPACE(CLINUX_MESSAGE_DESCRIPTORS * sizeof(int)) };

int clinux_message_pair(int pair[2])
{
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair);
}

ssize_t clinux_message_send(
    int socket, const uint8_t *octets, size_t size, const int *descriptors, unsigned int count)
{
    _Alignas(struct cmsghdr) uint8_t control[DESCRIPTORS_SIZE];
    struct iovec vector = { .iov_base = (void *)octets, .iov_len = size };
    struct msghdr header = { .msg_iov = &vector, .msg_iovlen = 1 };
    if (count > CLINUX_MESSAGE_DESCRIPTORS) {
        errno = EINVAL;
        return -1;
    }
    if (count > 0) {
        memset(control, 0, sizeof control);
        header.msg_control = control;
        header.msg_controllen = CMSG_SPACE(count * sizeof(int));
        struct cmsghdr *item = CMSG_FIRSTHDR(&header);
        item->cmsg_level = SOL_SOCKET;
        item->cmsg_type = SCM_RIGHTS;
        item->cmsg_len = CMSG_LEN(count * sizeof(int));
        memcpy(CMSG_DATA(item), descriptors, count * sizeof(int));
    }
    return sendmsg(socket, &header, MSG_NOSIGNAL);
}

ssize_t clinux_message_receive(
    int socket, uint8_t *octets, size_t capacity, int *descriptors, unsigned int *count)
{
    _Alignas(struct cmsghdr) uint8_t control[DESCRIPTORS_SIZE];
    struct iovec vector = { .iov_base = octets, .iov_len = capacity };
    struct msghdr header = {
        .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control,
    };
    *count = 0;
    ssize_t size = recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
    if (size < 0)
        return size;
    for (struct cmsghdr *item = CMSG_FIRSTHDR(&header); item != NULL; item = CMSG_NXTHDR(&header, item)) {
        if (item->cmsg_level != SOL_SOCKET || item->cmsg_type != SCM_RIGHTS)
            continue;
        unsigned int arrived = (unsigned int)((item->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        // Cannot happen: `control` has no room for more.
        if (arrived > CLINUX_MESSAGE_DESCRIPTORS - *count)
            arrived = CLINUX_MESSAGE_DESCRIPTORS - *count;
        memcpy(descriptors + *count, CMSG_DATA(item), arrived * sizeof(int));
        *count += arrived;
    }
    if ((header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
        for (unsigned int index = 0; index < *count; index++)
            close(descriptors[index]);
        *count = 0;
        errno = EMSGSIZE;
        return -1;
    }
    return size;
}

// MARK: - Memory files

int clinux_memory_file(const char *name)
{
    return memfd_create(name, MFD_CLOEXEC);
}

// MARK: - Privileges

int clinux_become(uid_t user, gid_t group)
{
    if (setgroups(0, NULL) != 0 || setresgid(group, group, group) != 0)
        return -1;
    return setresuid(user, user, user);
}

int clinux_empty_bounding_set(void)
{
    // Capabilities that the kernel does not know are told by EINVAL: the end of the list.
    for (int capability = 0; capability < 64; capability++) {
        if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0)
            return errno == EINVAL && capability > 0 ? 0 : -1;
    }
    return 0;
}

int clinux_drop_capabilities(void)
{
    struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { { 0 } };
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0)
        return -1;
    return (int)syscall(SYS_capset, &header, none);
}

int clinux_no_new_privileges(void)
{
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static volatile sig_atomic_t seconds_to_live;

static void set_alarm(int signal)
{
    (void)signal;
    alarm((unsigned int)seconds_to_live);
}

int clinux_end_with_parent(unsigned int grace)
{
    struct sigaction action = { .sa_handler = set_alarm, .sa_flags = SA_RESTART };
    seconds_to_live = (sig_atomic_t)(grace == 0 ? 1 : grace);
    sigemptyset(&action.sa_mask);
    if (sigaction(SIGTERM, &action, NULL) != 0)
        return -1;
    return prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
}

int clinux_set_dumpable(int dumpable)
{
    return prctl(PR_SET_DUMPABLE, dumpable, 0, 0, 0);
}
