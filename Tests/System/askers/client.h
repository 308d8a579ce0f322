/* One client of `askers`: what it has asked, over which socket, and what became of it. */
#pragma once
#include <netinet/in.h>
#include <sys/socket.h>

#include "../question.h"

enum {
    slots = 4096, /* questions of one client in flight: the rate times the patience must fit */
    largest_message = 4096,
    no_slot = 0xffff, /* an event of the client's own socket, not of a question's */
};

struct asked {
    int64_t sent; /* 0: not in flight */
    int socket;   /* of its own; -1: the client's */
    uint16_t identifier;
    bool is_written;
    uint16_t received;
    unsigned char answer[dns_header + 2];
};

struct note {
    int64_t when;
    int64_t value;
    char why[32];
};

struct notes {
    struct note *all;
    size_t count, room;
};

struct client {
    const char *name;
    size_t number;
    const struct questions *questions;
    int poller;
    bool is_stream, is_fixed;
    struct sockaddr_storage server;
    socklen_t server_length;
    int socket; /* of a fixed client; -1: none now */
    size_t buffered, unsent;
    unsigned char stream[2 * largest_message], to_send[2 * largest_message];
    uint64_t sent, answered, oldest; /* `oldest`: no question before it is in flight */
    int64_t due, last_answer, longest_gap, longest_delay;
    struct notes losses, gaps;
    struct asked asked[slots];
};

/* A client from KIND@ADDRESS; NULL: that is not one. `number` comes back with every event of its sockets, in
 * `data.u64` of epoll as number << 16 | slot. */
struct client *new_client(const char *text, size_t number, const struct questions *questions, int poller);

/* Sends the next question. */
void ask(struct client *client, int64_t at);

/* Sends and takes what can be, now that a socket is ready. */
void proceed(struct client *client, size_t slot, uint32_t events);

/* Counts as lost what has waited for `patience` nanoseconds. True: nothing is in flight. */
bool give_up_waiting(struct client *client, int64_t at, int64_t patience);

/* Notes the time since the last answer. */
void see_gap(struct client *client, int64_t until);

_Noreturn void fail(const char *what);
