#define _GNU_SOURCE
#include "CLinux.h"

#include "CLinuxLedger.h"

#include <errno.h>
#include <linux/filter.h>
#include <pthread.h>
#include <signal.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

struct clinux_batch {
    clinux_ledger *ledger;
    unsigned int reply_size;
    unsigned int used;    // headers that the last receive has changed
    unsigned int queued;
    struct mmsghdr *replies;
    struct iovec *reply_vectors;
    clinux_peer *reply_peers;
    uint8_t *reply_octets, *reply_control;
};

clinux_batch *clinux_batch_create(clinux_ledger *ledger, unsigned int reply_size)
{
    clinux_batch *batch = calloc(1, sizeof *batch);
    if (batch == NULL)
        return NULL;
    unsigned int slots = ledger->slots;
    batch->ledger = ledger;
    batch->reply_size = reply_size;
    batch->replies = calloc(slots, sizeof *batch->replies);
    batch->reply_vectors = calloc(slots, sizeof *batch->reply_vectors);
    batch->reply_peers = calloc(slots, sizeof *batch->reply_peers);
    batch->reply_octets = malloc((size_t)slots * reply_size);
    batch->reply_control = calloc(slots, CONTROL_SIZE);
    if (!batch->replies || !batch->reply_vectors || !batch->reply_peers || !batch->reply_octets
        || !batch->reply_control) {
        clinux_batch_destroy(batch);
        return NULL;
    }
    for (unsigned int slot = 0; slot < slots; slot++) {
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
    free(batch->replies);
    free(batch->reply_vectors);
    free(batch->reply_peers);
    free(batch->reply_octets);
    free(batch->reply_control);
    free(batch);
}

/// What was received is answered, or kept: nothing of it is owed any more.
static void clear(clinux_batch *batch)
{
    for (unsigned int slot = 0; slot < batch->used; slot++)
        clinux_ledger_clear(batch->ledger, slot);
    batch->used = 0;
}

int clinux_batch_receive(clinux_batch *batch, int socket, int waits)
{
    clinux_ledger *ledger = batch->ledger;
    clear(batch);
    int count = recvmmsg(socket, ledger->received, ledger->slots, waits ? MSG_WAITFORONE : MSG_DONTWAIT, NULL);
    if (count <= 0)
        return count;
    batch->used = (unsigned int)count;
    for (unsigned int slot = 0; slot < batch->used; slot++)
        clinux_ledger_note_peer(ledger, slot);
    return count;
}

int clinux_batch_take_over(clinux_batch *batch)
{
    clear(batch);
    batch->used = clinux_ledger_take_over(batch->ledger);
    return (int)batch->used;
}

uint8_t *clinux_batch_datagram(clinux_batch *batch, unsigned int slot)
{
    return batch->ledger->octets + (size_t)slot * batch->ledger->receive_size;
}

unsigned int clinux_batch_datagram_size(const clinux_batch *batch, unsigned int slot)
{
    return batch->ledger->received[slot].msg_len;
}

const clinux_peer *clinux_batch_peer(clinux_batch *batch, unsigned int slot)
{
    return &batch->ledger->peers[slot];
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
