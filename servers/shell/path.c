/* SPDX-License-Identifier: BSD-2-Clause */
/* Paths and numbers. */
#include "path.h"

#include <string.h>

#define SEC 1000000000

static size_t drop_part(const char *path, size_t length)
{
    while (length > 0 && path[length - 1] != '/')
        length--;
    return length > 0 ? length - 1 : 0;
}

bool path_normalise(const char *from, char *to, size_t size)
{
    size_t length = 0; /* of "/a/b", without a slash at the end */

    while (*from != '\0') {
        size_t part = strcspn(from, "/");

        if (part == 2 && from[0] == '.' && from[1] == '.') {
            length = drop_part(to, length);
        } else if (part > 0 && !(part == 1 && from[0] == '.')) {
            if (length + 1 + part >= size)
                return false;
            to[length] = '/';
            memcpy(&to[length + 1], from, part);
            length += 1 + part;
        }
        from += part;
        from += strspn(from, "/");
    }
    if (length == 0)
        to[length++] = '/';
    to[length] = '\0';
    return true;
}

const char *path_base(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash == NULL ? path : slash + 1;
}

bool path_join(const char *folder, const char *name, char *to, size_t size)
{
    size_t length = strcmp(folder, "/") == 0 ? 0 : strlen(folder);
    size_t name_size = strlen(name);

    if (length + 1 + name_size >= size)
        return false;
    memcpy(to, folder, length);
    to[length] = '/';
    memcpy(&to[length + 1], name, name_size + 1);
    return true;
}

bool parse_number(const char *text, uint64_t *numberp)
{
    uint64_t number = 0;

    if (*text == '\0')
        return false;
    for (; *text != '\0'; text++) {
        unsigned digit = (unsigned)(*text - '0');

        if (digit > 9 || number > (UINT64_MAX - digit) / 10)
            return false;
        number = 10 * number + digit;
    }
    *numberp = number;
    return true;
}

bool parse_seconds(const char *text, int64_t *nsp)
{
    int64_t seconds = 0, unit = SEC;
    bool has_digit = false;

    for (; *text >= '0' && *text <= '9'; text++) {
        if (seconds > INT64_MAX / SEC / 10 - 1)
            return false;
        seconds = 10 * seconds + (*text - '0');
        has_digit = true;
    }
    *nsp = seconds * SEC;
    if (*text == '.')
        text++;
    for (; *text >= '0' && *text <= '9' && unit > 1; text++) {
        unit /= 10;
        *nsp += unit * (*text - '0');
        has_digit = true;
    }
    return has_digit && *text == '\0';
}
