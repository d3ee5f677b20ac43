/* SPDX-License-Identifier: BSD-2-Clause */
/* Paths as people write them, made into what the file service takes, and numbers. No libmk in here. */
#ifndef SHELL_PATH_H
#define SHELL_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * An absolute path without "." and ".." and doubled slashes; relative ones
 * start at the root. False when it does not fit in `size` bytes.
 */
bool path_normalise(const char *from, char *to, size_t size);

/* What follows the last slash. */
const char *path_base(const char *path);

/* folder + "/" + name, with `folder` normalised. False when it does not fit. */
bool path_join(const char *folder, const char *name, char *to, size_t size);

/* "1", "1.5", "0.000001": seconds with at most nine decimals, as nanoseconds. */
bool parse_seconds(const char *text, int64_t *nsp);

/* Decimal digits only. */
bool parse_number(const char *text, uint64_t *numberp);

#endif
