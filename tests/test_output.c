/* The command's table, and text for a terminal: rows as no server here sends
 * them. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/output.h"

Suite *output_suite(void);

#define ALL_COLUMNS 0xFFu

/* What print_table writes for these rows; for free(). */
static char *printed(const char *server, netsession_row *row, size_t count)
{
    struct rows rows = {.row = row, .count = count, .level = 502};
    char *text = calloc(1, 4096);
    FILE *file = tmpfile();
    int before;

    ck_assert(text && file);
    fflush(stdout);
    before = dup(STDOUT_FILENO);
    ck_assert_int_ge(dup2(fileno(file), STDOUT_FILENO), 0);
    ck_assert(print_table(server, &rows));
    dup2(before, STDOUT_FILENO);
    close(before);
    rewind(file);
    ck_assert_uint_lt(fread(text, 1, 4095, file), 4095);
    fclose(file);
    return text;
}

static void assert_printed(netsession_row *row, size_t count, const char *wanted)
{
    char *text = printed("fs1", row, count);

    ck_assert_str_eq(text, wanted);
    free(text);
}

START_TEST(no_rows)
{
    assert_printed(NULL, 0, "fs1: There are no sessions. (level 502, complete)\n");
}
END_TEST

/* Flags by name as far as they have one; what cannot be a duration; an empty
 * cell, and one at the end of a line. */
START_TEST(strange_rows)
{
    netsession_row rows[] = {
        {ALL_COLUMNS, "\\\\a", "", 1, UINT32_MAX, 59, 0, "", ""},
        {ALL_COLUMNS, "\\\\b", "u", 2, 61, INT32_MAX, 2, "t", NULL},
        {ALL_COLUMNS, "\\\\c", NULL, 3, 3600, 90061, 3, "", "x"},
        {ALL_COLUMNS, "\\\\d", "u", 4, 0, 0, 0x80000000, "", "x"},
    };

    assert_printed(rows, 1,
                   "fs1: 1 session (level 502, complete)\n"
                   "CLIENT  USER  OPENS  TIME  IDLE  FLAGS  TYPE  TRANSPORT\n"
                   "\\\\a               1     -   59s  -\n");
    assert_printed(rows, 4,
                   "fs1: 4 sessions (level 502, complete)\n"
                   "CLIENT  USER  OPENS   TIME       IDLE  FLAGS            TYPE  TRANSPORT\n"
                   "\\\\a               1      -        59s  -\n"
                   "\\\\b     u         2  1m 1s  24855d 3h  plaintext        t     -\n"
                   "\\\\c     -         3  1h 0m      1d 1h  guest,plaintext        x\n"
                   "\\\\d     u         4     0s         0s  0x80000000             x\n");
}
END_TEST

/* A long cell moves its own line only. */
START_TEST(long_name)
{
    char name[81], wanted[300];
    netsession_row rows[] = {{NETSESSION_HAS_USER, name, "u", 0, 0, 0, 0, NULL, NULL},
                             {NETSESSION_HAS_USER, "b", "v", 0, 0, 0, 0, NULL, NULL}};

    memset(name, 'n', 80);
    name[80] = '\0';
    snprintf(wanted, sizeof wanted,
             "fs1: 2 sessions (level 502, complete)\nCLIENT  USER\n%s  u\nb       v\n", name);
    assert_printed(rows, 2, wanted);
}
END_TEST

START_TEST(control_characters)
{
    static const struct {
        const char *given, *wanted;
    } cases[] = {{"a\x1b[1m", "a\\x1b[1m"},
                 {"\xE2\x80\xAE", "\\u202e"},
                 {"\xF3\xA0\x80\x81", "\\U000e0001"},
                 {"\xFF", "\\xff"},
                 {"\xC3", "\\xc3"},
                 {"\xED\xA0\x80", "\\xed\\xa0\\x80"},
                 {"\xF8\x88\x80\x80", "\\xf8\\x88\\x80\\x80"},
                 {"\x7f\n", "\\x7f\\x0a"}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        wchar_t *clean = text_clean(cases[i].given);
        size_t n = strlen(cases[i].wanted);

        ck_assert_uint_eq(wcslen(clean), n);
        for (size_t c = 0; c < n; c++)
            ck_assert_int_eq((int)clean[c], cases[i].wanted[c]);
        ck_assert_uint_eq(text_width(clean), n);
        free(clean);
    }
    ck_assert_uint_eq(text_width(L"a\x1b"), 2); /* no width is known: one each */
}
END_TEST

Suite *output_suite(void)
{
    Suite *s = suite_create("output");
    TCase *tc = tcase_create("output");

    tcase_add_test(tc, no_rows);
    tcase_add_test(tc, strange_rows);
    tcase_add_test(tc, long_name);
    tcase_add_test(tc, control_characters);
    suite_add_tcase(s, tc);
    return s;
}
