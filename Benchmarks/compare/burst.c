/* How fast a server is when nobody shares its cores: it is stopped, its sockets' buffers are filled with questions, it
 * is let go, and this program sleeps until all is answered. The kernel notes when each answer arrives, so the load
 * takes nothing of what is measured, and cannot be its limit.
 *
 *     burst ADDRESS PORT QUERIES QUESTIONS SOCKETS BURSTS PID...
 *
 * QUERIES is a query file of dnsperf with A questions only. The processes PID are stopped (SIGSTOP) and continued;
 * the last answer of a burst has a tenth of a second. Prints one JSON object; answers a second are the median burst's.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../Tests/System/question.h"

enum {
    largest_answer = 4096,
    answering_nanoseconds = 100000000,
    words_before_processes = 7,
};

struct burst {
    uint64_t answered, failed;
    int64_t first, last; /* arrivals, nanoseconds by CLOCK_REALTIME */
};

static struct questions questions;
static int *sockets, socket_count;
static size_t answer_octets;
static char **processes;

static void fail(const char *what)
{
    fprintf(stderr, "burst: error: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void signal_all(int number)
{
    for (char **process = processes; *process != NULL; process++)
        if (kill(atoi(*process), number) < 0) fail(*process);
}

/* Whatever ends us, no server stays stopped. */
static void let_go(void)
{
    for (char **process = processes; *process != NULL; process++) kill(atoi(*process), SIGCONT);
}

static void open_sockets(const struct sockaddr_in *server)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < (rlim_t)socket_count + 64) {
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) < 0) fail("setrlimit");
    }
    sockets = calloc((size_t)socket_count, sizeof *sockets);
    for (int index = 0; index < socket_count; index++) {
        int made = sockets[index] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), on = 1;
        if (made < 0) fail("socket");
        if (setsockopt(made, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) < 0) fail("SO_TIMESTAMPNS");
        if (connect(made, (const struct sockaddr *)server, sizeof *server) < 0) fail("connect");
    }
}

static void ask(int count)
{
    static size_t next;
    for (int index = 0; index < count; index++) {
        struct question *question = &questions.all[next++ % questions.count];
        question->packet[0] = (unsigned char)(index >> 8);
        question->packet[1] = (unsigned char)index;
        if (send(sockets[index % socket_count], question->packet, question->length, 0) < 0) fail("send");
    }
}

static int64_t arrival(struct msghdr *message)
{
    for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part != NULL; part = CMSG_NXTHDR(message, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_TIMESTAMPNS) continue;
        struct timespec time;
        memcpy(&time, CMSG_DATA(part), sizeof time);
        return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
    }
    errno = ENODATA;
    fail("SCM_TIMESTAMPNS");
    return 0;
}

static struct burst take_answers(void)
{
    struct burst burst = {.first = INT64_MAX};
    for (int index = 0; index < socket_count; index++) {
        for (;;) {
            static unsigned char packet[largest_answer];
            static char control[256];
            struct iovec piece = {packet, sizeof packet};
            struct msghdr message = {
                .msg_iov = &piece, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
            ssize_t octets = recvmsg(sockets[index], &message, 0);
            if (octets < dns_header) break;
            int64_t time = arrival(&message);
            burst.answered++;
            answer_octets = (size_t)octets;
            if ((packet[3] & 0x0f) != 0 || (packet[6] | packet[7]) == 0) burst.failed++;
            if (time < burst.first) burst.first = time;
            if (time > burst.last) burst.last = time;
        }
    }
    return burst;
}

static double by_second(const struct burst *burst)
{
    return burst->answered < 2 ? 0 : (double)(burst->answered - 1) * 1e9 / (double)(burst->last - burst->first);
}

static int slower_first(const void *one, const void *other)
{
    double left = by_second(one), right = by_second(other);
    return (left > right) - (left < right);
}

int main(int count, char **words)
{
    if (count <= words_before_processes) {
        fprintf(stderr, "usage: burst ADDRESS PORT QUERIES QUESTIONS SOCKETS BURSTS PID...\n");
        return 2;
    }
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(words[2]))};
    int wanted = atoi(words[4]), burst_count = atoi(words[6]);
    socket_count = atoi(words[5]);
    processes = words + words_before_processes;
    errno = EINVAL;
    if (inet_pton(AF_INET, words[1], &server.sin_addr) != 1) fail(words[1]);
    if (wanted < 2 || wanted > 65536 || socket_count < 1 || burst_count < 1) fail("QUESTIONS, SOCKETS, BURSTS");
    questions = read_questions(words[3]);
    if (questions.count == 0) fail(words[3]);
    open_sockets(&server);
    struct burst *bursts = calloc((size_t)burst_count, sizeof *bursts);
    uint64_t answered = 0, failed = 0;
    int64_t began = now();
    atexit(let_go);
    for (int index = 0; index < burst_count; index++) {
        signal_all(SIGSTOP);
        ask(wanted);
        signal_all(SIGCONT);
        struct timespec pause = {.tv_nsec = answering_nanoseconds};
        while (nanosleep(&pause, &pause) < 0 && errno == EINTR) continue;
        bursts[index] = take_answers();
        answered += bursts[index].answered;
        failed += bursts[index].failed;
    }
    double seconds = (double)(now() - began) / 1e9;
    qsort(bursts, (size_t)burst_count, sizeof *bursts, slower_first);
    printf("{\"sent\": %ld, \"answered\": %lu, \"failed\": %lu, \"seconds\": %.6f, \"answerOctets\": %zu, "
           "\"answersPerSecond\": %.0f}\n",
           (long)wanted * burst_count, answered, failed, seconds, answer_octets, by_second(&bursts[burst_count / 2]));
    return 0;
}
