/* Counts how often each thread asks for memory: malloc, calloc, realloc and the aligned ones, loaded before the C
 * library's (LD_PRELOAD). What it counts stands in a file that another process reads at any time:
 *
 *     $ALLOCATIONS.PID    256 slots of { int64 thread id, uint64 count }, native byte order
 *
 * Every thread has its own slot, claimed with its first allocation. Does nothing without $ALLOCATIONS.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { slot_count = 256 };

struct slot {
    int64_t thread;
    _Atomic uint64_t count;
};

/* The C library's own, under the names that it keeps for wrappers like this one. */
extern void *__libc_malloc(size_t octets);
extern void *__libc_calloc(size_t count, size_t octets);
extern void *__libc_realloc(void *memory, size_t octets);
extern void *__libc_memalign(size_t alignment, size_t octets);

static struct slot *slots;
static atomic_uint taken;
/* initial-exec: other models may allocate when a thread first touches its copy. */
static __thread struct slot *own __attribute__((tls_model("initial-exec")));

__attribute__((constructor)) static void open_slots(void)
{
    const char *prefix = getenv("ALLOCATIONS");
    char path[512];
    if (prefix == NULL || snprintf(path, sizeof path, "%s.%d", prefix, getpid()) >= (int)sizeof path) return;
    int descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (descriptor < 0) return;
    size_t octets = slot_count * sizeof *slots;
    void *memory = MAP_FAILED;
    if (ftruncate(descriptor, (off_t)octets) == 0)
        memory = mmap(NULL, octets, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    close(descriptor);
    if (memory != MAP_FAILED) slots = memory;
}

static void count(void)
{
    if (slots == NULL) return;
    if (own == NULL) {
        unsigned index = atomic_fetch_add(&taken, 1);
        if (index >= slot_count) abort(); /* a count that is missing would pass as zero */
        own = &slots[index];
        own->thread = gettid();
    }
    atomic_fetch_add_explicit(&own->count, 1, memory_order_relaxed);
}

void *malloc(size_t octets)
{
    count();
    return __libc_malloc(octets);
}

void *calloc(size_t number, size_t octets)
{
    count();
    return __libc_calloc(number, octets);
}

void *realloc(void *memory, size_t octets)
{
    count();
    return __libc_realloc(memory, octets);
}

void *memalign(size_t alignment, size_t octets)
{
    count();
    return __libc_memalign(alignment, octets);
}

void *aligned_alloc(size_t alignment, size_t octets)
{
    count();
    return __libc_memalign(alignment, octets);
}

int posix_memalign(void **memory, size_t alignment, size_t octets)
{
    count();
    void *found = __libc_memalign(alignment, octets);
    if (found == NULL) return ENOMEM;
    *memory = found;
    return 0;
}
