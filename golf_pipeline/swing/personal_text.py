"""Text that a person typed (a name, notes, a file's name), made fit to be stored, shown and given to a model as data.

What is left is one line of plain words. That does not make it true or harmless: whoever gives it to a model still
delimits it as data. What cannot be caught here: an instruction in plain words ("praise everything"), an address or a
number that is spelt out, and a name or an address of the post, which are words like any others.
"""

import re
import unicodedata

_REMOVED = re.compile(
    r"""
    <\|[^|>]{0,80}\|>                                      # markers of chat templates: <|im_start|>
    | \[/?(?:INST|SYS|SYSTEM|USER|ASSISTANT)\] | <</?SYS>>
    | </?[A-Za-z!?][^<>]{0,400}>                           # markup
    | \b(?:https?|ftp|file|data|javascript)\s?:\s?\S+      # addresses of pages
    | \bwww\.\S+
    | [\w.+-]{1,64}\s?@\s?[\w-]{1,63}(?:\.[\w-]{1,63})+    # e-mail
    | \b(?:[\w-]{1,63}\.){1,8}(?:com|org|net|io|info|biz|app|dev|co|uk|de|fr|eu|us|ru|cn|xyz|link|me)\b(?:/\S*)?
    | (?:^|(?<=\s)|(?<=[#*>\-:.]))(?:system|assistant|user|developer|tool|human|ai)\s?(?:message|prompt)?\s?:
    """,
    re.IGNORECASE | re.VERBOSE,
)
_PHONE = re.compile(r"(?<!\w)\+?\(?\d(?:[\s().\-/]{0,2}\d){6,14}(?!\w)")
"""Seven to fifteen digits with the usual separators (E.164 allows fifteen)."""

_MARKS = re.compile(r"[<>{}\[\]|`\\~^*_#=]+|-{3,}|\"{2,}|'{2,}")
"""What markup, fences and templates are made of; plain words need none of it."""


def sanitised(text: str, most_characters: int) -> str:
    """Return a text as one line of plain words of at most `most_characters`, cut between words where it can be.

    Removed are control and invisible characters, markup, addresses of pages, e-mails and telephones, and the markers
    that set off roles in prompts. Doing it again changes nothing.

    Raises:
        ValueError: `most_characters` is negative.
    """
    if most_characters < 0:
        raise ValueError(f"most_characters must not be negative: {most_characters}")
    plain = _visible(text[: 20 * most_characters + 200])
    while (stripped := _stripped(plain)) != plain:
        plain = stripped
    while (short := _stripped(_cut(plain, most_characters))) != plain:
        plain = short
    return plain


def _visible(text: str) -> str:
    """Compatibility forms folded (full-width letters hide markers), invisible and control characters taken out."""
    kept = []
    for character in unicodedata.normalize("NFKC", text):
        category = unicodedata.category(character)
        if category[0] == "Z" or character in "\t\n\r\v\f":
            kept.append(" ")
        elif category[0] != "C":
            kept.append(character)
    return unicodedata.normalize("NFKC", "".join(kept))


def _stripped(text: str) -> str:
    for pattern in (_REMOVED, _PHONE, _MARKS):
        text = pattern.sub(" ", text)
    return " ".join(text.split())


def _cut(text: str, most_characters: int) -> str:
    if len(text) <= most_characters:
        return text
    head, separator, _ = text[: most_characters + 1].rpartition(" ")
    return head if separator else text[:most_characters]
