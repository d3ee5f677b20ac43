/* SPDX-License-Identifier: BSD-2-Clause */
/* The shell's parser, its paths and its numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "servers/shell/parse.h"
#include "servers/shell/path.h"

static struct shell_script script;

static int finish(void **state)
{
    (void)state;
    shell_script_finish(&script);
    return 0;
}

static void parse(const char *text)
{
    shell_script_finish(&script);
    assert_null(shell_parse(text, strlen(text), &script));
}

static void assert_refused(const char *text)
{
    shell_script_finish(&script);
    assert_non_null(shell_parse(text, strlen(text), &script));
    assert_int_equal(script.nr_commands, 0);
}

/* The words of command `i`, each followed by a '|'. */
static void assert_words(size_t i, const char *words)
{
    char text[256] = "";

    assert_true(i < script.nr_commands);
    for (int n = 0; n < script.commands[i].argc; n++) {
        strcat(text, script.commands[i].argv[n]);
        strcat(text, "|");
    }
    assert_string_equal(text, words);
    if (script.commands[i].argc > 0)
        assert_null(script.commands[i].argv[script.commands[i].argc]);
}

static void assert_redirect(size_t i, size_t n, enum shell_redirect_kind kind, const char *path)
{
    assert_true(n < script.commands[i].nr_redirects);
    assert_int_equal(script.commands[i].redirects[n].kind, kind);
    assert_string_equal(script.commands[i].redirects[n].path, path);
}

/* PARSE0010: blanks, tabs and carriage returns separate words. */
static void parse0010(void **state)
{
    (void)state;
    parse("  ls \t -l\r /x ");
    assert_int_equal(script.nr_commands, 1);
    assert_words(0, "ls|-l|/x|");
}

/* PARSE0020: nothing, blanks, separators and comments are no commands. */
static void parse0020(void **state)
{
    static const char *const texts[] = {"", "   ", "\n\n", ";", " ; ; ", "# all of it", "\\\n"};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        parse(texts[i]);
        assert_int_equal(script.nr_commands, 0);
    }
}

/* PARSE0030: semicolons and newlines separate commands. */
static void parse0030(void **state)
{
    (void)state;
    parse("a;b\nc ;\n");
    assert_int_equal(script.nr_commands, 3);
    assert_words(0, "a|");
    assert_words(1, "b|");
    assert_words(2, "c|");
    assert_int_equal(script.commands[2].link, SHELL_ALWAYS);
}

/* PARSE0040: single quotes keep everything. */
static void parse0040(void **state)
{
    (void)state;
    parse("echo 'a \"b\" \\ ; > # c'");
    assert_words(0, "echo|a \"b\" \\ ; > # c|");
}

/* PARSE0050: in double quotes a backslash escapes itself and the quote, and nothing else. */
static void parse0050(void **state)
{
    (void)state;
    parse("echo \"a\\\"b\\\\c\\n'd'\"");
    assert_words(0, "echo|a\"b\\c\\n'd'|");
}

/* PARSE0060: elsewhere a backslash escapes any byte. */
static void parse0060(void **state)
{
    (void)state;
    parse("a\\ b \\; \\> \\' \\\\ \\#");
    assert_words(0, "a b|;|>|'|\\|#|");
}

/* PARSE0070: quoted parts join the word they touch, empty quotes are an empty word. */
static void parse0070(void **state)
{
    (void)state;
    parse("a'b'\"c\"d '' \"\"");
    assert_words(0, "abcd|||");
    assert_int_equal(script.commands[0].argc, 3);
}

/* PARSE0080: a comment begins at the start of a word only and ends with its line. */
static void parse0080(void **state)
{
    (void)state;
    parse("a b#c # d ; e\nf");
    assert_int_equal(script.nr_commands, 2);
    assert_words(0, "a|b#c|");
    assert_words(1, "f|");
}

/* PARSE0090: a backslash before a newline joins lines, inside and between words. */
static void parse0090(void **state)
{
    (void)state;
    parse("ec\\\nho a \\\n b");
    assert_words(0, "echo|a|b|");
}

/* PARSE0100: redirections, with and without blanks, anywhere in the command. */
static void parse0100(void **state)
{
    (void)state;
    parse("> out cat<in a>>'log file'");
    assert_int_equal(script.nr_commands, 1);
    assert_words(0, "cat|a|");
    assert_int_equal(script.commands[0].nr_redirects, 3);
    assert_redirect(0, 0, SHELL_WRITE, "out");
    assert_redirect(0, 1, SHELL_READ, "in");
    assert_redirect(0, 2, SHELL_APPEND, "log file");
}

/* PARSE0110: a redirection alone is a command. */
static void parse0110(void **state)
{
    (void)state;
    parse(">x; a");
    assert_int_equal(script.nr_commands, 2);
    assert_int_equal(script.commands[0].argc, 0);
    assert_redirect(0, 0, SHELL_WRITE, "x");
    assert_words(1, "a|");
}

/* PARSE0120: && and || tell when the next command runs, also across a newline. */
static void parse0120(void **state)
{
    (void)state;
    parse("a&&b || c;d &&\n e");
    assert_int_equal(script.nr_commands, 5);
    assert_int_equal(script.commands[0].link, SHELL_ALWAYS);
    assert_int_equal(script.commands[1].link, SHELL_IF_OK);
    assert_int_equal(script.commands[2].link, SHELL_IF_FAILED);
    assert_int_equal(script.commands[3].link, SHELL_ALWAYS);
    assert_int_equal(script.commands[4].link, SHELL_IF_OK);
}

/* PARSE0130: quotes that are not closed and a last backslash are refused. */
static void parse0130(void **state)
{
    (void)state;
    assert_refused("echo 'a");
    assert_refused("echo \"a");
    assert_refused("echo \"a\\\"");
    assert_refused("a; echo \\");
}

/* PARSE0140: a redirection without a file is refused. */
static void parse0140(void **state)
{
    (void)state;
    assert_refused("cat >");
    assert_refused("cat < ; ls");
    assert_refused("cat > > x");
    assert_refused("cat >>\n");
}

/* PARSE0150: a link without a command on either side is refused. */
static void parse0150(void **state)
{
    static const char *const texts[] = {"&& a", "a &&", "a ||", "a && || b", "a && ; b", "; && a", "a && # b"};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_refused(texts[i]);
}

/* PARSE0160: pipes and background are refused, quoted they are words. */
static void parse0160(void **state)
{
    (void)state;
    assert_refused("a | b");
    assert_refused("a &");
    assert_refused("a ||| b");
    parse("echo '|' \\&");
    assert_words(0, "echo|||&|");
}

/* PARSE0170: a NUL byte is refused. */
static void parse0170(void **state)
{
    (void)state;
    assert_non_null(shell_parse("a\0b", 3, &script));
}

/* PARSE0180: any text is either parsed or refused; nothing is read beyond it. */
static void parse0180(void **state)
{
    static const char bytes[] = " \n;&|<>'\"\\#ab";
    uint32_t seed = 7;

    (void)state;
    print_message("seed %u\n", (unsigned)seed);
    for (int round = 0; round < 50000; round++) {
        size_t size = (seed >> 8) % 24;
        char *text = malloc(size + 1); /* exactly as large, so that a checker sees a read beyond */

        for (size_t i = 0; i < size; i++) {
            seed = seed * 1664525u + 1013904223u;
            text[i] = bytes[(seed >> 16) % (sizeof(bytes) - 1)];
        }
        seed = seed * 1664525u + 1013904223u;
        text = realloc(text, size == 0 ? 1 : size);
        if (shell_parse(text, size, &script) != NULL)
            assert_int_equal(script.nr_commands, 0);
        shell_script_finish(&script);
        free(text);
    }
}

static void assert_path(const char *from, const char *to)
{
    char path[32];

    assert_true(path_normalise(from, path, sizeof(path)));
    assert_string_equal(path, to);
}

/* PATH0010: relative paths start at the root; ".", ".." and doubled slashes go. */
static void path0010(void **state)
{
    (void)state;
    assert_path("", "/");
    assert_path("/", "/");
    assert_path("a", "/a");
    assert_path("./a//b/", "/a/b");
    assert_path("/a/../b/./c", "/b/c");
    assert_path("../../..", "/");
    assert_path("a/..", "/");
    assert_path("...", "/...");
}

/* PATH0020: a path that does not fit is refused, the longest that fits is not. */
static void path0020(void **state)
{
    char path[6];

    (void)state;
    assert_true(path_normalise("abcd", path, sizeof(path)));
    assert_string_equal(path, "/abcd");
    assert_false(path_normalise("abcde", path, sizeof(path)));
    assert_false(path_normalise("ab/cd", path, sizeof(path)));
}

/* PATH0030: joining a folder and a name. */
static void path0030(void **state)
{
    char path[6];

    (void)state;
    assert_true(path_join("/", "a", path, sizeof(path)));
    assert_string_equal(path, "/a");
    assert_true(path_join("/a", "bc", path, sizeof(path)));
    assert_string_equal(path, "/a/bc");
    assert_false(path_join("/a", "bcd", path, sizeof(path)));
    assert_string_equal(path_base("/x/y"), "y");
    assert_string_equal(path_base("y"), "y");
}

/* NUMBER0010: seconds with up to nine decimals. */
static void number0010(void **state)
{
    int64_t ns;

    (void)state;
    assert_true(parse_seconds("0", &ns) && ns == 0);
    assert_true(parse_seconds("1.5", &ns) && ns == 1500000000);
    assert_true(parse_seconds(".000000001", &ns) && ns == 1);
    assert_true(parse_seconds("3.", &ns) && ns == 3000000000);
}

/* NUMBER0020: what is not a time, or too long, is refused. */
static void number0020(void **state)
{
    static const char *const texts[] = {"", ".", "-1", "1s", "1.0000000001", "1.2.3", "99999999999999999999", " 1"};
    int64_t ns;

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_false(parse_seconds(texts[i], &ns));
}

/* NUMBER0030: whole numbers up to the largest. */
static void number0030(void **state)
{
    uint64_t number;

    (void)state;
    assert_true(parse_number("18446744073709551615", &number) && number == UINT64_MAX);
    assert_false(parse_number("18446744073709551616", &number));
    assert_false(parse_number("", &number));
    assert_false(parse_number("1a", &number));
    assert_false(parse_number("-1", &number));
}

#define TEST(function) cmocka_unit_test_teardown(function, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(parse0010), TEST(parse0020), TEST(parse0030), TEST(parse0040),  TEST(parse0050),  TEST(parse0060),
        TEST(parse0070), TEST(parse0080), TEST(parse0090), TEST(parse0100),  TEST(parse0110),  TEST(parse0120),
        TEST(parse0130), TEST(parse0140), TEST(parse0150), TEST(parse0160),  TEST(parse0170),  TEST(parse0180),
        TEST(path0010),  TEST(path0020),  TEST(path0030),  TEST(number0010), TEST(number0020), TEST(number0030),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
