// Which system calls a worker may make (seccomp(2)). Decision 11 says why it is built so.

#define _GNU_SOURCE
#include "CLinuxProcess.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "no audit architecture is known for this processor"
#endif

// What a worker needs: our own calls, and those of glibc, SwiftNIO, BoringSSL and the Swift runtime. Those of the
// data path first: kernels before 5.11 go through the list for every call.
static const int needed[] = {
    // Packets and events.
    SYS_recvmmsg, SYS_sendmmsg, SYS_sendmsg, SYS_recvmsg, SYS_sendto, SYS_recvfrom, SYS_read, SYS_write, SYS_readv,
    SYS_writev, SYS_futex, SYS_epoll_pwait, SYS_epoll_ctl, SYS_epoll_create1, SYS_eventfd2, SYS_timerfd_create,
    SYS_timerfd_settime, SYS_ppoll, SYS_clock_gettime, SYS_sched_yield, SYS_clock_nanosleep, SYS_nanosleep,
    // Sockets.
    SYS_accept, SYS_accept4, SYS_socket, SYS_connect, SYS_bind, SYS_listen, SYS_getsockname, SYS_getpeername,
    SYS_getsockopt, SYS_setsockopt, SYS_shutdown, SYS_close, SYS_fcntl, SYS_ioctl, SYS_dup, SYS_dup3, SYS_pipe2,
    // Memory.
    SYS_mmap, SYS_munmap, SYS_mremap, SYS_mprotect, SYS_madvise, SYS_brk, SYS_membarrier,
    // Threads; what starts one is below.
    SYS_set_robust_list, SYS_get_robust_list, SYS_rseq, SYS_gettid, SYS_getpid, SYS_sched_getaffinity, SYS_getcpu,
    SYS_prctl, SYS_setpriority, SYS_getpriority, SYS_exit, SYS_exit_group,
    // Signals: the supervisor's end, faults, and abort(3).
    SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_sigaltstack, SYS_restart_syscall, SYS_tgkill,
    SYS_setitimer,
    // Files: /proc for metrics, certificates of the system. What may be opened is not much for a user who owns nothing.
    SYS_openat, SYS_fstat, SYS_newfstatat, SYS_statx, SYS_lseek, SYS_pread64, SYS_pwrite64, SYS_ftruncate,
    SYS_getdents64, SYS_readlinkat, SYS_faccessat,
    // Questions about ourselves.
    SYS_getuid, SYS_geteuid, SYS_getgid, SYS_getegid, SYS_getrandom, SYS_prlimit64, SYS_getrusage, SYS_uname,
    SYS_sysinfo, SYS_clock_getres, SYS_gettimeofday,
#if defined(__x86_64__)
    // The older forms, which glibc still prefers here.
    SYS_open, SYS_stat, SYS_lstat, SYS_access, SYS_readlink, SYS_poll, SYS_select, SYS_epoll_wait, SYS_dup2, SYS_pipe,
    SYS_epoll_create, SYS_time, SYS_alarm, SYS_getrlimit,
#endif
};

// What only an intruder asks a worker's kernel for: other programs, others' memory, other rights.
static const int fatal[] = {
    SYS_execve, SYS_execveat, SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_mount, SYS_umount2,
    SYS_pivot_root, SYS_chroot, SYS_setns, SYS_unshare, SYS_bpf, SYS_perf_event_open, SYS_userfaultfd, SYS_keyctl,
    SYS_add_key, SYS_request_key, SYS_init_module, SYS_finit_module, SYS_delete_module, SYS_kexec_load, SYS_reboot,
    SYS_setuid, SYS_setgid, SYS_setreuid, SYS_setregid, SYS_setresuid, SYS_setresgid, SYS_setgroups, SYS_capset,
#if defined(__x86_64__)
    SYS_iopl, SYS_ioperm,
#endif
};

enum {
    NEEDED = sizeof needed / sizeof *needed,
    FATAL = sizeof fatal / sizeof *fatal,
    LONGEST = 16 + 2 * (NEEDED + FATAL),
};

static unsigned int length;
static struct sock_filter program[LONGEST];

static void append(struct sock_filter instruction)
{
    program[length++] = instruction;
}

static void load(unsigned int offset)
{
    append((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset));
}

static void end_with(unsigned int action)
{
    append((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
}

// The next instruction is for the call `number` only.
static void only_for(int number)
{
    append((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned int)number, 0, 1));
}

static void write_program(void)
{
    length = 0;
    load(offsetof(struct seccomp_data, arch));
    // Another architecture's numbers, such as those of 32-bit x86, mean other calls.
    append((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0));
    end_with(SECCOMP_RET_KILL_PROCESS);
    load(offsetof(struct seccomp_data, nr));
    for (unsigned int index = 0; index < NEEDED; index++) {
        only_for(needed[index]);
        end_with(SECCOMP_RET_ALLOW);
    }
    for (unsigned int index = 0; index < FATAL; index++) {
        only_for(fatal[index]);
        end_with(SECCOMP_RET_KILL_PROCESS);
    }
    // A thread is started, another process is not: Swift's runtime would like one for its report of a crash, goes on
    // without it, and the supervisor hears the true signal. clone3(2) keeps its flags where a filter cannot look:
    // it does not exist here, and glibc then takes clone.
    append((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 3));
    load(offsetof(struct seccomp_data, args[0]));
    append((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 0, 1));
    end_with(SECCOMP_RET_ALLOW);
    // As on a kernel that does not have the call: libraries then know another way.
    end_with(SECCOMP_RET_ERRNO | ENOSYS);
}

int clinux_filter_system_calls(void)
{
    write_program();
    struct sock_fprog filter = { .len = (unsigned short)length, .filter = program };
    // Without SPEC_ALLOW kernels before 5.16 slow the whole process down, against code that a program runs for
    // strangers; we run none.
    long code = syscall(
        SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_SPEC_ALLOW, &filter);
    if (code > 0) {
        // The id of a thread that could not follow (seccomp(2), TSYNC).
        errno = EBUSY;
        return -1;
    }
    return code < 0 ? -1 : 0;
}
