// The system calls of the data path that glibc's Swift module does not show (epoll; recvmmsg and sendmmsg need
// _GNU_SOURCE), with the message headers made once per batch instead of once per call.

#ifndef CLINUX_H
#define CLINUX_H

#include "CLinuxLedger.h"

#include <stdint.h>
#include <sys/epoll.h>
#include <sys/types.h>

/// Buffers and headers of one batch; opaque to Swift.
typedef struct clinux_batch clinux_batch;

/// A batch that receives into `ledger`, which has to outlive it; reply buffers are `reply_size` octets each. NULL when
/// memory is short.
clinux_batch *clinux_batch_create(clinux_ledger *ledger, unsigned int reply_size);
void clinux_batch_destroy(clinux_batch *batch);

/// Receives what a predecessor owed, as many datagrams at once as fit. Zero: no more.
int clinux_batch_take_over(clinux_batch *batch);

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
