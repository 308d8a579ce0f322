#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <linux/filter.h>
#include <pthread.h>
#include <signal.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

_Static_assert(sizeof(struct sockaddr_in6) <= sizeof(((clinux_peer *)0)->address), "a peer holds every address");

enum { CONTROL_SIZE = CMSG_SPACE(sizeof(struct in6_pktinfo)) };

struct clinux_batch {
    unsigned int slots, receive_size, reply_size;
    unsigned int used;    // headers that the last receive has changed
    unsigned int queued;
    struct mmsghdr *received, *replies;
    struct iovec *receive_vectors, *reply_vectors;
    clinux_peer *peers, *reply_peers;
    uint8_t *receive_octets, *reply_octets;
    uint8_t *receive_control, *reply_control;
};

static void point_at_slot(clinux_batch *batch, unsigned int slot)
{
    struct msghdr *header = &batch->received[slot].msg_hdr;
    header->msg_name = batch->peers[slot].address;
    header->msg_namelen = sizeof batch->peers[slot].address;
    header->msg_control = batch->receive_control + slot * CONTROL_SIZE;
    header->msg_controllen = CONTROL_SIZE;
    header->msg_flags = 0;
}

clinux_batch *clinux_batch_create(unsigned int slots, unsigned int receive_size, unsigned int reply_size)
{
    clinux_batch *batch = calloc(1, sizeof *batch);
    if (batch == NULL)
        return NULL;
    batch->slots = slots;
    batch->receive_size = receive_size;
    batch->reply_size = reply_size;
    batch->received = calloc(slots, sizeof *batch->received);
    batch->replies = calloc(slots, sizeof *batch->replies);
    batch->receive_vectors = calloc(slots, sizeof *batch->receive_vectors);
    batch->reply_vectors = calloc(slots, sizeof *batch->reply_vectors);
    batch->peers = calloc(slots, sizeof *batch->peers);
    batch->reply_peers = calloc(slots, sizeof *batch->reply_peers);
    batch->receive_octets = malloc((size_t)slots * receive_size);
    batch->reply_octets = malloc((size_t)slots * reply_size);
    batch->receive_control = calloc(slots, CONTROL_SIZE);
    batch->reply_control = calloc(slots, CONTROL_SIZE);
    if (!batch->received || !batch->replies || !batch->receive_vectors || !batch->reply_vectors || !batch->peers
        || !batch->reply_peers || !batch->receive_octets || !batch->reply_octets || !batch->receive_control
        || !batch->reply_control) {
        clinux_batch_destroy(batch);
        return NULL;
    }
    for (unsigned int slot = 0; slot < slots; slot++) {
        batch->receive_vectors[slot].iov_base = batch->receive_octets + (size_t)slot * receive_size;
        batch->receive_vectors[slot].iov_len = receive_size;
        batch->received[slot].msg_hdr.msg_iov = &batch->receive_vectors[slot];
        batch->received[slot].msg_hdr.msg_iovlen = 1;
        point_at_slot(batch, slot);
        batch->reply_vectors[slot].iov_base = batch->reply_octets + (size_t)slot * reply_size;
        batch->replies[slot].msg_hdr.msg_iov = &batch->reply_vectors[slot];
        batch->replies[slot].msg_hdr.msg_iovlen = 1;
    }
    return batch;
}

void clinux_batch_destroy(clinux_batch *batch)
{
    if (batch == NULL)
        return;
    free(batch->received);
    free(batch->replies);
    free(batch->receive_vectors);
    free(batch->reply_vectors);
    free(batch->peers);
    free(batch->reply_peers);
    free(batch->receive_octets);
    free(batch->reply_octets);
    free(batch->receive_control);
    free(batch->reply_control);
    free(batch);
}

static void note_local_address(clinux_peer *peer, struct msghdr *header)
{
    peer->local_size = 0;
    if (header->msg_controllen == 0)
        return;
    for (struct cmsghdr *item = CMSG_FIRSTHDR(header); item != NULL; item = CMSG_NXTHDR(header, item)) {
        if (item->cmsg_level == IPPROTO_IP && item->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;
            memcpy(&info, CMSG_DATA(item), sizeof info);
            memcpy(peer->local, &info.ipi_addr, 4);
            peer->local_size = 4;
        } else if (item->cmsg_level == IPPROTO_IPV6 && item->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;
            memcpy(&info, CMSG_DATA(item), sizeof info);
            memcpy(peer->local, &info.ipi6_addr, 16);
            peer->local_size = 16;
        }
    }
}

int clinux_batch_receive(clinux_batch *batch, int socket, int waits)
{
    // Only what the last receive has overwritten needs repair.
    for (unsigned int slot = 0; slot < batch->used; slot++)
        point_at_slot(batch, slot);
    batch->used = 0;
    int count = recvmmsg(socket, batch->received, batch->slots, waits ? MSG_WAITFORONE : MSG_DONTWAIT, NULL);
    if (count <= 0)
        return count;
    batch->used = (unsigned int)count;
    for (int slot = 0; slot < count; slot++) {
        batch->peers[slot].address_size = (uint8_t)batch->received[slot].msg_hdr.msg_namelen;
        note_local_address(&batch->peers[slot], &batch->received[slot].msg_hdr);
    }
    return count;
}

uint8_t *clinux_batch_datagram(clinux_batch *batch, unsigned int slot)
{
    return batch->receive_octets + (size_t)slot * batch->receive_size;
}

unsigned int clinux_batch_datagram_size(const clinux_batch *batch, unsigned int slot)
{
    return batch->received[slot].msg_len;
}

const clinux_peer *clinux_batch_peer(clinux_batch *batch, unsigned int slot)
{
    return &batch->peers[slot];
}

uint8_t *clinux_batch_reply(clinux_batch *batch)
{
    return batch->reply_octets + (size_t)batch->queued * batch->reply_size;
}

/// The answer leaves from the address that was asked (RFC 2181, 4.1); `control` has CONTROL_SIZE octets.
static void point_at_peer(struct msghdr *header, const clinux_peer *peer, uint8_t *control)
{
    header->msg_name = (void *)peer->address;
    header->msg_namelen = peer->address_size;
    header->msg_control = NULL;
    header->msg_controllen = 0;
    if (peer->local_size == 0)
        return;
    header->msg_control = control;
    header->msg_controllen = CONTROL_SIZE;
    memset(control, 0, CONTROL_SIZE);
    struct cmsghdr *item = CMSG_FIRSTHDR(header);
    if (peer->local_size == 4) {
        struct in_pktinfo info = { 0 };
        memcpy(&info.ipi_spec_dst, peer->local, 4);
        item->cmsg_level = IPPROTO_IP;
        item->cmsg_type = IP_PKTINFO;
        item->cmsg_len = CMSG_LEN(sizeof info);
        memcpy(CMSG_DATA(item), &info, sizeof info);
        header->msg_controllen = CMSG_SPACE(sizeof info);
    } else {
        struct in6_pktinfo info = { 0 };
        memcpy(&info.ipi6_addr, peer->local, 16);
        item->cmsg_level = IPPROTO_IPV6;
        item->cmsg_type = IPV6_PKTINFO;
        item->cmsg_len = CMSG_LEN(sizeof info);
        memcpy(CMSG_DATA(item), &info, sizeof info);
        header->msg_controllen = CMSG_SPACE(sizeof info);
    }
}

void clinux_batch_queue(clinux_batch *batch, unsigned int size, const clinux_peer *peer)
{
    unsigned int slot = batch->queued++;
    batch->reply_vectors[slot].iov_len = size;
    batch->reply_peers[slot] = *peer;
    point_at_peer(&batch->replies[slot].msg_hdr, &batch->reply_peers[slot],
        batch->reply_control + (size_t)slot * CONTROL_SIZE);
}

unsigned int clinux_batch_queued(const clinux_batch *batch)
{
    return batch->queued;
}

int clinux_batch_send(clinux_batch *batch, int socket)
{
    unsigned int done = 0, failed = 0;
    while (done < batch->queued) {
        int count = sendmmsg(socket, batch->replies + done, batch->queued - done, MSG_DONTWAIT);
        if (count > 0) {
            done += (unsigned int)count;
        } else if (count < 0 && errno == EINTR) {
            continue;
        } else {
            // This one cannot be sent (its client is unreachable, or the buffer is full): the others may.
            done++;
            failed++;
        }
    }
    batch->queued = 0;
    return (int)(done - failed);
}

static void do_nothing(int signal)
{
    (void)signal;
}

void clinux_allow_interrupts(void)
{
    // Without SA_RESTART: the interrupted call shall return.
    struct sigaction action = { .sa_handler = do_nothing };
    sigaction(SIGURG, &action, NULL);
    sigset_t urgent;
    sigemptyset(&urgent);
    sigaddset(&urgent, SIGURG);
    pthread_sigmask(SIG_UNBLOCK, &urgent, NULL);
}

void clinux_interrupt(unsigned long thread)
{
    pthread_kill((pthread_t)thread, SIGURG);
}

void clinux_name_thread(const char *name)
{
    char kept[16] = { 0 };
    strncpy(kept, name, sizeof kept - 1);
    pthread_setname_np(pthread_self(), kept);
}

ssize_t clinux_send(int socket, const uint8_t *octets, unsigned int size, const clinux_peer *peer)
{
    struct iovec vector = { .iov_base = (void *)octets, .iov_len = size };
    struct msghdr header = { .msg_iov = &vector, .msg_iovlen = 1 };
    _Alignas(struct cmsghdr) uint8_t control[CONTROL_SIZE];
    point_at_peer(&header, peer, control);
    return sendmsg(socket, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
}

int clinux_steer_to_second(int socket)
{
    // A classic BPF program of one instruction: return 1. An index that the group has not means "any".
    struct sock_filter code = { .code = BPF_RET | BPF_K, .k = 1 };
    struct sock_fprog program = { .len = 1, .filter = &code };
    return setsockopt(socket, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof program);
}

int clinux_steer_to_any(int socket)
{
    int unused = 0;
    return setsockopt(socket, SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, &unused, sizeof unused);
}
