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

const struct command *command_lookup(const char *name)
{
    for (size_t i = 0; i < nr_commands; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}
