// What a packet thread has read and not answered yet: the datagrams of its batch, and the questions that wait for
// upstream. It lies in memory that may be a file's, because such memory outlives a killed process, and the next one
// finds there what is owed. One thread reads and keeps; any thread settles.

#ifndef CLINUX_LEDGER_H
#define CLINUX_LEDGER_H

#include <stdint.h>

/// Who sent a datagram and, on a wildcard socket, which of our addresses it was sent to.
typedef struct clinux_peer {
    /// struct sockaddr_in or struct sockaddr_in6.
    uint8_t address[28];
    uint8_t address_size;
    /// 0: not asked for; 4 or 16: octets of `local` in use.
    uint8_t local_size;
    uint8_t local[16];
} clinux_peer;

/// Opaque to Swift.
typedef struct clinux_ledger clinux_ledger;

/// A ledger with room for a batch of `slots` datagrams, `receive_size` octets each. With a memory file it holds what
/// its last user owed; a file of another size is emptied. -1: memory of this process. NULL with errno.
clinux_ledger *clinux_ledger_open(unsigned int slots, unsigned int receive_size, int file);
void clinux_ledger_close(clinux_ledger *ledger);

/// Keeps datagram `slot` beyond its batch, until it is settled; its place, or -1 when there is none or it is too long.
int clinux_ledger_keep(clinux_ledger *ledger, unsigned int slot);
/// The question in `place` needs no answer any more; from any thread.
void clinux_ledger_settle(clinux_ledger *ledger, int place);

#endif
