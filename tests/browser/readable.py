"""What every page keeps for readers who see little, type with the keyboard, enlarge the text, or look from a small phone.

Each check gives complaints in words; none means that the page keeps it (WCAG 2.2: 1.4.3, 1.4.10, 1.4.12, 2.4.11, 2.5.8 and what axe
can tell).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from axe_playwright_python.sync_playwright import Axe

if TYPE_CHECKING:
    from playwright.sync_api import Page

PHONE = {"width": 390, "height": 780}
SMALLEST = {"width": 320, "height": 256}
"""1280 x 1024 enlarged four times (WCAG 1.4.10)."""
MOST_STOPS = 80

_AXE: Final = Axe().axe_script
_RULES: Final = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
_RUN = "options => axe.run({ ...options, resultTypes: ['violations'] }).then(found => found.violations)"
"""Only what is wrong comes back: all that axe looked at would be megabytes for a long page."""

_SPACED = """() => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important }
    p { margin-bottom: 2em !important }`);
  document.adoptedStyleSheets = [sheet];
}"""
_PLAIN = "() => { document.adoptedStyleSheets = [] }"

_CUT_OFF = """() => {
  const found = [], name = (one) => `${one.tagName.toLowerCase()} "${(one.textContent || one.id).trim().slice(0, 40)}"`;
  const shown = (one) => one.checkVisibility({ visibilityProperty: true }) && !one.closest(".sr, .skip");
  const wide = document.documentElement.scrollWidth;
  if (wide > innerWidth) {
    const far = [...document.querySelectorAll("main *")].find((one) => shown(one)
      && one.getBoundingClientRect().right > innerWidth + 1 && !one.closest("pre, .scroll, table"));
    found.push(`the page is ${wide} pixels wide, of ${innerWidth}: ${far ? name(far) : "?"}`);
  }
  for (const one of document.querySelectorAll("body *")) {
    const style = getComputedStyle(one);
    // What does not fit into a field is reached with the arrow keys.
    const hides = ["hidden", "clip"].includes(style.overflowX) && !one.matches("input, textarea");
    if (shown(one) && hides && one.scrollWidth > one.clientWidth + 1 && one.clientWidth > 1) found.push(`cut off: ${name(one)}`);
  }
  return found;
}"""

_SMALL = """() => {
  const found = [];
  for (const one of document.querySelectorAll("a[href], button, summary, input, select, textarea")) {
    if (!one.checkVisibility({ visibilityProperty: true }) || one.closest(".skip")) continue;
    // A link within a sentence is as high as the sentence is (the exception "inline" of 2.5.8).
    if (one.tagName === "A" && getComputedStyle(one).display === "inline") continue;
    const box = (one.matches("[type=radio], [type=checkbox]") && one.closest("label") || one).getBoundingClientRect();
    const least = one.matches("button:not(.plain), .button, .choices input") ? 44 : 24;
    const text = (one.textContent || one.id).trim().slice(0, 40);
    if (box.width > 0 && Math.min(box.width, box.height) < least - 0.5)
      found.push(`${one.tagName} "${text}": ${box.width.toFixed()} x ${box.height.toFixed()}`);
  }
  return found;
}"""

_PLANTED = """() => {
  const strange = `iframe, object, embed, base, math, video, audio, marquee, template, main link, main style,
    main script:not([type='application/json'], [integrity])`;
  const acts = (at) => at.name.startsWith("on") || (at.name !== "value" && /^\\s*(java|data:text)/i.test(at.value));
  return [...document.querySelectorAll("*")].filter((one) => one.matches(strange) || [...one.attributes].some(acts))
    .map((one) => one.outerHTML.slice(0, 200));
}"""
"""Elements and attributes that none of our pages has: there is one when a text has become markup."""

_FOCUSED = """() => {
  const one = document.activeElement;
  if (one === null || one === document.body) return null;
  const lines = [...one.getClientRects()], text = (one.textContent || one.id || one.tagName).trim().slice(0, 40);
  const seen = lines.some((box) => {
    const x = box.left + Math.min(box.width / 2, 20), y = box.top + box.height / 2;
    const top = document.elementFromPoint(x, y);
    return top !== null && (one.contains(top) || top.contains(one) || top.closest("label")?.control === one);
  });
  const style = getComputedStyle(one), label = one.closest("label");
  const ringed = style.outlineStyle !== "none" || style.boxShadow !== "none"
    || (label !== null && getComputedStyle(label).outlineStyle !== "none");
  return [text, seen, ringed];
}"""


def violations(page: Page) -> list[str]:
    """What axe objects to."""
    if page.evaluate("() => typeof axe === 'undefined'"):
        page.evaluate(_AXE)
    found = page.evaluate(_RUN, _RULES)
    return [f"{one['id']}: {node['html'][:120]} ({node['failureSummary'][:200]})" for one in found for node in one["nodes"]]


def hard_to_read(page: Page) -> list[str]:
    """Complaints about the page as it stands, in light and in dark, on a phone and on the smallest one, and with wide spacing.

    All rules of axe are asked in both colour schemes: in dark, all of them take only 0.03 s longer than contrast alone.
    """
    found = [f"light: {one}" for one in violations(page)]
    page.emulate_media(color_scheme="dark")
    found += [f"dark: {one}" for one in violations(page)]
    page.emulate_media(color_scheme="light")
    found += [f"target: {one}" for one in page.evaluate(_SMALL)]
    page.set_viewport_size(SMALLEST)  # type: ignore[arg-type]  # playwright wants a TypedDict
    found += [f"320 pixels: {one}" for one in page.evaluate(_CUT_OFF)]
    page.evaluate(_SPACED)
    found += [f"320 pixels, wide spacing: {one}" for one in page.evaluate(_CUT_OFF)]
    page.evaluate(_PLAIN)
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    return found


def hidden_stops(page: Page) -> list[str]:
    """What the Tab key reaches on the smallest phone without being seen, or without a ring that shows where one is."""
    page.set_viewport_size(SMALLEST)  # type: ignore[arg-type]
    found, texts = [], []
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        stop = page.evaluate(_FOCUSED)
        if stop is None:
            break
        text, seen, ringed = stop
        texts.append(text)
        found += [] if seen else [f"hidden: {text}"]
        found += [] if ringed else [f"without a ring: {text}"]
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    assert texts, "the Tab key reaches nothing"
    return found


def planted(page: Page) -> list[str]:
    """What a text has become that wants to be more than text."""
    return [f"planted: {one}" for one in page.evaluate(_PLANTED)]
