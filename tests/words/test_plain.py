"""Text that reaches a terminal: no character in it is more than a sign on the screen."""

import unicodedata

import pytest

from jug.words.plain import plain, plain_line

# What must not reach a terminal: C0, DEL, C1, directions of writing, separators, halves of characters.
CONTROLS = [*map(chr, range(0x20)), *map(chr, range(0x7F, 0xA0))]
DIRECTIONS = [*"\u061c\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"]
HALVES = [chr(0xD800), chr(0xDBFF), chr(0xDC80), chr(0xDFFF)]
KEPT = "node-7.example.org Zoë Łukasz 王芳 अनु 🧬 e\u0301 a\u00a0b\u3000c \ue000 \\x1b"


@pytest.mark.parametrize("clean", [plain, plain_line])
def test_no_control_character_direction_or_half_is_left(clean):
    for character in (*CONTROLS, *DIRECTIONS, *HALVES):
        if character in "\t\n" and clean is plain:
            continue
        cleaned = clean(f"a{character}b")
        assert cleaned == f"a{character.encode('unicode_escape').decode()}b"
        assert cleaned.isprintable() and cleaned.isascii()


@pytest.mark.parametrize("clean", [plain, plain_line])
def test_all_that_people_write_stays(clean):
    assert clean(KEPT) == KEPT
    assert clean(KEPT + "\x1b") == KEPT + "\\x1b"


def test_lines_and_tabs_stay_where_there_may_be_several():
    text = "Traceback:\n\tFile x\n\n\tline"
    assert plain(text) == text
    assert plain_line(text) == "Traceback:\\n\\tFile x\\n\\n\\tline"
    assert plain(text + "\r\x1b[2J") == text + "\\r\\x1b[2J"


def test_every_character_of_unicode_is_a_sign_or_escaped():
    cleaned = plain_line("".join(map(chr, range(0x110000))))
    kinds = {unicodedata.category(character) for character in cleaned}
    assert not kinds & {"Cc", "Cs", "Zl", "Zp"}
    assert not any(unicodedata.bidirectional(character) in {"RLO", "LRO", "RLE", "LRE", "PDF"} for character in cleaned)
    cleaned.encode("utf-8")
