/* SPDX-License-Identifier: BSD-2-Clause */
/* mk new server NAME: a folder with a small server, its test and its boot file, from the templates. */
#include "command.h"
#include "templates.h"
#include "text.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define NAME_SIZE 31

struct template
{
    const char *file; /* @NAME@ is replaced here too */
    const char *text;
};

static const struct template templates[] = {
    {"@NAME@.c", template_server_c},       {"@NAME@_proto.h", template_proto_h}, {"test_@NAME@.c", template_test_c},
    {"meson.build", template_meson_build}, {"@NAME@.ini", template_boot_ini},    {"README.md", template_README_md},
};
#define NR_TEMPLATES (sizeof(templates) / sizeof(templates[0]))

static const char *const keywords[] = {
    "auto",     "break",  "case",     "char",   "const",    "continue", "default", "do",     "double",  "else",
    "enum",     "extern", "float",    "for",    "goto",     "if",       "inline",  "int",    "long",    "register",
    "restrict", "return", "short",    "signed", "sizeof",   "static",   "struct",  "switch", "typedef", "typeof",
    "asm",      "union",  "unsigned", "void",   "volatile", "while",    NULL};

/* In the new boot file already, or names that meson keeps for its own targets. */
static const char *const taken[] = {
    "names",     "console",  "shell", "supervisor", "guardian", "machine", "mk",        "all",         "test", "clean",
    "benchmark", "coverage", "dist",  "distcheck",  "install",  "phony",   "uninstall", "reconfigure", NULL};

static bool is_among(const char *name, const char *const *words)
{
    for (; *words; words++)
        if (strcmp(name, *words) == 0)
            return true;
    return false;
}

static bool is_name_good(const char *name)
{
    size_t n = strlen(name);
    const char *why = NULL;
    if (n < 1 || n > NAME_SIZE || name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")] ||
        !islower((unsigned char)*name))
        why = "write 1 to 31 lower-case letters, digits and '_', a letter first";
    else if (is_among(name, keywords))
        why = "it is a word of the C language";
    else if (is_among(name, taken))
        why = "the name is taken by libmk or by meson";
    if (!why)
        return true;
    char *safe = text_printable(name);
    fprintf(stderr, "mk: new: '%s' cannot be a server's name: %s\n", safe, why);
    free(safe);
    return false;
}

/* The text with @NAME@ and @UPPER@ replaced, to `out`. */
static void expand(FILE *out, const char *text, const char *name)
{
    while (*text) {
        if (strncmp(text, "@NAME@", 6) == 0) {
            fputs(name, out);
            text += 6;
        } else if (strncmp(text, "@UPPER@", 7) == 0) {
            for (const char *p = name; *p; p++)
                putc(toupper((unsigned char)*p), out);
            text += 7;
        } else {
            putc(*text++, out);
        }
    }
}

static char *file_path(const struct template *template, const char *name)
{
    char *path = NULL;
    size_t size;
    FILE *out = open_memstream(&path, &size);
    if (!out)
        return NULL;
    fprintf(out, "%s/", name);
    expand(out, template->file, name);
    fclose(out);
    return path;
}

static bool write_file(const struct template *template, const char *name)
{
    char *path = file_path(template, name);
    FILE *out = path ? fopen(path, "wx") : NULL;
    bool is_good = out != NULL;
    if (out) {
        expand(out, template->text, name);
        is_good = !ferror(out);
        is_good &= fclose(out) == 0;
    }
    if (!is_good)
        fprintf(stderr, "mk: new: %s: cannot be written: %s\n", path ? path : name, strerror(errno));
    free(path);
    return is_good;
}

static int new_server(const char *name)
{
    if (!is_name_good(name))
        return EXIT_BAD_INPUT;
    if (mkdir(name, 0777) != 0) {
        fprintf(stderr, "mk: new: %s: %s\n", name,
                errno == EEXIST ? "it exists already; choose another name or remove it" : strerror(errno));
        return EXIT_BAD_INPUT;
    }
    for (size_t i = 0; i < NR_TEMPLATES; i++)
        if (!write_file(&templates[i], name))
            return EXIT_FAILED;
    printf("%s/ is ready. Build and test it:\n\n"
           "  cd %s\n  meson setup build && meson test -C build\n\n"
           "Run it with a shell:\n\n  mk run %s.ini\n",
           name, name, name);
    return EXIT_FINE;
}

int cmd_new(int argc, char **argv)
{
    static const struct option options[] = {{0}};
    static const char *const kinds[] = {"server", NULL};
    struct args args = {.argc = argc, .argv = argv};
    const char *words[2] = {NULL, NULL};
    size_t nr = 0;
    for (int option; (option = args_next(&args, options)) != ARGS_END;) {
        if (option == ARGS_HELP)
            return cmd_help(2, (char *[]){argv[0], argv[0]});
        if (option == ARGS_BAD)
            return EXIT_BAD_INPUT;
        if (nr == 2)
            return args_usage(&args, "one name at a time");
        words[nr++] = args.value;
    }
    if (nr == 0)
        return args_usage(&args, "new what?");
    if (!is_among(words[0], kinds))
        return args_usage(&args, text_nearest(words[0], kinds) ? "did you mean 'server'?" : "only a server can be new");
    return nr == 2 ? new_server(words[1]) : args_usage(&args, "which name?");
}
