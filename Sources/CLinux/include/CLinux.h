// The system calls of the data path that glibc's Swift module does not show (epoll; recvmmsg and sendmmsg need
// _GNU_SOURCE), with the message headers made once per batch instead of once per call.

#ifndef CLINUX_H
#define CLINUX_H

#include <stdint.h>
#include <sys/epoll.h>
#include <sys/types.h>

/// Who sent a datagram and, on a wildcard socket, which of our addresses it was sent to.
typedef struct clinux_peer {
    /// struct sockaddr_in or struct sockaddr_in6.
    uint8_t address[28];
    uint8_t address_size;
    /// 0: not asked for; 4 or 16: octets of `local` in use.
    uint8_t local_size;
    uint8_t local[16];
} clinux_peer;

/// Buffers and headers of one batch; opaque to Swift.
typedef struct clinux_batch clinux_batch;

/// A batch of `slots` datagrams; NULL when memory is short. Receive buffers are `receive_size` octets each,
/// reply buffers `reply_size`.
clinux_batch *clinux_batch_create(unsigned int slots, unsigned int receive_size, unsigned int reply_size);
void clinux_batch_destroy(clinux_batch *batch);

/// Receives up to `slots` datagrams, their number, or -1 with errno; waits for the first one if `waits`.
int clinux_batch_receive(clinux_batch *batch, int socket, int waits);

uint8_t *clinux_batch_datagram(clinux_batch *batch, unsigned int slot);
unsigned int clinux_batch_datagram_size(const clinux_batch *batch, unsigned int slot);
const clinux_peer *clinux_batch_peer(clinux_batch *batch, unsigned int slot);

/// The buffer for the next reply.
uint8_t *clinux_batch_reply(clinux_batch *batch);
/// Queues the reply that was written there, `size` octets, for `peer`. Queue at most `slots` before a send.
void clinux_batch_queue(clinux_batch *batch, unsigned int size, const clinux_peer *peer);
unsigned int clinux_batch_queued(const clinux_batch *batch);
/// Sends all queued replies; the number that the kernel took. The queue is empty afterwards.
int clinux_batch_send(clinux_batch *batch, int socket);

/// Lets SIGURG end a call in which the calling thread waits: it is ignored by default, and threads inherit a
/// mask that may block it.
void clinux_allow_interrupts(void);
/// Sends SIGURG to a thread, a pthread_t.
void clinux_interrupt(unsigned long thread);

/// Names the calling thread; at most 15 octets are kept.
void clinux_name_thread(const char *name);

/// Sends one datagram to `peer` without waiting; -1 with errno.
ssize_t clinux_send(int socket, const uint8_t *octets, unsigned int size, const clinux_peer *peer);

/// Has the kernel choose the second socket of this one's SO_REUSEPORT group; -1 with errno.
int clinux_steer_to_second(int socket);
/// Takes that back.
int clinux_steer_to_any(int socket);

#endif
