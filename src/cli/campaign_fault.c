/* SPDX-License-Identifier: BSD-2-Clause */
/* What goes wrong, as a part of the program of the thread that makes the call. */
#include "campaign.h"

#include <mk/mk.h>

#include <stdlib.h>
#include <string.h>

const struct fault_text fault_texts[FAULT_NR_KINDS] = {
    [FAULT_NULL] = {"null", "touches memory that is not there"},
    [FAULT_ARITH] = {"arith", "divides by zero"},
    [FAULT_ILLEGAL] = {"illegal", "runs an instruction that is none"},
    [FAULT_ABORT] = {"abort", "aborts"},
    [FAULT_EXIT] = {"exit", "exits"},
    [FAULT_LOOP] = {"loop", "computes for ever"},
    [FAULT_HANG] = {"hang", "waits for ever"},
    [FAULT_DELAY] = {"delay", "is late by up to a second"},
    [FAULT_FLIP] = {"flip", "finds a bit of its memory changed"},
    [FAULT_ALLOC] = {"alloc", "needs kernel memory when there is none"},
    [FAULT_MEMORY] = {"memory", "takes memory until there is none"},
    [FAULT_ERROR] = {"error", "has a kernel call fail"},
    [FAULT_RESULT] = {"wrong-result", "answers wrongly"},
    [FAULT_PAGER] = {"pager-death", "is killed while pages are out"},
    [FAULT_TORN] = {"torn-write", "is killed in the middle of writing a page"},
    [FAULT_LOST] = {"lost", "a message is lost"},
    [FAULT_TWICE] = {"twice", "a message comes twice"},
    [FAULT_CORRUPT] = {"corrupt", "a bit of a message changes"},
};

bool fault_no_memory;

__attribute__((noinline, no_sanitize("undefined"))) static void crash_null(void)
{
    int *volatile nowhere = NULL;
    *(volatile int *)nowhere = 1;
}

static void crash_arith(void)
{
    __asm__ volatile("xor %%edx, %%edx\n\txor %%ecx, %%ecx\n\tdiv %%ecx" : : : "eax", "ecx", "edx", "cc");
}

static void crash_illegal(void)
{
    __asm__ volatile("ud2");
}

/* ---- memory ---- */

#define REGIONS_MAX 64

static void flip_bit(uint64_t random)
{
    struct mk_vm_region regions[REGIONS_MAX];
    mk_vaddr_t next = 0;
    size_t n = 0;
    struct mk_vm_region region;
    while (n < REGIONS_MAX && mk_vm_region(mk_task_self(), next, &region) == MK_OK) {
        next = region.start + region.size;
        if (region.prot & MK_PROT_WRITE && region.nr_resident)
            regions[n++] = region;
    }
    if (n == 0)
        return;
    const struct mk_vm_region *one = &regions[random % n];
    volatile uint8_t *byte = (volatile uint8_t *)one->start + (random >> 8) % (one->nr_resident * mk_page_size());
    *byte = (uint8_t)(*byte ^ 1u << (random & 7));
}

static void take_memory(void)
{
    mk_vaddr_t block;
    for (size_t size = (size_t)1 << 20; size >= mk_page_size();) {
        if (mk_vm_allocate(mk_task_self(), size, &block) != MK_OK) {
            size /= 2;
            continue;
        }
        for (size_t i = 0; i < size; i += mk_page_size())
            *((volatile char *)block + i) = 1;
    }
}

/* ---- messages ---- */

static bool is_of_answer(const struct mk_probe_call *call)
{
    return strcmp(call->name, "mk_reply") == 0 || strcmp(call->name, "mk_reply_receive") == 0;
}

static bool is_sent(const struct mk_probe_call *call)
{
    return is_of_answer(call) ? call->msg->reply != MK_NAME_NULL
                              : strcmp(call->name, "mk_send") == 0 || strcmp(call->name, "mk_call") == 0;
}

/* A request: its caller hears that it is dead. An answer: the right to answer is thrown away. */
static bool lose(const struct mk_probe_call *call, int32_t *errp)
{
    if (strcmp(call->name, "mk_call") == 0) {
        *errp = MK_E_DEAD;
        return true;
    }
    if (strcmp(call->name, "mk_send") == 0) {
        *errp = MK_PROBE_SKIP;
        return true;
    }
    if (mk_right_release(call->msg->reply) != MK_OK)
        return false;
    call->msg->reply = MK_NAME_NULL;
    *errp = strcmp(call->name, "mk_reply") == 0 ? MK_PROBE_SKIP : MK_OK;
    return true;
}

static bool send_twice(const struct mk_probe_call *call)
{
    struct mk_msg copy = *call->msg;
    bool is_request = strcmp(call->name, "mk_send") == 0 || strcmp(call->name, "mk_call") == 0;
    if (!is_request || copy.nr_rights || copy.nr_memories)
        return false;
    copy.reply = MK_NAME_NULL;
    return mk_send(call->port, &copy, MK_TIME_POLL) == MK_OK;
}

static bool corrupt(const struct mk_probe_call *call, uint64_t random)
{
    if (!call->msg->size)
        return false;
    uint8_t *byte = (uint8_t *)call->msg->body + (random >> 8) % call->msg->size;
    *byte = (uint8_t)(*byte ^ 1u << (random & 7));
    return true;
}

/* A number in the body is one more, one less, 0 or very large. */
static bool change_number(struct mk_msg *msg, uint64_t random)
{
    uint32_t number, nr = msg->size / sizeof(number);
    if (!nr)
        return false;
    char *at = (char *)msg->body + (random >> 8) % nr * sizeof(number);
    memcpy(&number, at, sizeof(number));
    const uint32_t others[] = {number + 1, number - 1, number ? 0 : 1, number == UINT32_MAX ? 0 : UINT32_MAX};
    memcpy(at, &others[random % 4], sizeof(number));
    return true;
}

/* The server has computed wrongly: what it sends is in order, and is not what it should be. */
static bool answer_wrongly(const struct mk_probe_call *call, uint64_t random)
{
    static const mk_err_t errors[] = {MK_E_NOT_FOUND, MK_E_BAD_ARGUMENT, MK_E_EXISTS, MK_E_NO_MEMORY};
    struct mk_msg *msg = call->msg;
    if (!msg || !is_of_answer(call) || msg->reply == MK_NAME_NULL)
        return false;
    uint64_t how = random % 3, rest = random / 3;
    if (how == 0 && msg->size)
        msg->size = (uint32_t)(rest % msg->size);
    else if (how != 1 || !change_number(msg, rest))
        msg->status = msg->status == MK_OK ? errors[rest % 4] : MK_OK;
    return true;
}

/* ---- the pager ---- */

#define EXIT_KILLED (128 + 9) /* as by SIGKILL */

bool fault_pages_are_out(void)
{
    struct mk_vm_stats stats;
    return mk_vm_statistics(MK_NAME_NULL, &stats) == MK_OK && stats.nr_used_slots > 0;
}

static bool act_on_message(const struct fault *fault, const struct mk_probe_call *call, int32_t *errp)
{
    if (!call->msg || !is_sent(call))
        return false;
    switch (fault->kind) {
    case FAULT_LOST:
        return lose(call, errp);
    case FAULT_TWICE:
        return send_twice(call);
    default:
        return corrupt(call, fault->random);
    }
}

bool fault_act(const struct fault *fault, const struct mk_probe_call *call, int32_t *errp)
{
    *errp = MK_OK;
    switch (fault->kind) {
    case FAULT_NULL:
        crash_null();
        break;
    case FAULT_ARITH:
        crash_arith();
        break;
    case FAULT_ILLEGAL:
        crash_illegal();
        break;
    case FAULT_ABORT:
        mk_abort();
    case FAULT_EXIT:
        mk_exit(3);
    case FAULT_LOOP:
        while (mk_time_spend(MK_SEC) == MK_OK)
            ;
        break;
    case FAULT_HANG:
        (void)!mk_time_sleep(MK_TIME_FOREVER);
        break;
    case FAULT_DELAY:
        (void)!mk_time_sleep(mk_time_now() + (mk_time_t)(fault->random % (uint64_t)MK_SEC));
        break;
    case FAULT_FLIP:
        flip_bit(fault->random);
        break;
    case FAULT_ALLOC:
        fault_no_memory = true;
        break;
    case FAULT_MEMORY:
        take_memory();
        break;
    case FAULT_ERROR:
        *errp = MK_E_NO_MEMORY;
        break;
    case FAULT_RESULT:
        return answer_wrongly(call, fault->random);
    case FAULT_PAGER:
        mk_exit(EXIT_KILLED);
    case FAULT_TORN: /* if it writes any more */
        fault_tear_next(call->task, fault->random);
        return false;
    default:
        return act_on_message(fault, call, errp);
    }
    return true;
}
