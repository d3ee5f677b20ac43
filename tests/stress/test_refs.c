/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random reference strings in one machine's memory: what replacement policies must and must not do. MK_STRESS_SEEDS
 * strings (400, and fewer where every access is checked) from MK_STRESS_FIRST on.
 */
#include "stress.h"

#include "pagers.h"

#define NR_PAGES  8
#define NR_REFS   32
#define NR_FRAMES 128

#define NR_STRINGS   stress_env("MK_STRESS_SEEDS", STRESS_SIZE(400, 50))
#define FIRST_STRING stress_env("MK_STRESS_FIRST", 1)

struct string {
    uint64_t seed;
    uint32_t nr_pages, nr;
    uint32_t refs[NR_REFS];
    bool is_writing; /* store after each load, so that pages go out and come back */
};

/* What a run did. */
struct outcome {
    uint32_t nr_faults;
    uint32_t resident[NR_REFS]; /* pages after each reference, as bits */
};

/* Uniform, or with a favourite that moves, or a loop with excursions. */
static void string_make(struct string *s, uint64_t seed)
{
    uint64_t random = stress_mix(seed);
    uint32_t kind = stress_below(&random, 3), favourite = 0;
    *s = (struct string){.seed = seed, .is_writing = seed % 8 == 0};
    s->nr_pages = 2 + stress_below(&random, NR_PAGES - 1);
    s->nr = 4 + stress_below(&random, NR_REFS - 3);
    for (uint32_t i = 0; i < s->nr; i++) {
        uint32_t page = stress_below(&random, s->nr_pages), chance = stress_below(&random, 8);
        favourite = chance == 0 ? page : favourite;
        if (kind == 1 && chance < 5)
            page = (favourite + chance % 2) % s->nr_pages;
        if (kind == 2 && chance)
            page = i % s->nr_pages;
        s->refs[i] = page;
    }
}

/* ---- the textbook's account, without a machine ---- */

struct sim {
    const struct string *s;
    uint32_t nr_frames, nr_used;
    uint32_t pages[NR_PAGES];                     /* of the frames, by slot */
    uint32_t loaded[NR_PAGES], touched[NR_PAGES]; /* of the frames: when */
    bool bits[NR_PAGES];
    uint32_t hand;
};

static uint32_t sim_oldest(const struct sim *sim, const uint32_t *times)
{
    uint32_t best = 0;
    for (uint32_t slot = 1; slot < sim->nr_frames; slot++)
        best = times[slot] < times[best] ? slot : best;
    return best;
}

static uint32_t sim_farthest(const struct sim *sim, uint32_t now)
{
    uint32_t uses[NR_PAGES];
    for (uint32_t slot = 0; slot < sim->nr_frames; slot++) {
        uint32_t i = now;
        while (i < sim->s->nr && sim->s->refs[i] != sim->pages[slot])
            i++;
        uses[slot] = NR_REFS - i; /* the least is the farthest */
    }
    return sim_oldest(sim, uses);
}

static uint32_t sim_clock(struct sim *sim)
{
    while (sim->bits[sim->hand]) {
        sim->bits[sim->hand] = false;
        sim->hand = (sim->hand + 1) % sim->nr_frames;
    }
    uint32_t slot = sim->hand;
    sim->hand = (sim->hand + 1) % sim->nr_frames;
    return slot;
}

static uint32_t sim_victim(struct sim *sim, const char *policy, uint32_t now)
{
    if (strcmp(policy, "fifo") == 0)
        return sim_oldest(sim, sim->loaded);
    if (strcmp(policy, "lru") == 0)
        return sim_oldest(sim, sim->touched);
    return strcmp(policy, "opt") == 0 ? sim_farthest(sim, now) : sim_clock(sim);
}

static void simulate(const struct string *s, const char *policy, uint32_t nr_frames, struct outcome *outcome)
{
    struct sim sim = {.s = s, .nr_frames = nr_frames};
    *outcome = (struct outcome){0};
    for (uint32_t i = 0; i < s->nr; i++) {
        uint32_t slot = 0, page = s->refs[i];
        while (slot < sim.nr_used && sim.pages[slot] != page)
            slot++;
        bool is_fault = slot == sim.nr_used;
        if (is_fault) {
            slot = sim.nr_used < nr_frames ? sim.nr_used++ : sim_victim(&sim, policy, i);
            sim.pages[slot] = page;
            sim.loaded[slot] = i;
            sim.bits[slot] = strcmp(policy, "clock") == 0;
            outcome->nr_faults++;
        } else if (s->refs[i - 1] != page) { /* else it is the same reference still */
            sim.bits[slot] = true;
        }
        sim.touched[slot] = i;
        for (uint32_t n = 0; n < sim.nr_used; n++)
            outcome->resident[i] |= 1u << sim.pages[n];
    }
}

/* ---- the machine's ---- */

struct memory {
    volatile uint32_t *words; /* of NR_PAGES pages */
    uint32_t values[NR_PAGES];
    uint64_t refs[NR_REFS];
    struct mk_page_refs record;
};

static volatile uint32_t *allocate(size_t nr)
{
    mk_vaddr_t addr;
    CHECK_OK(mk_vm_allocate(mk_task_self(), nr * PAGE, &addr));
    return (volatile uint32_t *)addr;
}

static uint64_t faults(void)
{
    struct mk_vm_stats stats;
    CHECK_OK(mk_vm_statistics(mk_task_self(), &stats));
    return stats.nr_zero_fills + stats.nr_page_ins;
}

/* Put all pages out of memory, by another that needs the only frame. */
static void make_cold(void)
{
    const struct mk_vm_frames one = {.nr_frames = 1, .policy = "fifo"};
    CHECK_OK(mk_vm_set_frames(mk_task_self(), &one));
    volatile uint32_t *other = allocate(1);
    (void)*other;
    CHECK_OK(mk_vm_deallocate(mk_task_self(), (mk_vaddr_t)other, PAGE));
}

static uint32_t resident(const struct memory *memory)
{
    uint8_t states[NR_PAGES];
    uint32_t pages = 0;
    CHECK_OK(mk_vm_pages(mk_task_self(), (mk_vaddr_t)memory->words, NR_PAGES, states));
    for (uint32_t page = 0; page < NR_PAGES; page++)
        pages |= (uint32_t)(states[page] & MK_PAGE_RESIDENT ? 1 : 0) << page;
    return pages;
}

static void run(struct memory *memory, const struct string *s, const char *policy, uint32_t nr_frames,
                struct outcome *outcome)
{
    bool is_opt = strcmp(policy, "opt") == 0, is_lru = strcmp(policy, "lru") == 0;
    const struct mk_vm_frames frames = {.nr_frames = nr_frames,
                                        .policy = policy,
                                        .future = is_opt ? &memory->record : NULL,
                                        .record = is_lru ? s->nr : 0};
    make_cold();
    CHECK_OK(mk_vm_set_frames(mk_task_self(), &frames));
    uint64_t before = faults();
    for (uint32_t i = 0; i < s->nr; i++) {
        uint32_t page = s->refs[i];
        volatile uint32_t *word = memory->words + (size_t)page * PAGE / sizeof(*word);
        CHECK(*word == memory->values[page]);
        if (s->is_writing)
            *word = ++memory->values[page];
        outcome->resident[i] = resident(memory);
    }
    outcome->nr_faults = (uint32_t)(faults() - before);
    memory->record = (struct mk_page_refs){.refs = memory->refs, .nr = memory->record.nr, .max = NR_REFS};
    if (is_lru)
        CHECK_OK(mk_vm_refs(mk_task_self(), &memory->record));
}

/* ---- judging ---- */

static void complain(const struct string *s, const char *policy, uint32_t nr_frames, const char *what)
{
    char text[2 * NR_REFS + 1] = "";
    for (uint32_t i = 0; i < s->nr; i++)
        snprintf(text + 2 * i, 3, "%u,", s->refs[i]);
    mk_log("string %llu, %s: %s, %u frames: %s", (unsigned long long)s->seed, text, policy, nr_frames, what);
    mk_task_exit(1);
}

static void check_same(struct memory *memory, const struct string *s, const char *policy, uint32_t nr_frames,
                       struct outcome *outcome)
{
    struct outcome expected;
    simulate(s, policy, nr_frames, &expected);
    run(memory, s, policy, nr_frames, outcome);
    if (outcome->nr_faults != expected.nr_faults)
        complain(s, policy, nr_frames, "other faults than the textbook's");
    if (strcmp(policy, "opt") != 0 && memcmp(outcome->resident, expected.resident, s->nr * sizeof(uint32_t)) != 0)
        complain(s, policy, nr_frames, "other pages than the textbook's");
}

/* With one more frame, there is at any time what is there without it, and more. */
static void check_stack(struct memory *memory, const struct string *s, const char *policy, uint32_t nr_frames)
{
    struct outcome fewer = {0}, more = {0};
    check_same(memory, s, policy, nr_frames, &fewer);
    check_same(memory, s, policy, nr_frames + 1, &more);
    if (more.nr_faults > fewer.nr_faults)
        complain(s, policy, nr_frames + 1, "more faults than with one less");
    for (uint32_t i = 0; i < s->nr; i++)
        if (fewer.resident[i] & ~more.resident[i])
            complain(s, policy, nr_frames + 1, "a page is missing that is there with one less");
}

static void strings_main(void *arg)
{
    static const char *const others[] = {"fifo", "clock", "clock-clear"};
    static struct memory memory; /* stacks are small */
    struct string s;
    struct outcome outcome = {0};
    memory = (struct memory){.words = allocate(NR_PAGES)};
    (void)arg;
    for (uint64_t i = 0; i < NR_STRINGS; i++) {
        string_make(&s, FIRST_STRING + i);
        uint32_t nr_frames = 1 + (uint32_t)(stress_mix(s.seed) % (s.nr_pages - 1));
        check_stack(&memory, &s, "lru", nr_frames);
        check_stack(&memory, &s, "opt", nr_frames); /* as lru recorded it */
        check_same(&memory, &s, others[s.seed % 3], nr_frames, &outcome);
        if (i % 100 == 0)
            CHECK_OK(mk_machine_audit(NULL));
    }
}

/*
 * STRESS0100: the machine's LRU and OPT are stack algorithms (Mattson et al. 1970), and these, FIFO and the clocks
 * do what the textbooks say.
 */
static void STRESS0100(void **state)
{
    (void)state;
    struct mkt t;
    struct test_pager pager;
    store_begin(&t, &pager, NR_FRAMES, 2 * NR_PAGES);
    mkt_spawn(&t, "strings", strings_main, NULL, false);
    store_end(&t, &pager);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(STRESS0100)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
