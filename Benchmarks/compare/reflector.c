/* The floor under every DNS server on UDP: takes datagrams in batches, sets the QR bit, sends each back at the size
 * of a real answer. No parsing, no cache, no epoll, one socket. What a server costs above this is its own doing.
 *
 *     reflector ADDRESS PORT OCTETS
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { batch_size = 64, largest_packet = 1232, dns_header = 12 };

static unsigned char packets[batch_size][largest_packet];
static struct sockaddr_in senders[batch_size];
static struct iovec pieces[batch_size];
static struct mmsghdr batch[batch_size];

static void fail(const char *what)
{
    fprintf(stderr, "reflector: error: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int open_socket(const char *address, const char *port)
{
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(port))};
    if (inet_pton(AF_INET, address, &here.sin_addr) != 1) {
        errno = EINVAL;
        fail(address);
    }
    int descriptor = socket(AF_INET, SOCK_DGRAM, 0);
    if (descriptor < 0) fail("socket");
    /* 200 questions fill the default buffer when another process holds the core for a moment. */
    int octets = 4 << 20;
    if (setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &octets, sizeof octets) < 0
        && setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &octets, sizeof octets) < 0)
        fail("SO_RCVBUF");
    if (bind(descriptor, (struct sockaddr *)&here, sizeof here) < 0) fail("bind");
    return descriptor;
}

/* The kernel has shortened lengths to what it received; the next batch needs all the room again. */
static void make_room(unsigned count)
{
    for (unsigned index = 0; index < count; index++) {
        pieces[index] = (struct iovec){.iov_base = packets[index], .iov_len = largest_packet};
        batch[index].msg_hdr = (struct msghdr){
            .msg_name = &senders[index],
            .msg_namelen = sizeof senders[index],
            .msg_iov = &pieces[index],
            .msg_iovlen = 1,
        };
    }
}

static void turn_into_answers(unsigned count, size_t octets)
{
    for (unsigned index = 0; index < count; index++) {
        size_t received = batch[index].msg_len;
        if (received >= dns_header) packets[index][2] |= 0x80; /* QR */
        if (received < octets) memset(packets[index] + received, 0, octets - received);
        pieces[index].iov_len = received < octets ? octets : received;
    }
}

static void send_all(int descriptor, unsigned count)
{
    for (unsigned sent = 0; sent < count;) {
        int result = sendmmsg(descriptor, batch + sent, count - sent, 0);
        if (result < 0 && errno != EINTR) fail("sendmmsg");
        if (result > 0) sent += (unsigned)result;
    }
}

int main(int count, char **words)
{
    if (count != 4) {
        fprintf(stderr, "usage: reflector ADDRESS PORT OCTETS\n");
        return 2;
    }
    int descriptor = open_socket(words[1], words[2]);
    size_t octets = (size_t)atoi(words[3]);
    if (octets > largest_packet) octets = largest_packet;
    make_room(batch_size);
    for (;;) {
        int received = recvmmsg(descriptor, batch, batch_size, MSG_WAITFORONE, NULL);
        if (received < 0 && errno == EINTR) continue;
        if (received < 0) fail("recvmmsg");
        turn_into_answers((unsigned)received, octets);
        send_all(descriptor, (unsigned)received);
        make_room((unsigned)received);
    }
}
