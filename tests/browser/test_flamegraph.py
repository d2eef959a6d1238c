#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_flamegraph.py - uses flame graphs as people do: search, zoom, keys, narrow and wide, dark.

Usage: test_flamegraph.py PENDFLAME SAMPLES OUT
SAMPLES is the folder of recorded `perf script` texts; pictures of what was seen go into OUT.
"""
import pathlib
import re
import subprocess
import sys

from browser import SCHEMES, WIDTHS, Browser, Failures
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

# Texts that reach out of their box, of all that is shown.
OVERFLOWS = """
const wrong = [];
for (const text of document.querySelectorAll('svg.pendflame text')) {
    if (!text.textContent || getComputedStyle(text.closest('svg')).display === 'none')
        continue;
    const box = text.closest('svg').getBoundingClientRect(), seen = text.getBoundingClientRect();
    if (seen.right > box.right + 0.5 || seen.left < box.left - 0.5 ||
        seen.bottom > box.bottom + 1.5 || seen.top < box.top - 1.5)
        wrong.push(text.textContent);
}
return wrong;
"""
# Names that are cut though they would fit, or without saying so.
CUTS = """
const wrong = [];
for (const box of document.querySelectorAll('svg.pendflame .f')) {
    if (getComputedStyle(box).display === 'none')
        continue;
    const name = box.querySelector('title').textContent.split('\\n')[0];
    const shown = box.querySelector('text').textContent;
    const width = box.getBoundingClientRect().width;
    if (shown === name)
        continue;
    if (shown === '' ? width > 6 + 7.5 * 4 : !shown.endsWith('\u2026') ||
        !name.startsWith(shown.slice(0, -1)) || width > 12 + 7.5 * (name.length + 1))
        wrong.push([name, shown, width]);
}
return wrong;
"""
CONTRAST = """
const light = color => {
    const parts = color.match(/[0-9.]+/g).slice(0, 3).map(part => {
        part /= 255;
        return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
};
let worst = 21;
for (const box of document.querySelectorAll('svg.pendflame .f')) {
    const a = light(getComputedStyle(box.querySelector('text')).fill);
    const b = light(getComputedStyle(box.querySelector('rect')).fill);
    worst = Math.min(worst, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05));
}
return worst;
"""


def make(pendflame, samples, out):
    """The pictures that are tested: on a CPU, off it, and a comparison."""
    def flame(arguments, given):
        return subprocess.run([pendflame, *arguments], input=given, check=True,
                              capture_output=True).stdout

    cpu = flame(["fold", "--operations", "1000000"], (samples / "cpu.perf").read_bytes())
    other = flame(["fold", "--operations", "1000000"], (samples / "cpu-base.perf").read_bytes())
    off = flame(["fold", "--off-cpu"], (samples / "off-cpu.perf").read_bytes())
    (out / "base.folded").write_bytes(other)
    pictures = {
        "cpu": flame(["svg", "--unit", "ps-each", "--title", "lookup/hit: time on a CPU"], cpu),
        "off-cpu": flame(["svg", "--palette", "off-cpu", "--unit", "us", "--title",
                          "lookup/hit of the mutex table: time off the CPU"], off),
        "diff": flame(["svg", "--unit", "ps-each", "--base", str(out / "base.folded"),
                       "--title", "lookup/hit, batches against single calls"], cpu),
    }
    for name, svg in pictures.items():
        (out / f"flame-{name}.svg").write_bytes(svg)
    page = "<!doctype html><meta charset=utf-8><title>two</title><body style='margin:0'>"
    page += "".join(pictures[name].decode() for name in ("cpu", "off-cpu"))
    (out / "flame-page.html").write_text(page)
    return pictures


def shown(browser, picture=0):
    return browser.run("return [...document.querySelectorAll('svg.pendflame')[arguments[0]]"
                       ".querySelectorAll('.f')].filter(f => f.style.display !== 'none').length",
                       picture)


def details(browser, picture=0):
    return browser.run("return document.querySelectorAll('svg.pendflame .flame-details text')"
                       "[arguments[0]].textContent", picture)


def looks(browser, out, name, failures):
    for scheme in SCHEMES:
        for width in WIDTHS:
            browser.shape(width, scheme)
            where = f"{name}, {width} px, {scheme}"
            for kind, script in (("overflow", OVERFLOWS), ("cut", CUTS)):
                wrong = browser.run(script)
                failures.check(not wrong, f"{where}: {kind}: {wrong[:3]}")
            failures.check(browser.run(CONTRAST) >= 4.5,
                           f"{where}: contrast {browser.run(CONTRAST):.1f}")
            across = browser.run("return document.documentElement.scrollWidth")
            failures.check(across <= width, f"{where}: the page is {across} px wide")
            browser.picture(out / f"flame-{name}-{width}-{scheme}.png")


def search(browser, failures, picture, word):
    box = browser.driver.find_elements(By.CSS_SELECTOR, "svg.pendflame input")[picture]
    ActionChains(browser.driver).click(box).send_keys(word).perform()
    hits = browser.run("return document.querySelectorAll('svg.pendflame')[arguments[0]]"
                       ".querySelectorAll('.f.hit').length", picture)
    names = browser.run("return [...document.querySelectorAll('svg.pendflame')[arguments[0]]"
                        ".querySelectorAll('.f title')].map(t => t.textContent.split('\\n')[0])",
                        picture)
    expected = sum(word in name.lower() for name in names)
    failures.check(expected and hits == expected, f"search {word}: {hits} of {expected} are marked")
    told = details(browser, picture)
    match = re.match(r"(\d+) box(?:es)?, ([\d.]+) %", told)
    failures.check(match and int(match[1]) == hits and 0 < float(match[2]) <= 100,
                   f"search {word}: \"{told}\" is shown")


def zoom_by_click(browser, failures):
    browser.shape(1600, "light")
    every = shown(browser)
    target = browser.driver.find_element(By.XPATH,
                                         "//*[@class='f h2' or starts-with(@class, 'f ')]"
                                         "[*[starts-with(text(), 'pend_map_lookup\n')]]")
    ActionChains(browser.driver).move_to_element(target).perform()
    failures.check(details(browser).startswith("pend_map_lookup"),
                   f"pointed at: \"{details(browser)}\" is shown")
    target.click()
    width = browser.run("return arguments[0].getBoundingClientRect().width", target)
    failures.check(width > 1590, f"zoomed in by a click: {width} px wide")
    failures.check(shown(browser) < every, "zoomed in: boxes beside it are still shown")
    failures.check(not browser.run(OVERFLOWS), "zoomed in: overflow")
    browser.driver.find_element(By.CSS_SELECTOR, "svg.pendflame button").click()
    failures.check(shown(browser) == every, "reset: not all boxes are back")


def zoom_by_keys(browser, failures):
    def press(*keys):
        ActionChains(browser.driver).send_keys(*keys).perform()

    def focused():
        return browser.run("const f = document.activeElement;"
                           "return f && f.matches('.f') ? f.querySelector('title').textContent : ''"
                           ).split("\n")[0]

    every = shown(browser)
    for _ in range(6):
        if focused():
            break
        press(Keys.TAB)
    failures.check(focused() == "all", f"tab leads to \"{focused()}\"")
    press(*[Keys.ARROW_UP] * 5)
    here = focused()
    failures.check(here not in ("", "all"), f"arrow up leads to \"{here}\"")
    press(Keys.ARROW_LEFT)
    aside = focused()
    if aside == here:
        press(Keys.ARROW_RIGHT)
        aside = focused()
        press(Keys.ARROW_LEFT)
    else:
        press(Keys.ARROW_RIGHT)
    failures.check(aside != here, "no arrow leads aside")
    failures.check(focused() == here, "arrows aside do not lead back")
    press(Keys.ENTER)
    width = browser.run("return document.activeElement.getBoundingClientRect().width")
    failures.check(width > 1590, f"zoomed in by enter: {width} px wide")
    press(Keys.ESCAPE)
    failures.check(shown(browser) == every, "escape: not all boxes are back")
    press(Keys.ARROW_DOWN)
    failures.check(focused() not in ("", here), "arrow down stays")
    ActionChains(browser.driver).key_down(Keys.CONTROL).send_keys("f").key_up(
        Keys.CONTROL).perform()
    failures.check(browser.run("return document.activeElement.tagName.toLowerCase()") == "input",
                   "control f does not lead to the search")


def two_in_a_page(browser, out, failures):
    browser.open(out / "flame-page.html")
    looks(browser, out, "page", failures)
    browser.shape(1600, "light")
    search(browser, failures, 1, "mutex")
    other = browser.run("return document.querySelector('svg.pendflame')"
                        ".querySelectorAll('.hit').length")
    failures.check(other == 0, "a search in one picture marks boxes of another")


def main():
    pendflame, samples, out = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    out.mkdir(parents=True, exist_ok=True)
    failures = Failures()
    with Browser() as browser:
        for name in make(pendflame, samples, out):
            browser.open(out / f"flame-{name}.svg")
            looks(browser, out, name, failures)
        browser.open(out / "flame-cpu.svg")
        browser.shape(1600, "light")
        search(browser, failures, 0, "lookup")
        failures.check(browser.run(CONTRAST) >= 4.5, f"found: {browser.run(CONTRAST):.1f}")
        browser.picture(out / "flame-search.png")
        ActionChains(browser.driver).send_keys(Keys.ESCAPE).perform()
        failures.check(not browser.run("return document.querySelectorAll('.hit').length"),
                       "escape does not clear the search")
        zoom_by_click(browser, failures)
        zoom_by_keys(browser, failures)
        two_in_a_page(browser, out, failures)
        failures.check(not browser.complaints(), f"console: {browser.complaints()}")
        failures.check(not browser.requests(), f"asked for {browser.requests()}")
    failures.finish()


if __name__ == "__main__":
    main()
