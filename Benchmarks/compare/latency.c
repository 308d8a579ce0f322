/* Steady streams of DNS questions, open loop: question i of a stream is due at start + i/RATE whether or not anything
 * was answered, and its latency counts from the moment it was due. A server that stalls cannot make its own
 * measurement stop, as it can with a closed loop. Waits by polling while the next question is near, so the load's
 * core is busy for as long as it runs.
 *
 *     latency ADDRESS PORT SECONDS PATIENCE QUERIES RATE SOCKETS [QUERIES RATE SOCKETS]...
 *
 * QUERIES is a query file of dnsperf with A questions only, or +PARENT: names below PARENT that nobody asks twice.
 * Answers are waited for up to PATIENCE seconds after the last question; later ones are lost. Prints one JSON object:
 * latencies in microseconds, the start by CLOCK_MONOTONIC, good answers by the time of their arrival.
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

enum {
    largest_answer = 4096,
    most_identifiers = 65536, /* by the socket */
    hexadecimals = 16,   /* in a label that nobody asks twice */
    steps_per_microsecond = 10,
    fine_steps = 10000000,     /* of the histogram: one second */
    coarse_steps = 10000,      /* of a millisecond each, from there on; longer ones count as the last */
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
    int64_t *due; /* of the question in flight, by socket and identifier; 0: none */
    uint32_t *histogram, *arrivals;
    uint64_t sent, answered, failed, refused_by_kernel, total_nanoseconds;
    int64_t slowest;
    uint64_t slower[retry_times]; /* than the time-outs below */
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
    stream->due = allocated(stream->socket_count * stream->identifiers, sizeof *stream->due);
    stream->histogram = allocated(fine_steps + coarse_steps, sizeof *stream->histogram);
    stream->arrivals = allocated((size_t)last_bin + 1, sizeof *stream->arrivals);
    open_sockets(stream, server);
}

static int64_t next_due(const struct stream *stream)
{
    if (stream->sent == stream->wanted) return INT64_MAX;
    return start + (int64_t)((double)stream->sent * 1e9 / stream->rate);
}

static void ask(struct stream *stream, int64_t when)
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
        stream->due[socket * stream->identifiers + identifier] = when;
    } else {
        stream->refused_by_kernel++;
    }
}

static void count_answer(struct stream *stream, size_t socket, const unsigned char *packet, size_t octets)
{
    int64_t arrived = now();
    size_t identifier = (size_t)(packet[0] << 8 | packet[1]);
    if (identifier >= stream->identifiers) return;
    int64_t *due = &stream->due[socket * stream->identifiers + identifier];
    if (*due == 0) return; /* late, or twice */
    int64_t took = arrived - *due, bin = (arrived - start) / bin_nanoseconds;
    *due = 0;
    stream->answered++;
    stream->answer_octets = octets;
    if ((packet[3] & 0x0f) != 0 || (packet[6] | packet[7]) == 0)
        stream->failed++;
    else
        stream->arrivals[bin < last_bin ? bin : last_bin]++;
    stream->total_nanoseconds += (uint64_t)took;
    if (took > stream->slowest) stream->slowest = took;
    for (size_t index = 0; index < retry_times; index++)
        if (took > patiences[index] * INT64_C(1000000000)) stream->slower[index]++;
    int64_t step = took * steps_per_microsecond / 1000;
    if (step >= fine_steps) {
        step = fine_steps + took / 1000000 - fine_steps / steps_per_microsecond / 1000;
        if (step >= fine_steps + coarse_steps) step = fine_steps + coarse_steps - 1;
    }
    stream->histogram[step]++;
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

static double microseconds(size_t step)
{
    if (step < fine_steps) return ((double)step + 0.5) / steps_per_microsecond;
    return (double)fine_steps / steps_per_microsecond + ((double)(step - fine_steps) + 0.5) * 1000;
}

static double quantile(const struct stream *stream, double share)
{
    uint64_t wanted = (uint64_t)(share * (double)stream->answered), seen = 0;
    for (size_t step = 0; step < fine_steps + coarse_steps; step++) {
        seen += stream->histogram[step];
        if (seen > wanted || (seen == stream->answered && seen > 0)) return microseconds(step);
    }
    return 0;
}

static void report(const struct stream *stream, double seconds)
{
    static const double shares[] = {0,   0.01, 0.05, 0.1,  0.25,  0.5,   0.75,
                                    0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 0.9999};
    printf("{\"sent\": %lu, \"answered\": %lu, \"failed\": %lu, \"notSent\": %lu, \"seconds\": %.6f, ", stream->sent,
           stream->answered, stream->failed, stream->refused_by_kernel, seconds);
    printf("\"answerOctets\": %zu, \"meanMicroseconds\": %.2f, \"slowestMicroseconds\": %.2f, \"quantiles\": {",
           stream->answer_octets,
           stream->answered == 0 ? 0 : (double)stream->total_nanoseconds / 1000 / (double)stream->answered,
           (double)stream->slowest / 1000);
    for (size_t index = 0; index < sizeof shares / sizeof *shares; index++)
        printf("%s\"%g\": %.2f", index == 0 ? "" : ", ", shares[index], quantile(stream, shares[index]));
    printf("}, \"slowerThanSeconds\": {");
    for (size_t index = 0; index < retry_times; index++)
        printf("%s\"%d\": %lu", index == 0 ? "" : ", ", patiences[index], stream->slower[index]);
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
        if (left <= 0) ask(next, when);
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
        report(&streams[index], (double)(last - start) / 1e9);
    }
    printf("]}\n");
    return 0;
}
