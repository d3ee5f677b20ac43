/* SPDX-License-Identifier: BSD-2-Clause */
/* The files of a new server; templates/NAME.in, with @NAME@ and @UPPER@ to be replaced. */
#ifndef CLI_TEMPLATES_H
#define CLI_TEMPLATES_H

extern const char template_server_c[];
extern const char template_proto_h[];
extern const char template_test_c[];
extern const char template_meson_build[];
extern const char template_boot_ini[];
extern const char template_README_md[];

#endif
