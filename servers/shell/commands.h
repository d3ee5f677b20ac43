/* SPDX-License-Identifier: BSD-2-Clause */
/* The functions behind the commands; each returns the command's status. */
#ifndef SHELL_COMMANDS_H
#define SHELL_COMMANDS_H

#include "servers/supervisor/supervisor_proto.h"
#include "shell.h"

int cmd_cat(struct shell *sh, int argc, char **argv);
int cmd_cp(struct shell *sh, int argc, char **argv);
int cmd_crash(struct shell *sh, int argc, char **argv);
int cmd_echo(struct shell *sh, int argc, char **argv);
int cmd_exit(struct shell *sh, int argc, char **argv);
int cmd_false(struct shell *sh, int argc, char **argv);
int cmd_help(struct shell *sh, int argc, char **argv);
int cmd_history(struct shell *sh, int argc, char **argv);
int cmd_kill(struct shell *sh, int argc, char **argv);
int cmd_load(struct shell *sh, int argc, char **argv);
int cmd_ls(struct shell *sh, int argc, char **argv);
int cmd_mkdir(struct shell *sh, int argc, char **argv);
int cmd_ports(struct shell *sh, int argc, char **argv);
int cmd_ps(struct shell *sh, int argc, char **argv);
int cmd_restart(struct shell *sh, int argc, char **argv);
int cmd_rm(struct shell *sh, int argc, char **argv);
int cmd_services(struct shell *sh, int argc, char **argv);
int cmd_sleep(struct shell *sh, int argc, char **argv);
int cmd_start(struct shell *sh, int argc, char **argv);
int cmd_stats(struct shell *sh, int argc, char **argv);
int cmd_stop(struct shell *sh, int argc, char **argv);
int cmd_supervisor(struct shell *sh, int argc, char **argv);
int cmd_time(struct shell *sh, int argc, char **argv);
int cmd_true(struct shell *sh, int argc, char **argv);
int cmd_update(struct shell *sh, int argc, char **argv);
int cmd_vm(struct shell *sh, int argc, char **argv);
int cmd_wc(struct shell *sh, int argc, char **argv);

/* The supervised tasks, cmd_supervisor.c; free *entriesp. */
mk_err_t list_supervised(struct shell *sh, struct supervisor_entry **entriesp, size_t *nrp);

#endif
