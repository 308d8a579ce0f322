// The inside of a ledger, for the batch that receives into it.

#ifndef CLINUX_LEDGER_INSIDE_H
#define CLINUX_LEDGER_INSIDE_H

#include "include/CLinuxLedger.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum { CONTROL_SIZE = CMSG_SPACE(sizeof(struct in6_pktinfo)) };

struct clinux_ledger {
    unsigned int slots, receive_size;
    unsigned int inherited;    // slots in which a predecessor has left a datagram, or has not
    void *memory;
    size_t size;
    struct iovec *vectors;
    // These lie in `memory`. A datagram is owed from the moment at which the kernel writes its header's msg_len until
    // that is zero again; a kept question while its place is taken.
    struct mmsghdr *received;
    clinux_peer *peers;
    uint8_t *control, *octets, *taken;
    struct clinux_kept *kept;
};

/// Nothing is owed for datagram `slot` any more, and its header is ready to receive.
void clinux_ledger_clear(clinux_ledger *ledger, unsigned int slot);
/// Notes who sent datagram `slot`, as the kernel told.
void clinux_ledger_note_peer(clinux_ledger *ledger, unsigned int slot);
/// Brings what a predecessor owed into the slots, as if it had just been received: how much of it. Zero: no more.
unsigned int clinux_ledger_take_over(clinux_ledger *ledger);

#endif
