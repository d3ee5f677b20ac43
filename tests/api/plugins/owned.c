/* SPDX-License-Identifier: BSD-2-Clause */
/* A plugin that gets a block from libc by one function, OWNED_ and its name, and frees it. */
#include <mk/mk.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

static void *block(void)
{
#if defined(OWNED_realpath)
    return realpath("/", NULL);
#elif defined(OWNED_getcwd)
    return getcwd(NULL, 0);
#elif defined(OWNED_get_current_dir_name)
    return get_current_dir_name();
#elif defined(OWNED_wcsdup)
    return wcsdup(L"wide");
#elif defined(OWNED_reallocarray)
    return reallocarray(malloc(10), 100, 30);
#elif defined(OWNED_valloc)
    return valloc(1000);
#elif defined(OWNED_asprintf)
    char *text = NULL;
    return asprintf(&text, "%d", 1) == 1 ? text : NULL;
#elif defined(OWNED_getdelim)
    char *text = NULL;
    size_t size = 0;
    FILE *file = fopen("/proc/self/stat", "re");
    ssize_t n = file ? getdelim(&text, &size, ' ', file) : 0;
    if (file)
        fclose(file);
    return n > 0 ? text : NULL;
#elif defined(OWNED_scandir)
    struct dirent **list = NULL;
    int n = scandir("/proc/self", &list, NULL, NULL);
    while (n > 1)
        free(list[--n]);
    free(n == 1 ? list[0] : NULL);
    return list;
#elif defined(OWNED_open_memstream)
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    if (file)
        fclose(file);
    return text;
#else
    return strdup("text");
#endif
}

int main(int argc, char **argv);
int main(int argc, char **argv)
{
    (void)argv;
    void *volatile p = block();
    int is_there = p != NULL;
    free(p);
    return is_there ? argc - 1 : 1;
}

static const struct mk_server owned = {.abi = MK_SERVER_ABI, .main = main};
MK_SERVER_EXPORT(owned);
