/* SPDX-License-Identifier: BSD-2-Clause */
/* The console's line editor: keys in, line and terminal bytes out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "servers/console/lineedit.h"
#include "servers/console/utf8.h"

static struct lineedit edit;
static struct lineedit_history history;

static int begin(void **state)
{
    (void)state;
    lineedit_begin(&edit, &history, "mk> ", 4, 80);
    return 0;
}

static int end(void **state)
{
    (void)state;
    history_finish(&history);
    return 0;
}

static enum lineedit_result type(const char *keys)
{
    enum lineedit_result result = LINEEDIT_MORE;

    for (; *keys != '\0' && result == LINEEDIT_MORE; keys++)
        result = lineedit_feed(&edit, (unsigned char)*keys);
    return result;
}

static void assert_line(const char *line, size_t cursor)
{
    assert_int_equal(edit.size, strlen(line));
    assert_memory_equal(edit.line, line, edit.size);
    assert_int_equal(edit.cursor, cursor);
}

static void assert_drawn(const char *bytes)
{
    assert_int_equal(edit.out_size, strlen(bytes));
    assert_memory_equal(edit.out, bytes, edit.out_size);
}

static void remember(const char *line)
{
    history_add(&history, line, strlen(line));
    begin(NULL);
}

/* EDIT0010: what is typed is the line, and Enter ends it, as CR and as LF. */
static void edit0010(void **state)
{
    (void)state;
    assert_int_equal(type("ls -l\r"), LINEEDIT_DONE);
    assert_line("ls -l", 5);
    begin(NULL);
    assert_int_equal(type("a\n"), LINEEDIT_DONE);
}

/* EDIT0020: left and right move by characters and stop at the ends. */
static void edit0020(void **state)
{
    (void)state;
    type("ab\x1b[D\x1b[D\x1b[D");
    assert_line("ab", 0);
    type("\x1b[C\x1bOC\x1b[C");
    assert_line("ab", 2);
}

/* EDIT0030: typing in the middle inserts. */
static void edit0030(void **state)
{
    (void)state;
    type("ac\x1b[Db");
    assert_line("abc", 2);
}

/* EDIT0040: backspace takes the character before the cursor, ^H does the same, nothing at the start. */
static void edit0040(void **state)
{
    (void)state;
    type("abc\x1b[D\x7f");
    assert_line("ac", 1);
    type("\x08\x08\x08");
    assert_line("c", 0);
}

/* EDIT0050: delete and ^D take the character under the cursor, nothing at the end. */
static void edit0050(void **state)
{
    (void)state;
    type("abc\x01\x1b[3~");
    assert_line("bc", 0);
    assert_int_equal(type("\x04"), LINEEDIT_MORE);
    assert_line("c", 0);
    assert_int_equal(type("\x05\x1b[3~\x04"), LINEEDIT_MORE);
    assert_line("c", 1);
}

/* EDIT0060: all spellings of home and end. */
static void edit0060(void **state)
{
    static const char *const homes[] = {"\x01", "\x1b[H", "\x1bOH", "\x1b[1~", "\x1b[7~"};
    static const char *const ends[] = {"\x05", "\x1b[F", "\x1bOF", "\x1b[4~", "\x1b[8~"};

    (void)state;
    type("word");
    for (size_t i = 0; i < 5; i++) {
        type(homes[i]);
        assert_line("word", 0);
        type(ends[i]);
        assert_line("word", 4);
    }
}

/* EDIT0070: ^K erases to the end, ^U to the start. */
static void edit0070(void **state)
{
    (void)state;
    type("one two\x1b[D\x1b[D\x1b[D\x0b");
    assert_line("one ", 4);
    type("x\x1b[D\x15");
    assert_line("x", 0);
}

/* EDIT0080: ^W erases the word before the cursor and the blanks after it. */
static void edit0080(void **state)
{
    (void)state;
    type("one two  \x17");
    assert_line("one ", 4);
    type("\x17\x17");
    assert_line("", 0);
}

/* EDIT0090: ^D on an empty line is the end of input, ^C aborts at any time. */
static void edit0090(void **state)
{
    (void)state;
    assert_int_equal(type("\x04"), LINEEDIT_END);
    begin(NULL);
    assert_int_equal(type("abc\x03"), LINEEDIT_ABORTED);
    lineedit_end(&edit, LINEEDIT_ABORTED);
    assert_memory_equal(&edit.out[edit.out_size - 4], "^C\r\n", 4);
}

/* EDIT0100: cursor and backspace treat a character of several bytes as one. */
static void edit0100(void **state)
{
    (void)state;
    type("a\xc3\xa4\xe2\x82\xac\x1b[D");
    assert_line("a\xc3\xa4\xe2\x82\xac", 3);
    type("\x7f");
    assert_line("a\xe2\x82\xac", 1);
}

/* EDIT0110: a combining mark goes with the character that carries it. */
static void edit0110(void **state)
{
    (void)state;
    type("xe\xcc\x81\x1b[D");
    assert_line("xe\xcc\x81", 1);
    type("\x05\x7f");
    assert_line("x", 1);
}

/* EDIT0120: bytes that are no character do not enter the line: alone, overlong, surrogate, cut, C1 control. */
static void edit0120(void **state)
{
    (void)state;
    type("a\x80\xff\xc0\xaf\xed\xa0\x80\xe2\x82z\xc2\x9b\xf4\x90\x80\x80\xc3\r");
    assert_line("az", 2);
}

/* EDIT0130: up and down walk through history, and the new line is found again below. */
static void edit0130(void **state)
{
    (void)state;
    remember("first");
    remember("second");
    type("new\x1b[A");
    assert_line("second", 6);
    type("\x1bOA");
    assert_line("first", 5);
    type("\x1b[A");
    assert_line("first", 5);
    type("\x1b[B\x1b[B");
    assert_line("new", 3);
    type("\x1b[B");
    assert_line("new", 3);
}

/* EDIT0140: history drops empty lines and repetitions in a row, but not later ones. */
static void edit0140(void **state)
{
    (void)state;
    remember("a");
    remember("a");
    remember("");
    remember("b");
    remember("a");
    assert_int_equal(history.nr, 3);
}

/* EDIT0150: history keeps the last lines. */
static void edit0150(void **state)
{
    char line[32];

    (void)state;
    for (int i = 0; i < LINEEDIT_HISTORY_MAX + 5; i++) {
        snprintf(line, sizeof(line), "line %d", i);
        remember(line);
    }
    assert_int_equal(history.nr, LINEEDIT_HISTORY_MAX);
    assert_string_equal(history.lines[0], "line 5");
}

/* EDIT0160: changing a line that was called back leaves history as it was. */
static void edit0160(void **state)
{
    (void)state;
    remember("first");
    type("\x1b[A more\x1b[B\x1b[A");
    assert_line("first", 5);
}

/* EDIT0170: a full line refuses more with a bell. */
static void edit0170(void **state)
{
    (void)state;
    for (int i = 0; i < LINEEDIT_MAX + 10; i++)
        lineedit_feed(&edit, 'x');
    assert_int_equal(edit.size, LINEEDIT_MAX);
    lineedit_draw(&edit);
    assert_int_equal(edit.out[0], '\a');
}

/* EDIT0180: a short line is drawn with its prompt, and the cursor is put where it is. */
static void edit0180(void **state)
{
    (void)state;
    type("abc\x1b[D");
    lineedit_draw(&edit);
    assert_drawn("\rmk> abc\x1b[K\r\x1b[6C");
}

/* EDIT0190: a line wider than the terminal scrolls so that the cursor is visible, and back. */
static void edit0190(void **state)
{
    (void)state;
    lineedit_begin(&edit, &history, "", 0, 20);
    type("0123456789abcdefghijklmnop");
    lineedit_draw(&edit);
    assert_drawn("\r789abcdefghijklmnop\x1b[K\r\x1b[19C");
    type("\x01");
    lineedit_draw(&edit);
    assert_drawn("\r0123456789abcdefghi\x1b[K\r");
}

/* EDIT0200: a double-width character takes two columns. */
static void edit0200(void **state)
{
    (void)state;
    type("\xe4\xb8\xad");
    lineedit_draw(&edit);
    assert_drawn("\rmk> \xe4\xb8\xad\x1b[K\r\x1b[6C");
}

/* EDIT0210: ^L clears the screen and draws the line again. */
static void edit0210(void **state)
{
    (void)state;
    type("a\x0c");
    lineedit_draw(&edit);
    assert_drawn("\x1b[H\x1b[2J\rmk> a\x1b[K\r\x1b[5C");
}

/* EDIT0220: bytes of a prompt that would move the terminal are dropped, a prompt without end is left out. */
static void edit0220(void **state)
{
    char wide[LINEEDIT_PROMPT_MAX * 2];

    (void)state;
    lineedit_begin(&edit, &history, "a\x1b[2Jb\n", 7, 80);
    lineedit_draw(&edit);
    assert_drawn("\ra[2Jb\x1b[K\r\x1b[5C");
    memset(wide, 'w', sizeof(wide));
    lineedit_begin(&edit, &history, wide, sizeof(wide), 80);
    lineedit_draw(&edit);
    assert_drawn("\r\x1b[K\r");
}

/* EDIT0230: unknown and broken escape sequences leave the line alone; a control key ends them. */
static void edit0230(void **state)
{
    (void)state;
    type("a\x1b[1;5C\x1b[99999999~\x1b[?25h\x1bOP\x1bz");
    assert_line("a", 1);
    assert_int_equal(type("\x1b[12\r"), LINEEDIT_DONE);
    assert_line("a", 1);
}

/* EDIT0240: hiding the line erases its row. */
static void edit0240(void **state)
{
    (void)state;
    type("abc");
    lineedit_hide(&edit);
    assert_drawn("\r\x1b[K");
}

/* EDIT0245: a line that was scrolled can be replaced by one with longer characters. */
static void edit0245(void **state)
{
    (void)state;
    remember("b\xc3\xa4\xe4\xb8\xad");
    lineedit_begin(&edit, &history, "", 0, 16);
    type("0123456789abcdefghi"); /* scrolls by 4: inside the last character of the other line */
    lineedit_draw(&edit);
    type("\x1b[A");
    lineedit_draw(&edit);
    assert_drawn("\rb\xc3\xa4\xe4\xb8\xad\x1b[K\r\x1b[4C");
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 16;
}

/* EDIT0250: whatever is typed, the line stays whole characters, the cursor on one, the row within the terminal. */
static void edit0250(void **state)
{
    uint32_t seed = 20240607;

    (void)state;
    remember("b\xc3\xa4\xe4\xb8\xad"
             "e\xcc\x81");
    print_message("seed %u\n", (unsigned)seed);
    for (int i = 0; i < 100000; i++) {
        unsigned char byte = (unsigned char)next_random(&seed);

        if (i % 3 == 0)
            byte = (unsigned char)"\x1b[ABCDHF3~\xc3\xa4\xe4\xb8\xad"[next_random(&seed) % 15];
        if (lineedit_feed(&edit, byte) != LINEEDIT_MORE)
            lineedit_begin(&edit, &history, "mk> ", 4, 10 + next_random(&seed) % 40);
        lineedit_draw(&edit);
        assert_true(edit.cursor <= edit.size && edit.size <= LINEEDIT_MAX && edit.scroll <= edit.cursor);
        for (size_t at = 0; at < edit.size;) {
            size_t length = utf8_valid(&edit.line[at], edit.size - at);

            assert_int_not_equal(length, 0);
            assert_true(edit.cursor <= at || edit.cursor >= at + length);
            at += length;
        }
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(edit0010), TEST(edit0020), TEST(edit0030), TEST(edit0040), TEST(edit0050), TEST(edit0060), TEST(edit0070),
        TEST(edit0080), TEST(edit0090), TEST(edit0100), TEST(edit0110), TEST(edit0120), TEST(edit0130), TEST(edit0140),
        TEST(edit0150), TEST(edit0160), TEST(edit0170), TEST(edit0180), TEST(edit0190), TEST(edit0200), TEST(edit0210),
        TEST(edit0220), TEST(edit0230), TEST(edit0240), TEST(edit0245), TEST(edit0250),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
