/* SPDX-License-Identifier: BSD-2-Clause */
/* A plugin with a main: its first argument says what to do. */
#include <mk/mk.h>

#include <assert.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static uint64_t state;

static uint32_t below(uint32_t n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33) % n;
}

/* ---- the heap ---- */

#define NR_BLOCKS 200

static struct block {
    unsigned char *p;
    size_t size;
    size_t align;
    unsigned char fill;
} blocks[NR_BLOCKS];

static void wrong(const char *what, const struct block *b)
{
    printf("wrong: %s: %zu bytes at %p\n", what, b->size, (void *)b->p);
    exit(1);
}

static void check_block(const struct block *b)
{
    if ((uintptr_t)b->p % b->align)
        wrong("alignment", b);
    for (size_t i = 0; i < b->size; i++)
        if (b->p[i] != b->fill)
            wrong("contents", b);
}

static void check_overlap(const struct block *b)
{
    for (const struct block *o = blocks; o < blocks + NR_BLOCKS; o++)
        if (o != b && o->p && o->p < b->p + b->size && b->p < o->p + o->size)
            wrong("overlap", b);
}

static size_t some_size(void)
{
    static const uint32_t max[] = {32, 200, 1000, 5000, 70000, 300000};
    uint32_t limit = max[below(6)];
    return below(16) ? below(limit) : limit;
}

static void check_zero(const struct block *b)
{
    for (size_t i = 0; i < b->size; i++)
        if (b->p[i])
            wrong("calloc not zero", b);
}

static void get(struct block *b)
{
    void *p = NULL;
    b->size = some_size();
    b->align = 16;
    switch (below(5)) {
    case 0:
        p = calloc(b->size / 7, 7);
        b->size = b->size / 7 * 7;
        b->p = p;
        check_zero(b);
        break;
    case 1:
        b->align = (size_t)8 << below(10);
        p = aligned_alloc(b->align, b->size);
        break;
    case 2:
        b->align = (size_t)8 << below(14);
        if (posix_memalign(&p, b->align, b->size))
            p = NULL;
        break;
    default:
        p = malloc(b->size);
    }
    b->p = p;
    if (!p)
        wrong("no memory", b);
    b->fill = (unsigned char)below(256);
    check_overlap(b);
    memset(b->p, b->fill, b->size);
    check_block(b);
}

static void resize(struct block *b)
{
    size_t size = 1 + some_size(), kept = size < b->size ? size : b->size;
    unsigned char *p = realloc(b->p, size);
    if (!p)
        wrong("no memory", b);
    b->p = p;
    b->align = 16 < b->align ? 16 : b->align; /* realloc keeps no more */
    b->size = kept;
    check_block(b);
    b->size = size;
    check_overlap(b);
    memset(b->p, b->fill, b->size);
}

static int heap(uint64_t seed, unsigned nr_steps)
{
    state = seed;
    printf("heap of seed %llu\n", (unsigned long long)seed);
    for (unsigned i = 0; i < nr_steps; i++) {
        struct block *b = &blocks[below(NR_BLOCKS)];
        if (!b->p) {
            get(b);
            continue;
        }
        check_block(b);
        if (below(3) == 0) {
            resize(b);
        } else {
            free(b->p);
            b->p = NULL;
        }
    }
    for (struct block *b = blocks; b < blocks + NR_BLOCKS; b++) {
        if (b->p)
            check_block(b);
        free(b->p);
    }
    return 0;
}

static void *volatile hidden; /* so that the compiler does not see it */

static int strings(void)
{
    char *s = strdup("one two"), *part = strndup("three", 2);
    int is_same = strcmp(s, "one two") == 0 && strcmp(part, "th") == 0;
    free(s);
    free(part);
    free(NULL);
    s = malloc(0);
    volatile size_t most = SIZE_MAX; /* so that no compiler warns of it */
    hidden = s;
    is_same = is_same && hidden;
    hidden = calloc(most / 2, 3);
    is_same = is_same && !hidden;
    hidden = malloc(most);
    is_same = is_same && !hidden;
    hidden = malloc(most >> 14);
    is_same = is_same && !hidden;
    free(s);
    return !is_same;
}

/* Ways to break it; each must end this task. */

static void double_free(size_t align, size_t size)
{
    hidden = align ? aligned_alloc(align, size) : malloc(size);
    void *again = hidden;
    free(hidden);
    hidden = again;
    free(hidden);
}

static int broken(const char *how)
{
    if (strcmp(how, "twice") == 0) {
        double_free(0, 100);
    } else if (strcmp(how, "twice-large") == 0) {
        double_free(0, 3000000);
    } else if (strcmp(how, "twice-aligned") == 0) {
        double_free(256, 100);
    } else if (strcmp(how, "inside") == 0) {
        hidden = (char *)malloc(100) + 32;
        free(hidden);
    } else if (strcmp(how, "odd") == 0) {
        hidden = (char *)malloc(100) + 1;
        free(hidden);
    } else if (strcmp(how, "static") == 0) {
        hidden = blocks + 1;
        free(hidden);
    } else if (strcmp(how, "realloc-freed") == 0) {
        hidden = malloc(100);
        void *again = hidden;
        free(hidden);
        hidden = again;
        hidden = realloc(hidden, 1000);
    }
    return 77; /* nothing was noticed */
}

/* ---- more memory than there is ---- */

static int check_fill(const uint32_t *numbers, size_t nr, uint32_t round)
{
    for (size_t i = 0; i < nr; i++) {
        if (numbers[i] == (uint32_t)i * 7 + round)
            continue;
        printf("wrong: number %zu is %u\n", i, numbers[i]);
        return 1;
    }
    return 0;
}

/* Numbers in so many KiB, written anew each round, and read back after a time of the machine's clock. */
static int fill(size_t kib, uint32_t nr_rounds, mk_time_t ms)
{
    size_t nr = kib * 1024 / sizeof(uint32_t);
    uint32_t *numbers = malloc(nr * sizeof(*numbers));
    int status = !numbers;
    for (uint32_t round = 0; !status && round < nr_rounds; round++) {
        for (size_t i = 0; i < nr; i++)
            numbers[i] = (uint32_t)i * 7 + round;
        status = mk_time_sleep(mk_time_now() + ms * MK_MSEC) || check_fill(numbers, nr, round);
    }
    puts(status ? "the fill failed" : "the fill is right");
    return status;
}

/* Change a byte of each page of a file of the host, which somebody else keeps there. */
static int scribble(const char *path)
{
    static char byte;
    static char name[200];
    strncpy(name, path, sizeof(name) - 1);
    int fd = open(name, O_RDWR);
    mk_err_t err = mk_time_sleep(mk_time_now() + 100 * MK_MSEC);
    for (off_t at = 77; !err && pread(fd, &byte, 1, at) == 1; at += (off_t)mk_page_size()) {
        byte = (char)(byte ^ 4);
        if (pwrite(fd, &byte, 1, at) != 1)
            err = MK_E_IO;
    }
    return err || fd < 0;
}

/* ---- waiting for ever ---- */

static int wait_for_message(void)
{
    struct mk_msg msg = {.capacity = 0};
    mk_name_t port; /* the service port would not do: the supervisor asks there whether it lives */
    return mk_port_create(&port) != MK_OK || mk_receive(port, &msg, MK_TIME_FOREVER) != MK_OK;
}

/* Register as `own` and call `other`, who does the same. */
static int call_each_other(const char *own, const char *other)
{
    mk_name_t send, partner;
    struct mk_msg msg = {.id = 1};
    mk_err_t err = mk_right_make(mk_server_port(), MK_RIGHT_SEND, 0, &send);
    if (!err)
        err = mk_name_register(own, send);
    if (!err)
        err = mk_name_lookup(other, MK_TIME_FOREVER, &partner);
    if (!err)
        err = mk_call(partner, &msg, MK_TIME_FOREVER);
    return err != MK_OK;
}

/* A run that depends on every draw: threads of one priority that wait for each other. */
static void yielder(void *arg)
{
    for (int i = 0; i < 20; i++) {
        *(unsigned *)arg = *(unsigned *)arg * 31 + (unsigned)mk_thread_self();
        mk_thread_yield();
    }
}

static int draw(void)
{
    static unsigned sum;
    mk_name_t threads[4];
    for (int i = 0; i < 4; i++) {
        const struct mk_thread_attr attr = {.entry = yielder, .arg = &sum};
        if (mk_thread_create(mk_task_self(), &attr, &threads[i]) != MK_OK)
            return 1;
    }
    for (int i = 0; i < 4; i++)
        if (mk_thread_join(threads[i], MK_TIME_FOREVER) != MK_OK)
            return 1;
    printf("drawn %u %llu\n", sum, (unsigned long long)mk_random());
    return 0;
}

/* ---- the rest ---- */

static int print_args(int argc, char **argv)
{
    for (int i = 0; i < argc; i++)
        printf("arg %d <%s>\n", i, argv[i]);
    return argv[argc] != NULL;
}

static int print_lines(void)
{
    printf("first %d\nsecond %s\n", 1, "two");
    puts("third");
    putchar('f');
    putchar('4');
    putchar('\n');
    printf("\n");
    printf("%5000d|\n", 7); /* longer than any buffer on the way */
    printf("no newline at the end");
    return 0;
}

/* One thing that fails, and the host's process goes: what no machine can help. */
static int fragile(void)
{
    for (int i = 0; i < 8; i++)
        if (mk_time_sleep(mk_time_now() + MK_MSEC) != MK_OK)
            __asm__ volatile("syscall" : : "a"(231L), "D"(7L) : "rcx", "r11", "memory"); /* exit_group(7) */
    return 0;
}

static struct {
    int number;
    const char *text; /* a relocation */
} set = {7, "seven"};
static char zeros[20000], *pointer;

/* Are they what they are at the start? Then they are changed, to the last byte. */
static int globals(void)
{
    bool is_fresh = set.number == 7 && strcmp(set.text, "seven") == 0 && !pointer;
    for (size_t i = 0; i < sizeof(zeros); i++)
        is_fresh = is_fresh && zeros[i] == 0;
    printf("%p\n", (void *)zeros);
    memset(&set, 0xff, sizeof(set));
    memset(zeros, 0xff, sizeof(zeros));
    pointer = zeros;
    return is_fresh ? 0 : 1;
}

int main(int argc, char **argv);
int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "args";
    if (strcmp(what, "heap") == 0)
        return heap(strtoull(argv[2], NULL, 0), (unsigned)atoi(argv[3]));
    if (strcmp(what, "fill") == 0)
        return fill(strtoull(argv[2], NULL, 0), (uint32_t)atoi(argv[3]), atoi(argv[4]));
    if (strcmp(what, "scribble") == 0)
        return scribble(argv[2]);
    if (strcmp(what, "fragile") == 0)
        return fragile();
    if (strcmp(what, "globals") == 0)
        return globals();
    if (strcmp(what, "strings") == 0)
        return strings();
    if (strcmp(what, "broken") == 0)
        return broken(argv[2]);
    if (strcmp(what, "lines") == 0)
        return print_lines();
    if (strcmp(what, "loop") == 0)
        for (volatile int i = 0;; i++)
            ;
    if (strcmp(what, "spend") == 0)
        return mk_time_spend(10 * MK_SEC) == MK_OK ? 0 : 1;
    if (strcmp(what, "wait") == 0)
        return wait_for_message();
    if (strcmp(what, "pair") == 0)
        return call_each_other(argv[2], argv[3]);
    if (strcmp(what, "draw") == 0)
        return draw();
    if (strcmp(what, "exit") == 0)
        exit(atoi(argv[2]));
    if (strcmp(what, "_exit") == 0)
        _exit(atoi(argv[2]));
    if (strcmp(what, "abort") == 0)
        abort();
    if (strcmp(what, "assert") == 0)
        assert(argc == 99);
    if (strcmp(what, "return") == 0)
        return atoi(argv[2]);
    return print_args(argc, argv);
}

static const struct mk_server tool = {.abi = MK_SERVER_ABI, .main = main};
MK_SERVER_EXPORT(tool);
