/* SPDX-License-Identifier: BSD-2-Clause */
/* Where plugins are found; see plugin.h. */
#include "plugin.h"

#include "text.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The places searched so far, and what was found. */
struct search {
    const char *module;
    char *places; /* "A, B, C" */
    char *found;
};

static bool is_file(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* Look for the module in the folder; `folder` is ours to free. */
static void search_folder(struct search *search, char *folder)
{
    char *path = text_format("%s/%s.so", folder, search->module);
    if (!search->found && is_file(path))
        search->found = realpath(path, NULL);
    free(path);
    char *places = text_format("%s%s%s", search->places, *search->places ? ", " : "", folder);
    free(search->places);
    free(folder);
    search->places = places;
}

static void search_environment(struct search *search)
{
    const char *folders = getenv("MK_PLUGIN_PATH");
    while (folders && *folders) {
        size_t n = strcspn(folders, ":");
        if (n)
            search_folder(search, text_ndup(folders, n));
        folders += n + (folders[n] == ':');
    }
}

/* In the build tree the executable is BUILD/src/cli/mk and a plugin BUILD/servers/NAME/NAME.so. */
static void search_build_tree(struct search *search)
{
    char exe[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
    if (n <= 0)
        return;
    exe[n] = '\0';
    for (int up = 0; up < 3; up++) {
        char *slash = strrchr(exe, '/');
        if (!slash)
            return;
        *slash = '\0';
    }
    char *folder = text_format("%s/servers/%s", exe, search->module);
    struct stat st;
    if (stat(folder, &st) == 0 && S_ISDIR(st.st_mode))
        search_folder(search, folder);
    else
        free(folder);
}

static char *find_path(const char *module, const char *folder, char **whyp)
{
    char *path = *module == '/' ? text_dup(module) : text_format("%s/%s", folder, module);
    char *found = realpath(path, NULL);
    if (!found) {
        *whyp = text_format("%s: %s", path, strerror(errno));
    } else if (!is_file(found)) {
        *whyp = text_format("%s is no file", found);
        free(found);
        found = NULL;
    }
    free(path);
    return found;
}

char *plugin_find(const char *module, const char *folder, char **whyp)
{
    *whyp = NULL;
    if (strchr(module, '/'))
        return find_path(module, folder, whyp);
    struct search search = {module, text_dup(""), NULL};
    search_environment(&search);
    search_build_tree(&search);
    search_folder(&search, text_dup(MK_PLUGINDIR));
    if (!search.found)
        *whyp = text_format("there is no %s.so in %s; set MK_PLUGIN_PATH, or write a path with a slash", module,
                            search.places);
    free(search.places);
    return search.found;
}

void plugin_find_all(struct bootfile *boot, const char *folder)
{
    for (size_t i = 0; i < boot->nr_tasks; i++) {
        struct boot_task *task = &boot->tasks[i];
        char *why;
        task->plugin = plugin_find(task->module, folder, &why);
        if (why)
            bootfile_error(boot, bootfile_module_where(task), "module: %s", why);
        free(why);
    }
}
