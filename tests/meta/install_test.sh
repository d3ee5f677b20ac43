#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What a user does after `meson install`: install_test.sh [TOP]
# Installs into a fresh prefix, compiles and runs a lab against it, runs the installed command, and follows
# `mk new server` word by word. One line for each step; the first FAIL ends it.
set -eu

top=$(cd "${1:-$(dirname "$0")/../..}" && pwd -P)
compiler=${CC:-gcc}
work=$(mktemp -d "${TMPDIR:-/tmp}/mk-install.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
log=$work/log

fail() {
    [ -s "$log" ] && sed 's/^/    /' "$log"
    echo "FAIL: $*"
    exit 1
}

# step WHAT COMMAND...
step() {
    what=$1
    shift
    if "$@" >"$log" 2>&1 </dev/null; then
        echo "ok: $what"
    else
        fail "$what (status $?): $*"
    fi
}

prefix=$work/prefix
step 'configure for a prefix' env CC="$compiler" meson setup "$work/build" "$top" --prefix "$prefix" --libdir lib -Dtests=disabled
step 'build' meson compile -C "$work/build"
step 'install' meson install -C "$work/build" --no-rebuild

# From here on nothing of the source tree or the build folder may be needed.
rm -rf "$work/build"
export PATH="$prefix/bin:$PATH" PKG_CONFIG_PATH="$prefix/lib/pkgconfig" LD_LIBRARY_PATH="$prefix/lib"

[ -f "$prefix/lib/pkgconfig/libmk.pc" ] || fail 'libmk.pc is not installed'
[ -x "$prefix/bin/mk" ] || fail 'the command mk is not installed'
plugins=$(pkg-config --variable=plugindir libmk)
case $plugins in
"$prefix"/*) ;;
*) fail "libmk.pc: plugindir is '$plugins', not below the prefix" ;;
esac
ls "$plugins"/*.so >/dev/null 2>&1 || fail "no servers in $plugins"
for file in "$prefix/bin/mk" "$prefix"/lib/libmk.so "$plugins"/*.so; do
    if readelf -d "$file" 2>/dev/null | grep -E 'R(UN)?PATH' | grep -qF "$work/build"; then
        fail "$file looks for libraries in the build folder"
    fi
done
echo 'ok: installed files are in their places'

mkdir "$work/lab"
cd "$work/lab"
cat >lab.c <<'EOF'
#include <mk/mk.h>
#include <stdio.h>

static mk_name_t port;

static void serve(void *arg)
{
    uint32_t number = 0;
    struct mk_msg msg = {.body = &number, .capacity = sizeof(number)};
    mk_err_t err = mk_receive(port, &msg, MK_TIME_FOREVER);
    if (err == MK_OK) {
        number *= 2;
        msg.size = sizeof(number);
        msg.status = MK_OK;
        err = mk_reply(&msg);
    }
    if (err != MK_OK)
        mk_log("serve: %s", mk_err_text(err));
}

static void lab(void *arg)
{
    uint32_t number = 21;
    mk_name_t send, thread;
    struct mk_thread_attr attr = {.entry = serve, .label = "serve"};
    struct mk_msg msg = {.id = 1, .body = &number, .size = sizeof(number), .capacity = sizeof(number)};
    mk_err_t err = mk_port_create(&port);
    if (err == MK_OK)
        err = mk_right_make(port, MK_RIGHT_SEND, 0, &send);
    if (err == MK_OK)
        err = mk_thread_create(mk_task_self(), &attr, &thread);
    if (err == MK_OK)
        err = mk_call(send, &msg, MK_TIME_FOREVER);
    *(uint32_t *)arg = number;
    mk_task_exit(err == MK_OK ? 0 : 1);
}

int main(void)
{
    struct mk_machine *machine;
    uint32_t answer = 0;
    int code = -1;
    mk_err_t err = mk_machine_create(NULL, &machine);
    if (err == MK_OK) {
        err = mk_machine_spawn(machine, &(struct mk_spawn){.label = "lab", .entry = lab, .arg = &answer}, NULL);
        if (err == MK_OK)
            err = mk_machine_run(machine, &code);
        if (err == MK_OK)
            err = mk_machine_audit(machine);
        mk_machine_destroy(machine);
    }
    printf("%s %d %u\n", mk_err_name(err), code, (unsigned)answer);
    return err == MK_OK && code == 0 && answer == 42 ? 0 : 1;
}
EOF
# As in the manual: the flags after the file, unquoted.
step 'compile a lab with gcc lab.c $(pkg-config --cflags --libs libmk)' \
    sh -c "$compiler"' lab.c $(pkg-config --cflags --libs libmk) -o lab'
step 'run the lab' ./lab
[ "$(cat "$log")" = 'MK_OK 0 42' ] || fail 'the lab should print "MK_OK 0 42"'
step 'mk help' mk help

mkdir "$work/empty"
cd "$work/empty"
step 'mk new server hello' mk new server hello
# The commands are the printed lines that are indented, with or without a "$ " before them.
sed -n 's/^[ 	][ 	]*\(\$ \)\{0,1\}//p' "$log" >"$work/commands"
[ -s "$work/commands" ] || fail 'mk new server prints no commands (indented lines)'
# One shell for all, as in a terminal; the first that fails ends it.
step "what mk new server prints: $(tr '\n' ';' <"$work/commands")" sh -e "$work/commands"

echo 'ok: an installed libmk works'
