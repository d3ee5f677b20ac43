/* SPDX-License-Identifier: BSD-2-Clause */
/* mk bench: becomes mkbench, of the same build or of the same installation. */
#include "command.h"
#include "text.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where mkbench lies, seen from the folder of mk: in a build, and installed where it was configured for or moved. */
static const char *const places[] = {"../../bench/mkbench", "../libexec/libmk/mkbench"};

static char *own_folder(void)
{
    char path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path));
    if (n <= 0 || (size_t)n == sizeof(path))
        return text_dup(".");
    while (n > 0 && path[n - 1] != '/')
        n--;
    return text_ndup(path, (size_t)n);
}

int cmd_bench(int argc, char **argv)
{
    static char name[] = "mkbench";
    (void)argc;
    for (int i = 1; argv[i]; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return cmd_help(2, (char *[]){argv[0], argv[0]});
    char *folder = own_folder();
    argv[0] = name;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        char *path = text_format("%s%s", folder, places[i]);
        execv(path, argv);
        free(path);
    }
    execv(MK_BENCHDIR "/mkbench", argv);
    fprintf(stderr, "mk: bench: %s/mkbench: %s\n", MK_BENCHDIR, strerror(errno));
    free(folder);
    return EXIT_FAILED;
}
