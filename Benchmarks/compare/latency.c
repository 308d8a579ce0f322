/* Steady streams of DNS questions, open loop: question i of a stream is due at start + i/RATE whether or not anything
 * was answered, and its latency counts from the moment it was due. A server that stalls cannot make its own
 * measurement stop, as it can with a closed loop. Waits by polling while the next question is near, so the load's
 * core is busy for as long as it runs.
 *
 *     latency ADDRESS PORT SECONDS PATIENCE QUERIES RATE SOCKETS [QUERIES RATE SOCKETS]...
 *
 * QUERIES is a query file of dnsperf with A questions only, or +PARENT: names below PARENT that nobody asks twice.
 * Answers are waited for up to PATIENCE seconds after the last question; later ones are lost. Prints one JSON object:
 * latencies in microseconds, the start by CLOCK_MONOTONIC, good answers by the time of their arrival. The p99 of every
 * whole second is there too: a machine that stops for some milliseconds now and then spoils some seconds, and the
 * median of all of them still tells what the server does.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../Tests/System/question.h"
#include "durations.h"

enum {
    largest_answer = 4096,
    most_identifiers = 65536, /* by the socket */
    hexadecimals = 16,   /* in a label that nobody asks twice */
    bin_nanoseconds = 10000000, /* of the arrivals */
    retry_times = 3,
    worth_sleeping = 250000,   /* nanoseconds until the next question; a sleep costs some fifty thousand */
    words_before_streams = 5,
    words_of_a_stream = 3,
};

struct stream {
    struct questions questions;
    bool never_twice;
    double rate;
    uint64_t wanted;
    int *sockets;
    size_t socket_count;
    size_t identifiers; /* in use, by the socket */
    uint32_t *in_flight; /* the question's number, from one, by socket and identifier; 0: none */
    uint32_t *took;      /* steps, by the question's number; never: no answer yet */
    uint32_t *arrivals;
    uint64_t sent, answered, failed, refused_by_kernel;
    size_t answer_octets;
};

struct origin { /* of an answer: what epoll hands back */
    struct stream *stream;
    size_t socket;
};

/* Seconds after which stub resolvers ask again: an impatient one's first and second time, glibc's only one. */
static const int patiences[retry_times] = {1, 2, 5};

static int poller;
static int64_t start, last_bin;

static void fail(const char *what)
{
    fprintf(stderr, "latency: error: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void refuse(const char *what)
{
    errno = EINVAL;
    fail(what);
}

static void *allocated(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (memory == NULL) fail("calloc");
    return memory;
}

static void below(struct stream *stream, const char *parent)
{
    char name[largest_question];
    snprintf(name, sizeof name, "%0*d.%s", hexadecimals, 0, parent);
    stream->questions = (struct questions){allocated(1, sizeof(struct question)), 1};
    if (!encode_question(name, stream->questions.all)) refuse("a name is too long");
    stream->never_twice = true;
}

/* splitmix64 (Steele, Lea, Flood 2014): no number comes twice in 2^64. */
static void rename_question(struct question *question)
{
    static uint64_t state;
    if (state == 0) state = (uint64_t)now() ^ (uint64_t)getpid() << 40;
    uint64_t number = state += 0x9e3779b97f4a7c15;
    number = (number ^ number >> 30) * 0xbf58476d1ce4e5b9;
    number = (number ^ number >> 27) * 0x94d049bb133111eb;
    number ^= number >> 31;
    for (size_t digit = 0; digit < hexadecimals; digit++, number >>= 4)
        question->packet[dns_header + 1 + digit] = (unsigned char)"0123456789abcdef"[number & 15];
}

static void allow_descriptors(size_t count)
{
    struct rlimit limit = {.rlim_cur = count, .rlim_max = count}, present;
    if (getrlimit(RLIMIT_NOFILE, &present) < 0 || present.rlim_cur >= count) return;
    if (present.rlim_max > limit.rlim_max) limit.rlim_max = present.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0) fail("setrlimit");
}

static void open_sockets(struct stream *stream, const struct sockaddr_in *server)
{
    stream->sockets = allocated(stream->socket_count, sizeof *stream->sockets);
    struct origin *origins = allocated(stream->socket_count, sizeof *origins);
    for (size_t index = 0; index < stream->socket_count; index++) {
        int made = stream->sockets[index] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        if (made < 0) fail("socket");
        /* What another process does to our core must not look like a loss of the server's. More than the kernel's
         * limit needs a capability; without it the limit has to do. */
        int octets = 4 << 20;
        if (setsockopt(made, SOL_SOCKET, SO_RCVBUFFORCE, &octets, sizeof octets) < 0)
            setsockopt(made, SOL_SOCKET, SO_RCVBUF, &octets, sizeof octets);
        if (connect(made, (const struct sockaddr *)server, sizeof *server) < 0) fail("connect");
        origins[index] = (struct origin){stream, index};
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &origins[index]};
        if (epoll_ctl(poller, EPOLL_CTL_ADD, made, &event) < 0) fail("epoll_ctl");
    }
}

static void make_stream(struct stream *stream, char **words, double seconds, const struct sockaddr_in *server)
{
    stream->rate = atof(words[1]);
    stream->wanted = (uint64_t)(stream->rate * seconds);
    stream->socket_count = (size_t)atol(words[2]);
    if (stream->rate <= 0 || stream->wanted == 0 || stream->socket_count == 0)
        refuse("RATE, SECONDS and SOCKETS are positive numbers");
    allow_descriptors(stream->socket_count + 64);
    if (words[0][0] == '+')
        below(stream, words[0] + 1);
    else
        stream->questions = read_questions(words[0]);
    if (stream->questions.count == 0) fail(words[0]);
    stream->identifiers = (size_t)(stream->wanted / stream->socket_count) + 1;
    if (stream->identifiers > most_identifiers) stream->identifiers = most_identifiers;
    if (stream->wanted >= never) refuse("RATE times SECONDS is too much");
    stream->in_flight = allocated(stream->socket_count * stream->identifiers, sizeof *stream->in_flight);
    stream->took = allocated(stream->wanted, sizeof *stream->took);
    memset(stream->took, 0xff, stream->wanted * sizeof *stream->took);
    stream->arrivals = allocated((size_t)last_bin + 1, sizeof *stream->arrivals);
    open_sockets(stream, server);
}

static int64_t due(const struct stream *stream, uint64_t number)
{
    return start + (int64_t)((double)number * 1e9 / stream->rate);
}

static int64_t next_due(const struct stream *stream)
{
    return stream->sent == stream->wanted ? INT64_MAX : due(stream, stream->sent);
}

static void ask(struct stream *stream)
{
    struct question *question = &stream->questions.all[stream->sent % stream->questions.count];
    size_t socket = stream->sent % stream->socket_count;
    size_t identifier = stream->sent / stream->socket_count % stream->identifiers;
    if (stream->never_twice) rename_question(question);
    question->packet[0] = (unsigned char)(identifier >> 8);
    question->packet[1] = (unsigned char)identifier;
    stream->sent++;
    if (send(stream->sockets[socket], question->packet, question->length, 0) == question->length) {
        /* What was in flight under this number before is lost. */
        stream->in_flight[socket * stream->identifiers + identifier] = (uint32_t)stream->sent;
    } else {
        stream->refused_by_kernel++;
    }
}

static void count_answer(struct stream *stream, size_t socket, const unsigned char *packet, size_t octets)
{
    int64_t arrived = now();
    size_t identifier = (size_t)(packet[0] << 8 | packet[1]);
    if (identifier >= stream->identifiers) return;
    uint32_t *number = &stream->in_flight[socket * stream->identifiers + identifier];
    if (*number == 0) return; /* late, or twice */
    int64_t took = arrived - due(stream, *number - 1), bin = (arrived - start) / bin_nanoseconds;
    int64_t steps = took * steps_per_microsecond / 1000;
    stream->took[*number - 1] = steps < never ? (uint32_t)steps : never - 1;
    *number = 0;
    stream->answered++;
    stream->answer_octets = octets;
    if ((packet[3] & 0x0f) != 0 || (packet[6] | packet[7]) == 0)
        stream->failed++;
    else
        stream->arrivals[bin < last_bin ? bin : last_bin]++;
}

static void take_answers(int64_t patience)
{
    struct epoll_event events[64];
    struct timespec sleep = {.tv_nsec = patience};
    int ready = epoll_pwait2(poller, events, 64, &sleep, NULL);
    for (int index = 0; index < ready; index++) {
        static unsigned char packet[largest_answer];
        const struct origin *origin = events[index].data.ptr;
        ssize_t octets;
        while ((octets = recv(origin->stream->sockets[origin->socket], packet, sizeof packet, 0)) >= 0) {
            if (octets >= dns_header) count_answer(origin->stream, origin->socket, packet, (size_t)octets);
        }
    }
}

static void report_seconds(const struct stream *stream, int seconds)
{
    uint32_t *took = allocated((size_t)stream->rate + 1, sizeof *took);
    for (int second = 0; second < seconds; second++) {
        size_t first = (size_t)(second * stream->rate), count = (size_t)((second + 1) * stream->rate) - first;
        memcpy(took, stream->took + first, count * sizeof *took);
        printf("%s%.1f", second == 0 ? "" : ",", quantile(took, sorted(took, count), 0.99));
    }
    free(took);
}

static void report(struct stream *stream, double seconds, double asked_seconds)
{
    static const double shares[] = {0,   0.01, 0.05, 0.1,  0.25,  0.5,   0.75,
                                    0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 0.9999};
    printf("{\"sent\": %lu, \"answered\": %lu, \"failed\": %lu, \"notSent\": %lu, \"seconds\": %.6f, ", stream->sent,
           stream->answered, stream->failed, stream->refused_by_kernel, seconds);
    printf("\"answerOctets\": %zu, \"p99BySecond\": [", stream->answer_octets);
    report_seconds(stream, (int)asked_seconds);
    uint32_t *took = stream->took;
    size_t answered = sorted(took, stream->wanted);
    double sum = 0;
    for (size_t index = 0; index < answered; index++) sum += took[index];
    printf("], \"meanMicroseconds\": %.2f, \"slowestMicroseconds\": %.1f, \"quantiles\": {",
           answered == 0 ? 0 : sum / steps_per_microsecond / (double)answered, quantile(took, answered, 1));
    for (size_t index = 0; index < sizeof shares / sizeof *shares; index++)
        printf("%s\"%g\": %.1f", index == 0 ? "" : ", ", shares[index], quantile(took, answered, shares[index]));
    printf("}, \"slowerThanSeconds\": {");
    for (size_t index = 0, left = 0; index < retry_times; index++) {
        while (left < answered && took[left] <= patiences[index] * 1000000u * steps_per_microsecond) left++;
        printf("%s\"%d\": %zu", index == 0 ? "" : ", ", patiences[index], answered - left);
    }
    printf("}, \"goodBy10Milliseconds\": [");
    for (int64_t bin = 0; bin <= last_bin; bin++) printf("%s%u", bin == 0 ? "" : ",", stream->arrivals[bin]);
    printf("]}");
}

int main(int count, char **words)
{
    int stream_words = count - words_before_streams;
    if (stream_words < words_of_a_stream || stream_words % words_of_a_stream != 0) {
        fprintf(stderr, "usage: latency ADDRESS PORT SECONDS PATIENCE QUERIES RATE SOCKETS [QUERIES RATE SOCKETS]...\n");
        return 2;
    }
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(words[2]))};
    if (inet_pton(AF_INET, words[1], &server.sin_addr) != 1) refuse(words[1]);
    double seconds = atof(words[3]);
    int64_t patience = (int64_t)(atof(words[4]) * 1e9);
    if (seconds <= 0 || patience < 0) refuse("SECONDS and PATIENCE are times");
    last_bin = ((int64_t)(seconds * 1e9) + patience) / bin_nanoseconds;
    poller = epoll_create1(0);
    if (poller < 0) fail("epoll_create1");
    size_t stream_count = (size_t)(stream_words / words_of_a_stream);
    struct stream *streams = allocated(stream_count, sizeof *streams);
    for (size_t index = 0; index < stream_count; index++)
        make_stream(&streams[index], words + words_before_streams + index * words_of_a_stream, seconds, &server);

    start = now() + 1000000;
    for (;;) {
        struct stream *next = &streams[0];
        for (size_t index = 1; index < stream_count; index++)
            if (next_due(&streams[index]) < next_due(next)) next = &streams[index];
        int64_t when = next_due(next), left = when - now();
        if (when == INT64_MAX) break;
        if (left <= 0) ask(next);
        take_answers(left > worth_sleeping ? left - worth_sleeping / 2 : 0);
    }
    int64_t last = now(), end = last + patience;
    for (bool is_waiting = true; is_waiting && now() < end;) {
        take_answers(1000000);
        is_waiting = false;
        for (size_t index = 0; index < stream_count; index++)
            is_waiting |= streams[index].answered + streams[index].refused_by_kernel < streams[index].sent;
    }
    printf("{\"start\": %.6f, \"streams\": [", (double)start / 1e9);
    for (size_t index = 0; index < stream_count; index++) {
        if (index > 0) printf(", ");
        report(&streams[index], (double)(last - start) / 1e9, seconds);
    }
    printf("]}\n");
    return 0;
}
