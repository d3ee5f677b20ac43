/* SPDX-License-Identifier: BSD-2-Clause */
/* mk: the table of its commands, and the choice of one. */
#include "command.h"
#include "text.h"

#include <mk/version.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct command commands[] = {
    {"run",
     "run FILE [-c COMMANDS] [--set SECTION.KEY=VALUE]... [--seed N] [--trace OUT] [--stats OUT] [--quiet] "
     "[--watch]",
     "boot the machine that a boot file describes and run it",
     "  -c COMMANDS              have the shell run these and end with the last one's status;\n"
     "                           without it the shell reads from the terminal\n"
     "  --set SECTION.KEY=VALUE  override a value of the boot file; SECTION is machine, a task's name or 'group NAME'\n"
     "  --seed N                 the same as --set machine.seed=N\n"
     "  --trace OUT              write a trace for Perfetto or chrome://tracing (JSON)\n"
     "  --stats OUT              write counters, times and the trace hash after the run (JSON)\n"
     "  --quiet                  do not show the machine's log\n"
     "  --watch                  have a server go on in the new version when its plugin's file has changed\n"
     "\n"
     "OUT - is standard output; the machine's own output then goes to standard error.\n"
     "The exit status is the run's exit code; 1 when the run failed, 2 for bad usage or bad input.\n"
     "\n"
     "Example: mk run demo.ini -c 'cat /README.md' --set machine.memory=16M\n",
     cmd_run},
    {"check", "check FILE [--set SECTION.KEY=VALUE]... [--json]",
     "judge a boot file and its plugins, and print what they come to",
     "  --set SECTION.KEY=VALUE  override a value of the boot file; SECTION is machine, a task's name or 'group NAME'\n"
     "  --json                   print JSON\n"
     "\n"
     "Prints the machine, the tasks in start order, how they are restarted, and the limits. Nothing of a plugin is "
     "run.\n"
     "The exit status is 0 for a good file and 2 for another, with a line FILE:LINE: REASON for each fault.\n"
     "\n"
     "Example: mk check demo.ini\n",
     cmd_check},
    {"new", "new server NAME", "begin a server of your own in a new folder",
     "Makes the folder NAME with a server that has two operations, its protocol header, a test, a boot file,\n"
     "a meson.build and a README.md. NAME has 1 to 31 lower-case letters, digits and '_', a letter first.\n"
     "\n"
     "Example: mk new server counter\n",
     cmd_new},
    {"refs", "refs --policy POLICY --frames N [--json | --table] [--window W] [--seed S] STRING | --file FILE",
     "count the page faults of a reference string",
     "  --policy POLICY  which page leaves: fifo, clock, clock-clear, lru, aging, random, ws or opt\n"
     "  --frames N       frames of memory, empty at first: 1 to 1000\n"
     "  --table          show what is in each frame after each reference; * marks a fault\n"
     "  --json           print JSON: policy, frames, references, faults, evictions\n"
     "  --window W       references that ws looks back; 8 otherwise\n"
     "  --seed S         of random; 0 otherwise\n"
     "  --file FILE      read the string from a file\n"
     "\n"
     "STRING is page numbers from 0 to 100000 with commas or blanks between them, at most 10000. A machine is made, "
     "and\n"
     "a task in it loads from these pages one by one: what is counted is what its kernel did. clock sets the bit of a\n"
     "page when it is loaded, clock-clear when it is referenced again. A page that is referenced again at once counts\n"
     "as one reference. mk-refs(1) tells the rest.\n"
     "\n"
     "Example: mk refs --policy lru --frames 3 --table 7,0,1,2,0,3,0,4,2,3,0,3,2,1,2,0,1,7,0,1\n",
     cmd_refs},
    {"sched",
     "sched --policy POLICY [--quantum Q] [--json] [--svg FILE] WORKLOAD | --policy POLICY --seed N [--solve] | "
     "--compare POLICY,... WORKLOAD",
     "run a scheduling workload and show who ran when",
     "  --policy POLICY      how the machine schedules: priority (a higher number is stronger), fcfs, rr,\n"
     "                       sjf, srtf, mlfq, lottery, stride, fair, edf, mlfqs, or a plugin's path\n"
     "  --quantum Q          how long a thread runs before its equals; without it nothing rotates\n"
     "  --json               print JSON\n"
     "  --svg FILE           draw the Gantt chart\n"
     "  --compare P1,P2,...  one line of averages for each policy\n"
     "  --costs default      kernel operations take the time of the machine's table; otherwise none\n"
     "  --no-lending         who waits for a lock lends no priority to its holder\n"
     "  --seed N             without a workload: an exercise, made from N; with one: of lottery\n"
     "  --solve              its answers\n"
     "  --jobs N             its threads; 5 otherwise\n"
     "  --max-arrival T, --max-burst T   bounds of its times; 10 otherwise\n"
     "  --io                 its threads do I/O between two bursts\n"
     "\n"
     "WORKLOAD is a CSV file, or - for standard input, with a header such as name,arrival,burst,priority and a line "
     "for\n"
     "each thread. A burst is a time, or several with 'io TIME', 'lock NAME' and 'unlock NAME' between them. Times "
     "are\n"
     "numbers with ns, us, ms or s behind them, without: ms. mk-sched(1) tells the rest.\n"
     "\n"
     "Example: mk sched --policy priority --quantum 4 workload.csv\n",
     cmd_sched},
    {"campaign",
     "campaign FILE [-c COMMANDS] [--faults N] [--seed S] [--kinds LIST] [--target TASK] [--only ID] [--shard I/N] "
     "[--jobs N] [--json] | --merge REPORT...",
     "let things go wrong in a machine, many times, and tell what came of it",
     "  -c COMMANDS      what the shell does meanwhile; otherwise those of NAME.mksh beside NAME.ini\n"
     "  --set SECTION.KEY=VALUE  as of mk run\n"
     "  --faults N       how many; 100 otherwise\n"
     "  --seed S         which; 1 otherwise\n"
     "  --kinds LIST     separated by commas: null, arith, illegal, abort, exit, loop, hang, delay, flip, alloc,\n"
     "                   memory, error, wrong-result (at a kernel call of a task), pager-death, torn-write (of the\n"
     "                   pager), lost, twice, corrupt (of a message); all but hang otherwise, which only a task with\n"
     "                   a heartbeat survives, and those of the pager only if there is one that has pages\n"
     "  --target TASK    whose kernel calls; those of all tasks but the shell and the supervisor otherwise\n"
     "  --only ID        run one of the faults, and show the machine's log and output\n"
     "  --shard I/N      the I-th of N parts, for several hosts; --json writes what --merge sums up\n"
     "  --jobs N         processes at the same time; as many as there are CPUs otherwise\n"
     "  --json           print JSON\n"
     "\n"
     "Each fault is a run of its own, compared with one in which nothing goes wrong: recovered (the output is the\n"
     "same), degraded (it tells of a failure), wrong (it differs and tells of none), hung, died.\n"
     "The exit status is 1 when a run hung, a process died, or the kernel lost account of something.\n"
     "\n"
     "Example: mk campaign demo.ini --faults 1000 --seed 7\n",
     cmd_campaign},
    {"bench",
     "bench [--quick] [--rounds N] [--only GLOB]... [--json FILE] [--csv FILE] [--plot FOLDER] [--check] "
     "[--list] [--compare A B]",
     "measure what calls, switches and threads cost beside the host's own means",
     "  --only GLOB     measure only rows whose names match; may be repeated\n"
     "  --list          print the rows, and why some are absent; measure nothing\n"
     "  --quick         fewer rounds and shorter batches: under a minute\n"
     "  --rounds N      rounds, each with one sample of each row\n"
     "  --json FILE     write the results as JSON; - is standard output, and then nothing else goes there\n"
     "  --csv FILE      write the results as CSV; - as above\n"
     "  --plot FOLDER   write plots, made with gnuplot\n"
     "  --check         judge the bars, ratios of medians of this run\n"
     "  --compare A B   measure nothing; compare two JSON files row by row\n"
     "\n"
     "Runs mkbench, which reads these options. All rows are measured in one run, in turn, so that only ratios within\n"
     "a run count. The exit status is 1 when measuring failed or a bar was missed, 2 for bad usage or bad input.\n"
     "\n"
     "Example: mk bench --quick --only 'ipc.*' --only 'floor.*'\n",
     cmd_bench},
    {"help", "help [COMMAND | errors]", "explain mk, a command, or the errors",
     "Without an argument: the commands. With errors: every error of libmk by number, name and meaning.\n"
     "\n"
     "Example: mk help run\n",
     cmd_help},
    {0},
};

const struct command *command_lookup(const char *name)
{
    for (const struct command *command = commands; command->name; command++)
        if (strcmp(command->name, name) == 0)
            return command;
    return NULL;
}

int command_unknown(const char *name)
{
    const char *names[sizeof(commands) / sizeof(commands[0]) + 1];
    size_t n = 0;
    for (; commands[n].name; n++)
        names[n] = commands[n].name;
    names[n++] = "--version";
    names[n] = NULL;
    const char *nearest = text_nearest(name, names);
    char *safe = text_printable(name);
    if (nearest)
        fprintf(stderr, "mk: unknown command '%s'; did you mean '%s'?\n", safe, nearest);
    else
        fprintf(stderr, "mk: unknown command '%s'; see mk help\n", safe);
    free(safe);
    return EXIT_BAD_INPUT;
}

static int choose(int argc, char **argv)
{
    if (argc < 2) {
        fputs("mk: which command? see mk help\n", stderr);
        return EXIT_BAD_INPUT;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        puts("mk " MK_VERSION);
        return EXIT_FINE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        static char help[] = "help";
        argv[1] = help;
    }
    const struct command *command = command_lookup(argv[1]);
    return command ? command->run(argc - 1, argv + 1) : command_unknown(argv[1]);
}

int main(int argc, char **argv)
{
    int status = choose(argc, argv);
    if ((fflush(stdout) != 0 || ferror(stdout)) && status == EXIT_FINE) {
        perror("mk: standard output");
        status = EXIT_FAILED;
    }
    return status;
}
