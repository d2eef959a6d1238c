#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_report.py - opens the report of a real, small run as people do, and looks at all of it.

Usage: test_report.py PENDBENCH PENDFLAME SAMPLES OUT
The run, which finds flame graphs of SAMPLES, and pictures of its report go into OUT.
"""
import json
import pathlib
import subprocess
import sys

import test_flamegraph
from browser import SCHEMES, WIDTHS, Browser, Failures
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By

# Texts of a plot that lie on each other or leave the plot; plots that show nothing.
PLOTS = """
const wrong = [];
const plots = [...document.querySelectorAll('figure.plot > svg')];
for (const plot of plots) {
    const frame = plot.getBoundingClientRect();
    if (!frame.width)
        continue;
    const name = (plot.querySelector('title') || plot).textContent.slice(0, 60);
    const texts = [...plot.querySelectorAll('text')].filter(text => text.textContent.trim())
        .map(text => ({ what: text.textContent, box: text.getBoundingClientRect() }))
        .filter(text => text.box.width);
    for (const text of texts)
        if (text.box.left < frame.left - 1 || text.box.right > frame.right + 1 ||
            text.box.top < frame.top - 2 || text.box.bottom > frame.bottom + 2)
            wrong.push(name + ': cut: ' + text.what);
    texts.forEach((one, i) => texts.slice(i + 1).forEach(other => {
        const across = Math.min(one.box.right, other.box.right) -
            Math.max(one.box.left, other.box.left);
        const along = Math.min(one.box.bottom, other.box.bottom) -
            Math.max(one.box.top, other.box.top);
        if (across > 1 && along > 0.25 * Math.min(one.box.height, other.box.height))
            wrong.push(name + ': overlap: ' + one.what + ' / ' + other.what);
    }));
    const drawn = [...plot.querySelectorAll('path, rect, circle, line, polyline, polygon')]
        .filter(shape => !/grid|axis|level|frame/.test(shape.getAttribute('class') || ''));
    if (!drawn.length)
        wrong.push(name + ': empty');
}
return [plots.length, wrong];
"""
OPEN = "document.querySelectorAll('details').forEach(fold => { fold.open = true; });"
ROWS = "return [...document.querySelectorAll('table.data tbody tr')]"
SHOWN = ROWS + ".filter(row => !row.hidden)"


def measure(pendbench, pendflame, samples, out):
    folder = out / "report"
    (folder / "flamegraphs").mkdir(parents=True, exist_ok=True)
    test_flamegraph.make(pendflame, samples, folder / "flamegraphs")
    result = subprocess.run([pendbench, "run", "--smoke", "--no-progress", "--out", str(folder)],
                            capture_output=True, text=True, timeout=200)
    if result.returncode:
        print(result.stdout[-2000:], result.stderr[-2000:])
        sys.exit(1)
    return folder


def looks(browser, out, failures):
    for scheme in SCHEMES:
        for width in WIDTHS:
            browser.shape(width, scheme)
            where = f"{width} px, {scheme}"
            across = browser.run("return document.documentElement.scrollWidth")
            failures.check(across <= width, f"{where}: the page is {across} px wide")
            plots, wrong = browser.run(PLOTS)
            failures.check(plots > 0, f"{where}: no plots")
            failures.check(not wrong, f"{where}: {len(wrong)} in {plots} plots: {wrong[:4]}")
            browser.picture(out / f"report-{width}-{scheme}.png")


def sort(browser, failures):
    table = browser.run("return [...document.querySelectorAll('table.data')].find(table =>"
                        " new Set([...table.querySelectorAll('tbody td[data-sort]')]"
                        ".map(cell => cell.dataset.sort)).size > 3).id")
    column = browser.run("return [...document.getElementById(arguments[0]).tBodies[0].rows[0]"
                         ".cells].findIndex(cell => cell.dataset.sort !== undefined)", table)
    keys = f"return [...document.getElementById('{table}').tBodies[0].rows].map(row =>" \
           f" row.cells[{column}].dataset.sort).filter(key => key !== undefined).map(Number)"
    before = browser.run(keys)
    for descending in (False, True):
        browser.run("document.getElementById(arguments[0]).click()", f"{table}-sort-{column}")
        after = browser.run(keys)
        failures.check(after == sorted(before, reverse=descending),
                       f"{table}, column {column}: not sorted: {after[:5]}")


def narrow_down(browser, failures):
    every = len(browser.run(SHOWN))
    field = browser.driver.find_element(By.ID, "filter")
    field.send_keys("lookup")
    rows = browser.run(SHOWN + ".map(row => row.closest('table').id + ' ' + row.textContent)")
    failures.check(0 < len(rows) < every, f"filter: {len(rows)} of {every} rows are left")
    failures.check(all("lookup" in row.lower() for row in rows), "filter: other rows are left")
    field.clear()
    field.send_keys(" ")
    failures.check(len(browser.run(SHOWN)) == every, "filter: rows are not back")


def themes(browser, failures):
    browser.shape(1600, "light")
    page = "return getComputedStyle(document.body).backgroundColor"
    light = browser.run(page)
    button = browser.driver.find_element(By.ID, "theme")
    button.click()
    dark = browser.run(page)
    button.click()
    failures.check(dark != light and browser.run(page) == light, f"theme: {light}, {dark}")


def flames(browser, out, failures):
    """Flame graphs in the page: as wide as it, searched apart, and their labels in their boxes."""
    for width in WIDTHS:
        browser.shape(width, "dark")
        for kind in ("OVERFLOWS", "CUTS"):
            wrong = browser.run(getattr(test_flamegraph, kind))
            failures.check(not wrong, f"flame graphs, {width} px: {kind}: {wrong[:3]}")
    pictures = browser.driver.find_elements(By.CSS_SELECTOR, "#flames svg.pendflame")
    failures.check(len(pictures) == 3, f"{len(pictures)} flame graphs in the report")
    for picture in pictures[:1]:
        field = picture.find_element(By.CSS_SELECTOR, "input")
        browser.run("arguments[0].scrollIntoView({ block: 'center' })", field)
        ActionChains(browser.driver).click(field).send_keys("lookup").perform()
        browser.picture(out / "report-flames.png", picture)
        hits = browser.run("return [arguments[0].querySelectorAll('.hit').length,"
                           " document.querySelectorAll('.hit').length]", picture)
        failures.check(hits[0] > 0 and hits[0] == hits[1], f"found in the report: {hits}")


def data(browser, folder, failures):
    raw = json.loads(browser.run("return document.getElementById('raw').textContent"))
    stored = json.loads((folder / "results.json").read_text())
    failures.check(raw.get("schema") == stored["schema"], f"raw data: {raw.get('schema')}")
    failures.check(len(raw["series"]) == len(stored["series"]) > 0, "raw data: series are missing")


def numbers_of(browser):
    return browser.run("return [document.getElementById('judgement').textContent.trim(),"
                       " [...document.querySelectorAll('table.data tbody td.number')]"
                       ".filter(cell => /\\d/.test(cell.textContent)).length,"
                       " document.querySelectorAll('figure.plot > svg').length]")


def without_scripts(page, expected, failures):
    with Browser() as browser:
        browser.command("Emulation.setScriptExecutionDisabled", value=True)
        browser.open(page)
        failures.check(not browser.run("return document.querySelectorAll('th button').length"),
                       "without scripts: a script ran")
        failures.check(numbers_of(browser) == expected,
                       f"without scripts: {numbers_of(browser)}, with them {expected}")


def main():
    pendbench, pendflame = sys.argv[1:3]
    samples, out = pathlib.Path(sys.argv[3]), pathlib.Path(sys.argv[4])
    out.mkdir(parents=True, exist_ok=True)
    failures = Failures()
    with Browser() as browser:
        folder = measure(pendbench, pendflame, samples, out)
        page = folder / "report.html"
        browser.open(page)
        looks(browser, out, failures)
        browser.run(OPEN)
        browser.shape(400, "light")
        across = browser.run("return document.documentElement.scrollWidth")
        failures.check(across <= 400, f"400 px, all open: the page is {across} px wide")
        browser.shape(1600, "light")
        _, wrong = browser.run(PLOTS)
        failures.check(not wrong, f"all open: {len(wrong)} in plots: {wrong[:4]}")
        expected = numbers_of(browser)
        failures.check(len(expected[0]) > 20 and expected[1] > 20, f"few numbers: {expected}")
        sort(browser, failures)
        narrow_down(browser, failures)
        themes(browser, failures)
        flames(browser, out, failures)
        data(browser, folder, failures)
        failures.check(browser.printed(out / "report.pdf") > 20000, "printed: next to nothing")
        failures.check(not browser.complaints(), f"console: {browser.complaints()}")
        failures.check(not browser.requests(), f"asked for {browser.requests()}")
    without_scripts(page, expected, failures)
    failures.finish()


if __name__ == "__main__":
    main()
