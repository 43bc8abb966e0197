"""Whether a customer's words say nothing but thanks."""

from collections.abc import Iterable

from libs.kit.text import words

_LONGEST = 40
"""Words: whoever writes more has more to say."""


def only_thanks(text: str, phrases: Iterable[str]) -> bool:
    """The whole text is made of these phrases, one after the other; diacritics, case and punctuation are not looked at."""
    said = words(text)
    if not 0 < len(said) <= _LONGEST:
        return False
    known = [words(phrase) for phrase in phrases]
    reached = {0}
    for place in range(len(said)):
        if place in reached:
            reached |= {place + len(each) for each in known if said[place : place + len(each)] == each}
    return len(said) in reached
