#define _GNU_SOURCE
#include "CLinuxLedger.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

_Static_assert(sizeof(struct sockaddr_in6) <= sizeof(((clinux_peer *)0)->address), "a peer holds every address");

// More questions than this rarely wait for upstream at once at one socket; the rest is not owed beyond a death.
enum { PLACES = 256 };

/// What `taken` says of a place. A predecessor's questions are told from ours, which they become when they are asked.
enum { FREE, OURS, INHERITED };

/// A question that waits for upstream. Nearly every question fits; a place is half a kilobyte.
struct clinux_kept {
    uint16_t size;
    clinux_peer peer;
    uint8_t octets[464];
};

_Static_assert(sizeof(struct clinux_kept) == 512, "places do not share cache lines");

// MARK: - Memory

static size_t take(size_t *end, size_t size)
{
    size_t begin = *end;
    *end = (begin + size + 63) & ~(size_t)63;
    return begin;
}

/// Sets the pointers into `memory`, which may be none yet, and the size that it must have.
static void lay_out(clinux_ledger *ledger)
{
    size_t end = 0;
    uint8_t *memory = ledger->memory;
    size_t received = take(&end, ledger->slots * sizeof *ledger->received);
    size_t peers = take(&end, ledger->slots * sizeof *ledger->peers);
    size_t control = take(&end, (size_t)ledger->slots * CONTROL_SIZE);
    size_t taken = take(&end, PLACES);
    size_t octets = take(&end, (size_t)ledger->slots * ledger->receive_size);
    size_t kept = take(&end, PLACES * sizeof *ledger->kept);
    ledger->size = end;
    if (memory == NULL)
        return;
    ledger->received = (struct mmsghdr *)(memory + received);
    ledger->peers = (clinux_peer *)(memory + peers);
    ledger->control = memory + control;
    ledger->taken = memory + taken;
    ledger->octets = memory + octets;
    ledger->kept = (struct clinux_kept *)(memory + kept);
}

/// Maps `file`, or memory of this process; NULL with errno.
static void *map(size_t size, int file)
{
    struct stat status;
    if (file < 0)
        return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (fstat(file, &status) < 0)
        return MAP_FAILED;
    // What is not as long as ours was not written by one of us, or is new.
    if ((size_t)status.st_size != size && (ftruncate(file, 0) < 0 || ftruncate(file, (off_t)size) < 0))
        return MAP_FAILED;
    return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
}

static bool is_sound(const clinux_peer *peer)
{
    return peer->address_size <= sizeof peer->address
        && (peer->local_size == 0 || peer->local_size == 4 || peer->local_size == 16);
}

static void point_at_slot(clinux_ledger *ledger, unsigned int slot)
{
    struct msghdr *header = &ledger->received[slot].msg_hdr;
    header->msg_iov = &ledger->vectors[slot];
    header->msg_iovlen = 1;
    header->msg_name = ledger->peers[slot].address;
    header->msg_control = ledger->control + (size_t)slot * CONTROL_SIZE;
}

/// What a predecessor left in the slots is believed no more than a client's datagram: every size is checked.
static void inherit_batch(clinux_ledger *ledger)
{
    for (unsigned int slot = 0; slot < ledger->slots; slot++) {
        struct mmsghdr *message = &ledger->received[slot];
        clinux_peer *peer = &ledger->peers[slot];
        point_at_slot(ledger, slot);
        if (message->msg_len == 0 || message->msg_len > ledger->receive_size
            || message->msg_hdr.msg_namelen > sizeof peer->address
            || message->msg_hdr.msg_controllen > CONTROL_SIZE || !is_sound(peer)) {
            clinux_ledger_clear(ledger, slot);
            continue;
        }
        // Killed before it looked who had asked.
        if (peer->address_size == 0)
            clinux_ledger_note_peer(ledger, slot);
        ledger->inherited = slot + 1;
    }
}

static void inherit_kept(clinux_ledger *ledger)
{
    for (int place = 0; place < PLACES; place++)
        ledger->taken[place] = ledger->taken[place] == FREE ? FREE : INHERITED;
}

clinux_ledger *clinux_ledger_open(unsigned int slots, unsigned int receive_size, int file)
{
    clinux_ledger *ledger = calloc(1, sizeof *ledger);
    if (ledger == NULL)
        return NULL;
    ledger->slots = slots;
    ledger->receive_size = receive_size;
    lay_out(ledger);
    ledger->vectors = calloc(slots, sizeof *ledger->vectors);
    void *memory = ledger->vectors == NULL ? MAP_FAILED : map(ledger->size, file);
    if (memory == MAP_FAILED) {
        int error = errno;
        free(ledger->vectors);
        free(ledger);
        errno = error;
        return NULL;
    }
    ledger->memory = memory;
    lay_out(ledger);
    for (unsigned int slot = 0; slot < slots; slot++) {
        ledger->vectors[slot].iov_base = ledger->octets + (size_t)slot * receive_size;
        ledger->vectors[slot].iov_len = receive_size;
    }
    inherit_batch(ledger);
    inherit_kept(ledger);
    return ledger;
}

void clinux_ledger_close(clinux_ledger *ledger)
{
    if (ledger == NULL)
        return;
    munmap(ledger->memory, ledger->size);
    free(ledger->vectors);
    free(ledger);
}

// MARK: - The batch

void clinux_ledger_clear(clinux_ledger *ledger, unsigned int slot)
{
    struct mmsghdr *message = &ledger->received[slot];
    message->msg_len = 0;
    message->msg_hdr.msg_namelen = sizeof ledger->peers[slot].address;
    message->msg_hdr.msg_controllen = CONTROL_SIZE;
    message->msg_hdr.msg_flags = 0;
    ledger->peers[slot].address_size = 0;
}

/// Whether `item` is of this kind and as long as what such an item holds.
static bool holds(const struct cmsghdr *item, int level, int type, size_t size)
{
    return item->cmsg_level == level && item->cmsg_type == type && item->cmsg_len >= CMSG_LEN(size);
}

void clinux_ledger_note_peer(clinux_ledger *ledger, unsigned int slot)
{
    clinux_peer *peer = &ledger->peers[slot];
    struct msghdr *header = &ledger->received[slot].msg_hdr;
    peer->address_size = (uint8_t)header->msg_namelen;
    peer->local_size = 0;
    for (struct cmsghdr *item = CMSG_FIRSTHDR(header); item != NULL; item = CMSG_NXTHDR(header, item)) {
        if (holds(item, IPPROTO_IP, IP_PKTINFO, sizeof(struct in_pktinfo))) {
            memcpy(peer->local, CMSG_DATA(item) + offsetof(struct in_pktinfo, ipi_addr), 4);
            peer->local_size = 4;
        } else if (holds(item, IPPROTO_IPV6, IPV6_PKTINFO, sizeof(struct in6_pktinfo))) {
            memcpy(peer->local, CMSG_DATA(item) + offsetof(struct in6_pktinfo, ipi6_addr), 16);
            peer->local_size = 16;
        }
    }
}

// MARK: - Questions that wait

int clinux_ledger_keep(clinux_ledger *ledger, unsigned int slot)
{
    unsigned int size = ledger->received[slot].msg_len;
    if (size > sizeof ledger->kept->octets)
        return -1;
    // The lowest, so that only as much memory is touched as there are questions at once.
    int place = 0;
    while (place < PLACES && __atomic_load_n(&ledger->taken[place], __ATOMIC_ACQUIRE) != FREE)
        place++;
    if (place == PLACES)
        return -1;
    struct clinux_kept *kept = &ledger->kept[place];
    kept->size = (uint16_t)size;
    kept->peer = ledger->peers[slot];
    memcpy(kept->octets, ledger->octets + (size_t)slot * ledger->receive_size, size);
    __atomic_store_n(&ledger->taken[place], OURS, __ATOMIC_RELEASE);
    return place;
}

void clinux_ledger_settle(clinux_ledger *ledger, int place)
{
    __atomic_store_n(&ledger->taken[place], FREE, __ATOMIC_RELEASE);
}

unsigned int clinux_ledger_take_over(clinux_ledger *ledger)
{
    unsigned int count = 0;
    if (ledger->inherited > 0) {
        count = ledger->inherited;
        ledger->inherited = 0;
        return count;
    }
    for (int place = 0; place < PLACES && count < ledger->slots; place++) {
        if (__atomic_load_n(&ledger->taken[place], __ATOMIC_RELAXED) != INHERITED)
            continue;
        const struct clinux_kept *kept = &ledger->kept[place];
        if (kept->size > 0 && kept->size <= sizeof kept->octets && kept->size <= ledger->receive_size
            && is_sound(&kept->peer)) {
            memcpy(ledger->octets + (size_t)count * ledger->receive_size, kept->octets, kept->size);
            ledger->peers[count] = kept->peer;
            ledger->received[count].msg_hdr.msg_namelen = kept->peer.address_size;
            ledger->received[count].msg_hdr.msg_controllen = 0;
            ledger->received[count].msg_len = kept->size;
            count++;
        }
        clinux_ledger_settle(ledger, place);
    }
    return count;
}
