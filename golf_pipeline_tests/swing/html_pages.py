"""Reading the project's own HTML pages in tests, with the parser of the standard library."""

import re
from html.parser import HTMLParser
from typing import NamedTuple

VOID = {"meta", "img", "br", "link", "input"}


class Element(NamedTuple):
    tag: str
    attributes: dict[str, str]


class Page(HTMLParser):
    """The elements of a page in order, with what is wrong about its structure."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text
        self.elements: list[Element] = []
        self.misnested: list[str] = []
        self._open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.misnested.append(tag)

    def all(self, *tags: str) -> list[Element]:
        return [element for element in self.elements if element.tag in tags]

    @property
    def headings(self) -> list[int]:
        return [int(tag[1]) for tag, _ in self.elements if re.fullmatch("h[1-6]", tag)]

    @property
    def colours(self) -> list[dict[str, tuple[int, int, int]]]:
        """The colour variables of each `:root` of the page: the light ones, then the dark ones."""
        roots = re.findall(r":root \{(.*?)\}", self.text, re.S)
        found = [re.findall(r"--(\w+):#([0-9a-f]{6})", root) for root in roots]
        return [{name: tuple(bytes.fromhex(value)) for name, value in pairs} for pairs in found]  # type: ignore[misc]


def assert_is_a_sound_page(text: str) -> Page:
    """A page that needs nothing else, hides nothing from a screen reader, and is nested as it should be."""
    page = Page(text)
    assert text.lstrip().startswith("<!doctype html>")
    assert page.misnested == []
    assert page.all("html")[0].attributes["lang"] == "en"
    assert not page.all("script", "link", "iframe", "object", "form", "base")
    assert not [one for one in page.elements if any(name.startswith("on") for name in one.attributes)]
    identities = [one.attributes["id"] for one in page.elements if "id" in one.attributes]
    assert len(identities) == len(set(identities))
    places = [
        one.attributes[name] for one in page.elements for name in ("src", "href", "srcset") if name in one.attributes
    ]
    outside = [place for place in places if not place.startswith("data:image/jpeg;base64,")]
    assert {place.removeprefix("#") for place in outside} <= set(identities)
    assert "url(" not in text
    assert "@import" not in text
    policy = next(one.attributes["content"] for one in page.all("meta") if "http-equiv" in one.attributes)
    assert policy.startswith("default-src 'none'")
    assert all(len(one.attributes["alt"]) > 20 for one in page.all("img"))
    for one in page.all("svg"):
        named = one.attributes.keys() & {"aria-label", "aria-labelledby"}
        assert one.attributes.get("aria-hidden") == "true" or (one.attributes["role"] == "img" and named)
    assert page.headings[0] == 1
    assert page.headings.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(page.headings, page.headings[1:], strict=False))
    drawn = [
        value for tag, one in page.elements for name, value in one.items() if tag in SHAPES and name != "aria-label"
    ]
    assert not [value for value in drawn if re.search("nan|inf|None", value)]
    return page


SHAPES = {"svg", "rect", "line", "circle", "polyline", "polygon", "path", "text"}


def contrast(one: tuple[int, int, int], other: tuple[int, int, int]) -> float:
    """Contrast ratio of two sRGB colours, 1..21 (WCAG 2.2, 1.4.3)."""

    def luminance(colour: tuple[int, int, int]) -> float:
        linear = [
            share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4
            for share in (channel / 255 for channel in colour)
        ]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)
