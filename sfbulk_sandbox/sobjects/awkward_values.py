"""Values that are legal in an org and break readers that are careless with them."""

from __future__ import annotations

LONGEST_TEXT = 131_072
"""Characters that a long text area holds at most (Salesforce, "Custom Field Types")."""

AWKWARD_TEXTS = (
    "plain",
    'say "hello"',
    '"',
    '""',
    "comma, comma",
    "line one\nline two",
    "carriage\rreturn",
    "both\r\nends",
    "\n",
    'a "quote"\r\nand, a comma',
    "line\u2028separator",
    "next\u0085line",
    "vertical\x0btab",
    "file\x1cseparator",
    "NUL\x00inside",
    "\x00",
    "emoji 👩‍👩‍👧‍👦 🏴󠁧󠁢󠁳󠁣󠁴󠁿",
    "combining e\u0301 n\u0303",
    "عربى שלום",
    "\ufeffbyte order mark",
    "00123",
    "NA",
    "null",
    "NULL",
    "nan",
    "None",
    "true",
    "1E7",
    "0x1F",
    "1,5",
    "=1+1",
    "@import",
    " leading blank",
    "trailing blank ",
    " ",
    "tab\tinside",
    "\t",
    "back\\slash",
    "semi;colon|pipe^caret`tick",
    "%_like_%",
    "it's",
    None,
)

AWKWARD_DOUBLES = (
    "0.0",
    "150.0",
    "-1.5",
    "9.9213206E7",
    "1.15056052E8",
    "1.0E7",
    "9999999.0",
    "1.6147805824397E13",
    "1.0E-5",
    "0.001",
    "-0.0",
    "1.7976931348623157E308",
    "4.9E-324",
    "NaN",
    "Infinity",
    "-Infinity",
    "0.1",
    "0.30000000000000004",
    "12345678901234567.89",
    "3.141592653589793238462643383279",
    None,
)

AWKWARD_INTS = ("0", "47.0", "-1", "99999999", "0.0", "2147483647", "-2147483648", "5", None)

AWKWARD_LONGS = (
    "0",
    "9007199254740993",
    "9223372036854775807",
    "-9223372036854775808",
    "47.0",
    "1.6147805824397E13",
    None,
)

AWKWARD_DECIMALS = (
    "0.0",
    "1234567890123456.0",
    "999999999999999.999",
    "0.1",
    "1.0E7",
    "-2.5",
    "100.0",
    None,
)

AWKWARD_DATES = (
    "1899-12-31",
    "1700-01-01",
    "1970-01-01",
    "2000-02-29",
    "1969-12-31",
    "4000-12-31",
    None,
)

AWKWARD_DATETIMES = (
    "1700-01-01T00:00:00.000Z",
    "1899-12-31T23:59:59.000Z",
    "1969-12-31T23:59:59.000Z",
    "1970-01-01T00:00:00.000Z",
    "2000-02-29T12:00:00.000Z",
    "2016-12-31T23:59:59.000Z",
    None,
)

AWKWARD_TIMES = ("00:00:00.000Z", "23:59:59.999Z", "12:30:00.000Z", "07:05:03.001Z", None)
