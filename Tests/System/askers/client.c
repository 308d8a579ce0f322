/* One client: its sockets, and what it notes. Nothing here waits. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "client.h"

static const int64_t noticed_gap = 25000000;

/* ---- What happened ------------------------------------------------------------------------------------- */

static void note(struct notes *notes, int64_t when, int64_t value, const char *why)
{
    if (notes->count == notes->room) {
        notes->room = notes->room == 0 ? 64 : notes->room * 2;
        notes->all = realloc(notes->all, notes->room * sizeof *notes->all);
        if (notes->all == NULL) fail("realloc");
    }
    struct note *added = &notes->all[notes->count++];
    added->when = when;
    added->value = value;
    snprintf(added->why, sizeof added->why, "%s", why);
}

static void end(struct asked *asked)
{
    asked->sent = 0;
    if (asked->socket >= 0) close(asked->socket);
    asked->socket = -1;
}

static void lose(struct client *client, struct asked *asked, const char *why)
{
    if (asked->sent == 0) return;
    note(&client->losses, asked->sent, 0, why);
    end(asked);
}

static const char *reason(int error)
{
    switch (error) {
    case 0: return "closed";
    case ECONNREFUSED: return "refused";
    case ECONNRESET:
    case EPIPE: return "reset";
    default: return strerrorname_np(error);
    }
}

void see_gap(struct client *client, int64_t until)
{
    int64_t gap = until - client->last_answer;
    if (client->last_answer == 0) return;
    if (gap > client->longest_gap) client->longest_gap = gap;
    if (gap >= noticed_gap) note(&client->gaps, client->last_answer, gap, "");
}

/* Takes a whole message; only its header is looked at. */
static void take(struct client *client, const unsigned char *message, size_t length)
{
    if (length < dns_header) return;
    uint16_t identifier = (uint16_t)(message[0] << 8 | message[1]);
    struct asked *asked = &client->asked[identifier % slots];
    if (asked->sent == 0 || asked->identifier != identifier) return; /* too late, or twice */
    if ((message[2] & 0x80) == 0) return;
    int code = message[3] & 0x0f;
    if (code != 0 || (message[6] | message[7]) == 0) {
        char why[32];
        snprintf(why, sizeof why, code == 0 ? "no records" : "rcode %d", code);
        return lose(client, asked, why);
    }
    client->answered++;
    int64_t arrived = now();
    see_gap(client, arrived);
    client->last_answer = arrived;
    end(asked);
}

/* ---- Questions ------------------------------------------------------------------------------------------ */

/* Clients begin at different names, and all get to all of them. */
static const struct question *question(const struct client *client, uint16_t identifier)
{
    struct question *next = &client->questions->all[(client->number + identifier) % client->questions->count];
    next->packet[0] = (unsigned char)(identifier >> 8);
    next->packet[1] = (unsigned char)identifier;
    return next;
}

/* Writes a question behind its length, as streams want it. */
static size_t frame(const struct question *question, unsigned char *to)
{
    to[0] = (unsigned char)(question->length >> 8);
    to[1] = (unsigned char)question->length;
    memcpy(to + 2, question->packet, question->length);
    return 2u + question->length;
}

/* ---- Sockets ------------------------------------------------------------------------------------------- */

static void watch(const struct client *client, int socket, size_t slot, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.u64 = (uint64_t)client->number << 16 | slot};
    int failed = epoll_ctl(client->poller, EPOLL_CTL_ADD, socket, &event);
    if (failed && epoll_ctl(client->poller, EPOLL_CTL_MOD, socket, &event) < 0) fail("epoll_ctl");
}

/* A connected, or connecting, socket; negative: the error. */
static int open_socket(struct client *client, size_t slot)
{
    int kind = client->is_stream ? SOCK_STREAM : SOCK_DGRAM;
    int made = socket(client->server.ss_family, kind | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (made < 0) return -errno;
    int yes = 1;
    if (client->is_stream) setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (connect(made, (struct sockaddr *)&client->server, client->server_length) < 0 && errno != EINPROGRESS) {
        int error = errno;
        close(made);
        return -error;
    }
    watch(client, made, slot, client->is_stream ? EPOLLIN | EPOLLOUT : EPOLLIN);
    return made;
}

/* The client's only connection is of no use any more, and with it what was asked over it. */
static void abandon_connection(struct client *client, const char *why)
{
    if (client->socket >= 0) close(client->socket);
    client->socket = -1;
    client->buffered = client->unsent = 0;
    for (uint64_t number = client->oldest; number < client->sent; number++)
        lose(client, &client->asked[number % slots], why);
}

static void flush(struct client *client)
{
    ssize_t written = send(client->socket, client->to_send, client->unsent, MSG_NOSIGNAL);
    if (written < 0 && (errno == EAGAIN || errno == ENOTCONN)) return; /* still connecting */
    if (written < 0) return abandon_connection(client, reason(errno));
    client->unsent -= (size_t)written;
    memmove(client->to_send, client->to_send + written, client->unsent);
    if (client->unsent == 0) watch(client, client->socket, no_slot, EPOLLIN);
}

static void read_connection(struct client *client)
{
    for (;;) {
        size_t room = sizeof client->stream - client->buffered;
        ssize_t octets = recv(client->socket, client->stream + client->buffered, room, 0);
        if (octets < 0 && errno == EAGAIN) return;
        if (octets <= 0) return abandon_connection(client, reason(octets < 0 ? errno : 0));
        client->buffered += (size_t)octets;
        size_t length;
        while (client->buffered >= 2 &&
               client->buffered >= 2 + (length = (size_t)client->stream[0] << 8 | client->stream[1])) {
            take(client, client->stream + 2, length);
            client->buffered -= 2 + length;
            memmove(client->stream, client->stream + 2 + length, client->buffered);
        }
    }
}

/* An error of a fixed datagram socket is about the oldest question. */
static void refuse_oldest(struct client *client, int error)
{
    uint64_t number = client->oldest;
    while (number < client->sent && client->asked[number % slots].sent == 0) number++;
    if (number < client->sent) lose(client, &client->asked[number % slots], reason(error));
}

static void read_datagrams(struct client *client, int socket, struct asked *own)
{
    static unsigned char message[largest_message];
    for (ssize_t octets;;) {
        octets = recv(socket, message, sizeof message, 0);
        if (octets >= 0) {
            take(client, message, (size_t)octets);
        } else if (errno == EAGAIN) {
            return;
        } else if (own != NULL) {
            return lose(client, own, reason(errno));
        } else {
            refuse_oldest(client, errno);
        }
        if (own != NULL && own->sent == 0) return;
    }
}

static void proceed_alone(struct client *client, size_t slot, uint32_t events)
{
    struct asked *asked = &client->asked[slot];
    if (asked->sent == 0) return; /* an answer came first */
    if (!client->is_stream) return read_datagrams(client, asked->socket, asked);
    if (!asked->is_written && (events & EPOLLOUT) != 0) {
        unsigned char framed[2 + largest_question];
        size_t length = frame(question(client, asked->identifier), framed);
        if (send(asked->socket, framed, length, MSG_NOSIGNAL) < 0)
            return lose(client, asked, reason(errno));
        asked->is_written = true;
        watch(client, asked->socket, slot, EPOLLIN);
    }
    static unsigned char rest[largest_message];
    for (;;) {
        ssize_t octets = recv(asked->socket, rest, sizeof rest, 0);
        if (octets < 0 && errno == EAGAIN) return;
        if (octets <= 0) return lose(client, asked, reason(octets < 0 ? errno : 0));
        for (ssize_t index = 0; index < octets && asked->received + index < (ssize_t)sizeof asked->answer; index++)
            asked->answer[asked->received + index] = rest[index];
        asked->received = (uint16_t)(asked->received + octets);
        if (asked->received >= 2 && asked->received >= 2 + (asked->answer[0] << 8 | asked->answer[1]))
            return take(client, asked->answer + 2, asked->received - 2u);
    }
}

void proceed(struct client *client, size_t slot, uint32_t events)
{
    if (slot != no_slot) return proceed_alone(client, slot, events);
    if (client->socket >= 0 && !client->is_stream) return read_datagrams(client, client->socket, NULL);
    if (client->socket >= 0 && (events & EPOLLOUT) != 0) flush(client);
    if (client->socket >= 0) read_connection(client);
}

/* ---- Asking -------------------------------------------------------------------------------------------- */

static void ask_fixed(struct client *client, const struct question *question)
{
    if (client->socket < 0) client->socket = open_socket(client, no_slot);
    struct asked *asked = &client->asked[(client->sent - 1) % slots];
    if (client->socket < 0) {
        lose(client, asked, reason(-client->socket));
        client->socket = -1;
        return;
    }
    if (client->is_stream) {
        if (client->unsent + 2 + question->length > sizeof client->to_send) return; /* lost by silence */
        client->unsent += frame(question, client->to_send + client->unsent);
        return flush(client);
    }
    if (send(client->socket, question->packet, question->length, 0) >= 0) return;
    refuse_oldest(client, errno); /* told only now */
    if (asked->sent != 0 && send(client->socket, question->packet, question->length, 0) < 0)
        lose(client, asked, reason(errno));
}

void ask(struct client *client, int64_t at)
{
    uint16_t identifier = (uint16_t)client->sent;
    size_t slot = identifier % slots;
    const struct question *next = question(client, identifier);
    client->asked[slot] = (struct asked){.sent = at, .socket = -1, .identifier = identifier};
    client->sent++;
    if (at - client->due > client->longest_delay) client->longest_delay = at - client->due;
    if (client->is_fixed) return ask_fixed(client, next);
    struct asked *asked = &client->asked[slot];
    int made = open_socket(client, slot);
    if (made < 0) return lose(client, asked, reason(-made));
    asked->socket = made;
    if (!client->is_stream && send(made, next->packet, next->length, 0) < 0)
        lose(client, asked, reason(errno));
}

bool give_up_waiting(struct client *client, int64_t at, int64_t patience)
{
    for (; client->oldest < client->sent; client->oldest++) {
        struct asked *asked = &client->asked[client->oldest % slots];
        if (asked->sent == 0) continue;
        if (at - asked->sent < patience) return false;
        lose(client, asked, "silence");
        if (client->is_stream && client->is_fixed) abandon_connection(client, "silence");
    }
    return true;
}

struct client *new_client(const char *text, size_t number, const struct questions *questions, int poller)
{
    const char *address = strchr(text, '@');
    struct client *client = calloc(1, sizeof *client);
    if (address == NULL || client == NULL) return NULL;
    client->name = text;
    client->number = number;
    client->questions = questions;
    client->poller = poller;
    client->is_stream = strncmp(text, "tcp", 3) == 0;
    client->is_fixed = memchr(text, '-', (size_t)(address - text)) != NULL;
    client->socket = -1;
    address++;
    struct sockaddr_in *four = (struct sockaddr_in *)&client->server;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)&client->server;
    if (inet_pton(AF_INET, address, &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons(53);
        client->server_length = sizeof *four;
    } else if (inet_pton(AF_INET6, address, &six->sin6_addr) == 1) {
        six->sin6_family = AF_INET6;
        six->sin6_port = htons(53);
        client->server_length = sizeof *six;
    } else {
        free(client);
        return NULL;
    }
    return client;
}

