"""What both pages are asked in a real browser: contrast, what the keyboard reaches, and whether text stayed text."""

HOSTILE = (
    "</script><script>window.broken = 'script'</script>",
    "<img src=x onerror=\"window.broken = 'image'\"> <svg onload=\"window.broken = 'svg'\">",
    "<!-- ]]> {{ 7 * 7 }} ${window.broken = 'template'} \\u003c/script> \u2028 \u2029 &lt;b&gt;",
    "\u202egnp.exe \u2066 turned \u200f and \x00 null \x07 bell \ufeff mark",
    "javascript:window.broken='link' \" onmouseover=\"window.broken='attribute'",
)

LOW_CONTRAST = """
const light = (part) => { part /= 255; return part <= .04045 ? part / 12.92 : ((part + .055) / 1.055) ** 2.4; };
const parts = (color) => color.match(/[\\d.]+/g).map(Number);
const luminance = ([r, g, b]) => .2126 * light(r) + .7152 * light(g) + .0722 * light(b);
const behind = (element) => {
  for (let at = element; at; at = at.parentElement) {
    const [r, g, b, a = 1] = parts(getComputedStyle(at).backgroundColor);
    if (a === 1) return [r, g, b];
    if (a !== 0) return null;
  }
  return [255, 255, 255];
};
const silent = ['SCRIPT', 'STYLE', 'TITLE', 'title', 'OPTION', 'NOSCRIPT'];
const found = [];
let looked = 0;
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement;
  const words = walker.currentNode.data.trim().slice(0, 40);
  if (!words || silent.includes(element.tagName)) continue;
  if (!element.checkVisibility() || element.closest(':disabled')) continue;
  const style = getComputedStyle(element);
  const text = parts(element.closest('svg') ? style.fill : style.color).slice(0, 3);
  const ground = behind(element);
  const [high, low] = [luminance(text), luminance(ground)].sort((a, b) => b - a);
  const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700);
  const ratio = (high + .05) / (low + .05);
  looked += 1;
  if (ratio < (large ? 3 : 4.5)) found.push(`${ratio.toFixed(2)} ${element.tagName}.${element.className} ${words}`);
}
return [looked, [...new Set(found)]];
"""

UNNAMED = """
const named = (one) => one.textContent.trim() || one.ariaLabel || one.closest('label')?.textContent.trim();
return [...document.querySelectorAll('button, a, input, select, [role=region], [role=listbox]')]
  .filter((one) => one.checkVisibility() && !named(one)).map((one) => one.outerHTML.slice(0, 80));
"""

ACTIVE_CONTENT = """
const active = (one) => [...one.attributes].some((attribute) => /^on/i.test(attribute.name));
return [document.scripts.length, document.images.length,
  document.querySelectorAll('iframe, object, embed, form[action]').length,
  [...document.querySelectorAll('*')].filter(active).length, typeof window.broken];
"""
"""How many scripts, images, embedded things and event attributes the page has, and what became of ``broken``."""

FOCUS = """
const at = document.activeElement;
const style = getComputedStyle(at);
return [at.tagName, at.id, style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2];
"""


def tabbed(page, times):
    """Press Tab and return what had the focus after each: (tag, id, whether it shows)."""
    seen = []
    for _ in range(times):
        page.press("Tab")
        seen.append(page.js(FOCUS))
    return seen


def dark(page):
    """Say whether the page is dark now."""
    return page.js("return getComputedStyle(document.documentElement).colorScheme") == "dark"


def ids(page):
    return page.js("return [...document.querySelectorAll('#list .id')].map((one) => one.textContent)")


def choose(page, facet, value):
    """Choose the value of a filter, as a hand would."""
    page.js(
        "const by = document.getElementById(`by-${arguments[0]}`); by.value = arguments[1];"
        "by.dispatchEvent(new Event('change'))",
        facet,
        value,
    )


def search(page, text):
    """Put text into the search field, whatever characters it has."""
    page.js(
        "const box = document.getElementById('search'); box.value = arguments[0];box.dispatchEvent(new Event('input'))",
        text,
    )


def search_and_wait(page, text):
    """Search and wait until the list marks the text."""
    search(page, text)
    page.until("return document.querySelector('#list mark')?.textContent === arguments[0]", text)


def rows_shown(page, number):
    """Wait until the list has that many rows."""
    page.until("return document.querySelectorAll('#list [role=option]').length === arguments[0]", number)
