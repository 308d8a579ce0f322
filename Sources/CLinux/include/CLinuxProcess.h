// The system calls of process life that glibc's Swift module does not show, or that Swift cannot call because
// they are variadic or made of macros: spawning, signals and timers as descriptors, descriptors in messages,
// dropping privileges.

#ifndef CLINUX_PROCESS_H
#define CLINUX_PROCESS_H

#include <stdint.h>
#include <sys/types.h>

/// How many descriptors one message can carry (the kernel's SCM_MAX_FD is 253).
enum { CLINUX_MESSAGE_DESCRIPTORS = 250 };

// MARK: - Children

/// Runs `path` with `control` as descriptor 3 and none above it, every signal at its default and none blocked.
/// 0 and the child's id in `process`, or an errno.
int clinux_spawn(const char *path, char *const arguments[], char *const environment[], int control, pid_t *process);

/// A descriptor that becomes readable when the process ends; close-on-exec; -1 with errno.
int clinux_pidfd_open(pid_t process);
/// Sends `signal` to the process behind a pidfd; -1 with errno.
int clinux_pidfd_send_signal(int process, int signal);
/// Reaps an ended child without waiting. 1: it ended; `code` is the exit code, or the signal when `signalled`
/// is 1. 0: it runs. -1 with errno.
int clinux_reap(pid_t process, int *code, int *signalled);

// MARK: - Descriptors of a thread

/// Gives the calling thread a table of descriptors of its own, with the standard streams in it. -1 with errno.
int clinux_own_descriptors(void);

// MARK: - Descriptors that report

/// Blocks the `count` signals for this thread, and those started later, and returns a descriptor that reads
/// them; non-blocking, close-on-exec; -1 with errno. Ignores SIGPIPE.
int clinux_signal_descriptor(const int *signals, unsigned int count);
/// The next signal, 0 when there is none, -1 with errno.
int clinux_next_signal(int descriptor);

/// A timer on CLOCK_MONOTONIC, disarmed; non-blocking, close-on-exec; -1 with errno.
int clinux_timer_create(void);
/// Arms it for a point in time in nanoseconds; 0 disarms. -1 with errno.
int clinux_timer_arm(int timer, uint64_t nanoseconds);
/// The processor time in nanoseconds that a process has used, all its threads together; -1 with errno.
int64_t clinux_processor_time(int process);

/// A counter of events (eventfd(2)) at zero; non-blocking, close-on-exec; -1 with errno.
int clinux_event_create(void);
/// Counts one event. -1 with errno.
int clinux_event_count(int event);

// MARK: - Messages with descriptors

/// A connected pair of SOCK_SEQPACKET sockets, close-on-exec; -1 with errno.
int clinux_message_pair(int pair[2]);
/// Sends one message; -1 with errno.
ssize_t clinux_message_send(
    int socket, const uint8_t *octets, size_t size, const int *descriptors, unsigned int count);
/// Receives one message; its size, 0 at the end, -1 with errno (EMSGSIZE: it was longer than `capacity` or had
/// more descriptors than `descriptors` holds; it is lost). `count` says how many descriptors came, all
/// close-on-exec. `descriptors` must have room for CLINUX_MESSAGE_DESCRIPTORS.
ssize_t clinux_message_receive(
    int socket, uint8_t *octets, size_t capacity, int *descriptors, unsigned int *count);

// MARK: - Memory files

/// An unnamed file in memory, close-on-exec; -1 with errno.
int clinux_memory_file(const char *name);

// MARK: - Privileges; each returns 0, or -1 with errno

/// Gives up every group but `group`, then every identity but `user`.
int clinux_become(uid_t user, gid_t group);
/// Takes all capabilities out of the bounding set, so that no program run from here can regain one.
int clinux_empty_bounding_set(void);
/// Empties the effective, permitted, inheritable and ambient sets.
int clinux_drop_capabilities(void);
int clinux_no_new_privileges(void);
/// Lets all threads of the process make only the system calls that the worker needs; needs no_new_privs.
int clinux_filter_system_calls(void);
/// When the thread that spawned us ends SIGTERM comes, and its handler lets SIGALRM kill us `grace` seconds later.
int clinux_end_with_parent(unsigned int grace);
/// 0 forbids core dumps and tracing by the same user.
int clinux_set_dumpable(int dumpable);

#endif
