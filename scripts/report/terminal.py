"""Text for a terminal."""

import unicodedata

HANGUL_MEDIALS_AND_FINALS = range(0x1160, 0x1200)  # they join the syllable's beginning
SOFT_HYPHEN = "\u00ad"


def printable(text):
    """A line without what could move the cursor, as a name could."""
    return "".join(character if character.isprintable() else "?" for character in text)


def columns(text):
    """The columns that a text takes, as wcwidth counts them, which `DisplayWidth` of the programs does, too."""
    return len(text) if text.isascii() else sum(map(columns_of, text))


def columns_of(character):
    """None for accents and what formats, two for East Asian characters and emoji."""
    is_mark = unicodedata.category(character) in ("Mn", "Me", "Cf") and character != SOFT_HYPHEN
    if is_mark or ord(character) in HANGUL_MEDIALS_AND_FINALS:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
