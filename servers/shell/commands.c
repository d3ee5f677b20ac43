/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of commands, in alphabetical order. */
#include "commands.h"

#include <string.h>

const struct command commands[] = {
    {"cat", "cat [FILE...]", "show files, or the input", cmd_cat},
    {"cp", "cp SRC DST", "copy a file to a file or into a folder", cmd_cp},
    {"crash", "crash TASK|NUMBER", "make a task touch memory that is not there", cmd_crash},
    {"echo", "echo [-n] [WORD...]", "show words; -n: without a newline", cmd_echo},
    {"exit", "exit [N]", "leave the shell with status N", cmd_exit},
    {"false", "false", "fail", cmd_false},
    {"help", "help [COMMAND]", "list the commands, or explain one", cmd_help},
    {"history", "history", "list the lines typed", cmd_history},
    {"kill", "kill TASK|NUMBER...", "end tasks at once, as a crash would", cmd_kill},
    {"load", "load NAME FILE [ARG...]", "start a plugin of the host as a supervised task", cmd_load},
    {"ls", "ls [-l] [PATH...]", "list folders; -l: with kind and size", cmd_ls},
    {"mkdir", "mkdir FOLDER...", "make folders", cmd_mkdir},
    {"ports", "ports [TASK|NUMBER]", "list the ports, or one task's names for rights", cmd_ports},
    {"ps", "ps [-a]", "list tasks and threads, and what each thread waits for; -a: ended tasks too", cmd_ps},
    {"restart", "restart NAME", "stop and start a supervised task", cmd_restart},
    {"rm", "rm FILE...", "remove files and empty folders", cmd_rm},
    {"services", "services", "list the registered services", cmd_services},
    {"sleep", "sleep SECONDS", "wait for a time of the machine's clock", cmd_sleep},
    {"start", "start NAME", "start a supervised task", cmd_start},
    {"stats", "stats", "show the machine's counters", cmd_stats},
    {"stop", "stop NAME", "stop a supervised task for good", cmd_stop},
    {"supervisor", "supervisor [history NAME]", "show the state of the supervised tasks, or what happened to one",
     cmd_supervisor},
    {"time", "time COMMAND [WORD...]", "run a command and tell how much machine time it took", cmd_time},
    {"true", "true", "do nothing, successfully", cmd_true},
    {"update", "update NAME FILE", "have a server go on in another version, a plugin of the host", cmd_update},
    {"vm", "vm [TASK|NUMBER]", "show the machine's memory, and where a task's pages are", cmd_vm},
    {"wc", "wc [-l] [-w] [-c] [FILE...]", "count lines, words and bytes", cmd_wc},
};

const size_t nr_commands = sizeof(commands) / sizeof(commands[0]);

/* What `help COMMAND` tells beyond that: the columns and words of the output. */
static const struct {
    const char *name, *text;
} details[] = {
    {"ports", "PORT          number in the machine; names for rights are each task's own\n"
              "RECEIVER      task that has the receive right; \"kernel: ...\" what the port stands for; - the right\n"
              "              is on its way in a message\n"
              "SET           number of the set that the port is in. A set is a way to receive from several ports at\n"
              "              once; it has a number but no line here, as nothing is sent to it\n"
              "QUEUE/LIMIT   messages that wait in the queue, and how many may; of an event port 1 when bits are\n"
              "              pending\n"
              "SEND, ONCE    send rights and send-once rights that exist\n"
              "WSEND, WRECV  threads that wait for room in the queue, and for a message\n"
              "RECEIVED      messages taken from it since it was made\n"
              "\n"
              "With a task, the names of that task:\n"
              "NAME          what the task calls the right in kernel calls\n"
              "RIGHTS        send, receive, send-once (often the right to answer a call), set, or dead: the port is\n"
              "              gone\n"
              "REFS          how many times the name is released until it is gone\n"
              "PORT          number of the port or set; - when it is dead, or the right answers a call\n"
              "BADGE         number that messages sent with the right carry; 0: none\n"},
    {"ps", "TASK, THR  numbers of the task and the thread\n"
           "NAME       label of the task, and /label of the thread where it has one\n"
           "STATE      ready, running, blocked or suspended; of a task without threads empty or ended\n"
           "PRIO       priority, the greater first; 40(32): 40 now, lent by who waits for it, and 32 of its own\n"
           "RUN us     microseconds on the CPU\n"
           "READY us   microseconds ready, waiting for the CPU\n"
           "WAITS FOR  what ends the wait, and in brackets the task that it depends on. The port of \"message on\n"
           "           port N\" may be the number of a set, which has no line in `ports`; its ports show it as\n"
           "           SET there\n"},
    {"services", "A name a line: the services that are registered with the name service, in the order in which they\n"
                 "came. A name goes when its port dies. The supervisor keeps the ports of its servers, so theirs stay\n"
                 "when a server crashes.\n"},
    {"stats", "time, idle time     of the machine's clock since the start; idle: nothing was ready to run\n"
              "tasks ... messages  that are alive now; messages include notices that were asked for and have not\n"
              "                    come yet\n"
              "messages sent       since the start, answers included\n"
              "calls               mk_call since the start\n"
              "switches            changes of the running thread\n"
              "preemptions         those of them that the thread did not ask for\n"
              "memory used         of the machine's memory, by tasks\n"
              "kernel memory       by the kernel's objects\n"
              "events traced       and the hash of them, the identity of a run: there when `mk run` has --stats or\n"
              "                    --trace\n"},
    {"vm", "faults        page faults by what they took. zero: a page of zeros; copied: a page of its own, at\n"
           "              the first write since a copy was made; paged in: the contents, from the backing store\n"
           "              or a pager; soft: nothing more, the page was in memory and its first use or write had\n"
           "              to be seen\n"
           "filled ahead  pages filled without a fault of their own, because the faults before were in sequence\n"
           "frames        pages of the machine's memory. wired: they never leave it; reserved: for the default\n"
           "              pager alone, so that it can make others leave\n"
           "store         pages of the backing store\n"
           "page-ins      too soon: of pages that had left shortly before, for others that were needed\n"
           "page-outs     pages that were written back\n"
           "evictions     pages that left memory\n"
           "\n"
           "With a task, its regions:\n"
           "OFFSET        from its first region on\n"
           "SIZE          K: 1024 bytes\n"
           "PROT          r, w: may be read, may be written\n"
           "OBJECT        number of the memory object behind it\n"
           "KIND          own; copy: it shares its pages with a copy until they are written; shared: others see\n"
           "              what is written\n"
           "PAGES         in memory; w behind: wired\n"
           "WHERE         a mark for each page, in large regions for several\n"},
};

const char *command_details(const char *name)
{
    for (size_t i = 0; i < sizeof(details) / sizeof(details[0]); i++)
        if (strcmp(details[i].name, name) == 0)
            return details[i].text;
    return NULL;
}

const struct command *command_lookup(const char *name)
{
    for (size_t i = 0; i < nr_commands; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}
