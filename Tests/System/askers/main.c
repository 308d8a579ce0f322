/* Those who ask while something dies: clients with an open loop, each at RATE questions a second whatever is
 * answered, PATIENCE seconds for every answer, no second try.
 *
 *     askers RATE PATIENCE QUERIES CLIENT…        CLIENT: KIND@ADDRESS
 *
 *     udp         a socket for every question, as a stub resolver has
 *     udp-fixed   one socket for ever, so one flow for conntrack
 *     tcp         a connection for every question
 *     tcp-kept    one connection, not waiting for answers; opened again when it broke, or went silent
 *
 * Asks until its standard input ends, waits for what is open, and prints one JSON object per client:
 *
 *     sent, answered   questions
 *     losses           [[when it was sent, why]…]: "silence", "refused", "reset", "closed", "rcode N", an error
 *     gaps             [[when it began, milliseconds]…]: at least 25 ms between two answers
 *     longestGap       milliseconds
 *     longestDelay     milliseconds that a question was sent late: our own, or the machine's, fault
 *
 * Times are seconds of the monotonic clock. QUERIES is a query file of dnsperf with A questions only.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "client.h"

enum { most_clients = 64 };

static struct client *clients[most_clients];
static size_t client_count;
static int poller;

void fail(const char *what)
{
    fprintf(stderr, "askers: error: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void wait_until(int64_t when)
{
    struct epoll_event events[64];
    int64_t left = when - now();
    if (left < 0) left = 0;
    struct timespec time = {.tv_sec = left / 1000000000, .tv_nsec = left % 1000000000};
    int ready = epoll_pwait2(poller, events, 64, &time, NULL);
    for (int index = 0; index < ready; index++) {
        size_t number = events[index].data.u64 >> 16, slot = events[index].data.u64 & 0xffff;
        proceed(clients[number], slot, events[index].events);
    }
}

static bool input_has_ended(void)
{
    char octet;
    return read(STDIN_FILENO, &octet, 1) == 0;
}

static void run(int64_t pause, int64_t patience)
{
    int64_t start = now() + pause;
    for (size_t index = 0; index < client_count; index++)
        clients[index]->due = start + pause * (int64_t)index / (int64_t)client_count;
    bool is_asking = true, is_waiting = true;
    while (is_asking || is_waiting) {
        if (is_asking && input_has_ended()) {
            is_asking = false;
            int64_t ended = now();
            for (size_t index = 0; index < client_count; index++) see_gap(clients[index], ended);
        }
        int64_t next = now() + 20000000;
        is_waiting = false;
        for (size_t index = 0; index < client_count; index++) {
            struct client *client = clients[index];
            int64_t at = now();
            for (; is_asking && client->due <= at; client->due += pause) ask(client, at);
            if (!give_up_waiting(client, at, patience)) is_waiting = true;
            if (is_asking && client->due < next) next = client->due;
        }
        wait_until(next);
    }
}

static void report(const struct client *client)
{
    printf("{\"client\": \"%s\", \"sent\": %lu, \"answered\": %lu, \"longestGap\": %.2f, \"longestDelay\": %.2f, ",
           client->name, client->sent, client->answered, (double)client->longest_gap / 1e6,
           (double)client->longest_delay / 1e6);
    printf("\"losses\": [");
    for (size_t index = 0; index < client->losses.count; index++)
        printf("%s[%.6f, \"%s\"]", index == 0 ? "" : ", ", (double)client->losses.all[index].when / 1e9,
               client->losses.all[index].why);
    printf("], \"gaps\": [");
    for (size_t index = 0; index < client->gaps.count; index++)
        printf("%s[%.6f, %.2f]", index == 0 ? "" : ", ", (double)client->gaps.all[index].when / 1e9,
               (double)client->gaps.all[index].value / 1e6);
    printf("]}\n");
}

int main(int count, char **words)
{
    double rate = count > 4 ? atof(words[1]) : 0, patience = count > 4 ? atof(words[2]) : 0;
    if (rate <= 0 || patience <= 0 || rate * (patience + 1) > slots) {
        fprintf(stderr, "usage: askers RATE PATIENCE QUERIES udp|udp-fixed|tcp|tcp-kept@ADDRESS…\n");
        return 2;
    }
    struct rlimit files = {.rlim_cur = 65536, .rlim_max = 65536};
    setrlimit(RLIMIT_NOFILE, &files);
    struct questions questions = read_questions(words[3]);
    if (questions.count == 0) fail(words[3]);
    poller = epoll_create1(EPOLL_CLOEXEC);
    if (poller < 0 || fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK) < 0) fail("epoll_create1");
    for (int index = 4; index < count && client_count < most_clients; index++) {
        clients[client_count] = new_client(words[index], client_count, &questions, poller);
        errno = EINVAL;
        if (clients[client_count++] == NULL) fail(words[index]);
    }
    run((int64_t)(1e9 / rate), (int64_t)(patience * 1e9));
    for (size_t index = 0; index < client_count; index++) report(clients[index]);
    return 0;
}
