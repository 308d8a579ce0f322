/* A steady stream of DNS questions, open loop: question i is due at start + i/RATE whether or not anything was
 * answered, and its latency counts from the moment it was due. A server that stalls cannot make its own measurement
 * stop, as it can with a closed loop. Waits by polling, so the load's core is busy for as long as it runs.
 *
 *     latency ADDRESS PORT QUERIES RATE SECONDS SOCKETS
 *
 * QUERIES is a query file of dnsperf with A questions only. Prints one JSON object; latencies in microseconds.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "../../Tests/System/question.h"

enum {
    largest_answer = 4096,
    identifiers = 65536,
    steps_per_microsecond = 10, /* of the histogram */
    steps = 10000000,           /* one second; longer ones count as that */
    patience_nanoseconds = 1000000000,
};

static struct questions questions;
static int *sockets;
static int poller;
static int64_t due[identifiers]; /* of the question in flight; 0: none */
static uint32_t histogram[steps];
static uint64_t sent, answered, failed, refused_by_kernel, total_nanoseconds;
static size_t answer_octets;

static void fail(const char *what)
{
    fprintf(stderr, "latency: error: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void open_sockets(const char *address, const char *port, size_t count)
{
    struct rlimit limit = {.rlim_cur = count + 64, .rlim_max = count + 64};
    struct rlimit present;
    if (getrlimit(RLIMIT_NOFILE, &present) == 0 && present.rlim_cur < limit.rlim_cur) {
        if (present.rlim_max > limit.rlim_max) limit.rlim_max = present.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) < 0) fail("setrlimit");
    }
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(port))};
    if (inet_pton(AF_INET, address, &server.sin_addr) != 1) {
        errno = EINVAL;
        fail(address);
    }
    sockets = calloc(count, sizeof *sockets);
    poller = epoll_create1(0);
    if (sockets == NULL || poller < 0) fail("epoll_create1");
    for (size_t index = 0; index < count; index++) {
        sockets[index] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        if (sockets[index] < 0) fail("socket");
        /* What another process does to our core must not look like a loss of the server's. More than the kernel's
         * limit needs a capability; without it the limit has to do. */
        int octets = 4 << 20;
        if (setsockopt(sockets[index], SOL_SOCKET, SO_RCVBUFFORCE, &octets, sizeof octets) < 0)
            setsockopt(sockets[index], SOL_SOCKET, SO_RCVBUF, &octets, sizeof octets);
        if (connect(sockets[index], (struct sockaddr *)&server, sizeof server) < 0) fail("connect");
        struct epoll_event event = {.events = EPOLLIN, .data.fd = sockets[index]};
        if (epoll_ctl(poller, EPOLL_CTL_ADD, sockets[index], &event) < 0) fail("epoll_ctl");
    }
}

static void ask(struct question *question, int descriptor, uint16_t identifier, int64_t when)
{
    question->packet[0] = (unsigned char)(identifier >> 8);
    question->packet[1] = (unsigned char)identifier;
    sent++;
    if (send(descriptor, question->packet, question->length, 0) == question->length) {
        due[identifier] = when; /* what was in flight under this number before is lost */
    } else {
        refused_by_kernel++;
    }
}

static void count_answer(const unsigned char *packet, size_t octets)
{
    int64_t arrived = now();
    uint16_t identifier = (uint16_t)(packet[0] << 8 | packet[1]);
    if (due[identifier] == 0) return; /* late, or twice */
    int64_t took = arrived - due[identifier];
    due[identifier] = 0;
    answered++;
    answer_octets = octets;
    if ((packet[3] & 0x0f) != 0) failed++;
    total_nanoseconds += (uint64_t)took;
    int64_t step = took * steps_per_microsecond / 1000;
    histogram[step < steps ? step : steps - 1]++;
}

static void take_answers(void)
{
    struct epoll_event events[64];
    int ready = epoll_wait(poller, events, 64, 0);
    for (int index = 0; index < ready; index++) {
        static unsigned char packet[largest_answer];
        ssize_t octets;
        while ((octets = recv(events[index].data.fd, packet, sizeof packet, 0)) >= 0) {
            if (octets >= dns_header) count_answer(packet, (size_t)octets);
        }
    }
}

static double quantile(double share)
{
    uint64_t wanted = (uint64_t)(share * (double)answered), seen = 0;
    for (size_t step = 0; step < steps; step++) {
        seen += histogram[step];
        if (seen > wanted || (seen == answered && seen > 0)) return ((double)step + 0.5) / steps_per_microsecond;
    }
    return 0;
}

static void report(double seconds)
{
    static const double shares[] = {0,   0.01, 0.05, 0.1,  0.25,  0.5,   0.75,
                                    0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 0.9999};
    printf("{\"sent\": %lu, \"answered\": %lu, \"failed\": %lu, \"notSent\": %lu, \"seconds\": %.6f, ", sent, answered,
           failed, refused_by_kernel, seconds);
    printf("\"answerOctets\": %zu, \"meanMicroseconds\": %.2f, \"quantiles\": {", answer_octets,
           answered == 0 ? 0 : (double)total_nanoseconds / 1000 / (double)answered);
    for (size_t index = 0; index < sizeof shares / sizeof *shares; index++)
        printf("%s\"%g\": %.2f", index == 0 ? "" : ", ", shares[index], quantile(shares[index]));
    printf("}}\n");
}

int main(int count, char **words)
{
    if (count != 7) {
        fprintf(stderr, "usage: latency ADDRESS PORT QUERIES RATE SECONDS SOCKETS\n");
        return 2;
    }
    double rate = atof(words[4]);
    uint64_t wanted = (uint64_t)(rate * atof(words[5]));
    size_t socket_count = (size_t)atol(words[6]);
    if (rate <= 0 || wanted == 0 || socket_count == 0) {
        errno = EINVAL;
        fail("RATE, SECONDS and SOCKETS are positive numbers");
    }
    questions = read_questions(words[3]);
    if (questions.count == 0) fail(words[3]);
    open_sockets(words[1], words[2], socket_count);
    int64_t start = now() + 1000000;
    while (sent < wanted) {
        int64_t when = start + (int64_t)((double)sent * 1e9 / rate);
        if (now() >= when) {
            ask(&questions.all[sent % questions.count], sockets[sent % socket_count], (uint16_t)sent, when);
        }
        take_answers();
    }
    double seconds = (double)(now() - start) / 1e9;
    int64_t end = now() + patience_nanoseconds;
    while (answered + refused_by_kernel < sent && now() < end) take_answers();
    report(seconds);
    return 0;
}
