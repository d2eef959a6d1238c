# SPDX-License-Identifier: MIT
"""browser.py - a headless Chromium for the tests of this folder: sizes, colour schemes, pictures.

Without selenium, chromium or its driver the test is skipped (exit status 77).
"""
import base64
import json
import os
import pathlib
import shutil
import sys
import tempfile

SCHEMES = ("light", "dark")
WIDTHS = (400, 1600)


def skip(why):
    print(f"skipped: {why}")
    sys.exit(77)


try:
    from selenium import webdriver
    from selenium.common.exceptions import WebDriverException
    from selenium.webdriver.chrome.service import Service
except ImportError:
    skip("python3-selenium is not installed")


class Failures:
    """Counts what is wrong, and says it."""

    def __init__(self):
        self.count = self.checks = 0

    def check(self, right, what):
        self.checks += 1
        if not right:
            self.count += 1
            print(f"FAILED: {what}")

    def finish(self):
        print(f"{self.checks} checks, {self.count} failed")
        sys.exit(1 if self.count else 0)


class Browser:
    """One window; everything that it asks the network for or complains about is kept."""

    def __init__(self, scripts=True):
        program = shutil.which("chromium") or shutil.which("chromium-browser")
        driver = shutil.which("chromedriver")
        if not program or not driver:
            skip("chromium or chromedriver is not installed")
        self.home = tempfile.TemporaryDirectory()
        options = webdriver.ChromeOptions()
        options.binary_location = program
        for argument in ("--headless=new", "--disable-gpu", "--hide-scrollbars",
                         "--disable-dev-shm-usage", "--disable-background-networking",
                         "--force-color-profile=srgb", f"--user-data-dir={self.home.name}"):
            options.add_argument(argument)
        if os.geteuid() == 0:
            options.add_argument("--no-sandbox")
        if not scripts:
            options.add_experimental_option(
                "prefs", {"profile.managed_default_content_settings.javascript": 2})
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        try:
            self.driver = webdriver.Chrome(service=Service(driver), options=options)
        except WebDriverException as error:
            self.home.cleanup()
            skip(f"chromium does not start: {error.msg.splitlines()[0]}")
        self.driver.set_page_load_timeout(60)
        self.driver.set_script_timeout(60)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.driver.quit()
        self.home.cleanup()

    def command(self, name, **arguments):
        return self.driver.execute_cdp_cmd(name, arguments)

    def shape(self, width, scheme, height=900):
        self.command("Emulation.setDeviceMetricsOverride", width=width, height=height,
                     deviceScaleFactor=1, mobile=False)
        self.command("Emulation.setEmulatedMedia",
                     features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.settle()

    def settle(self):
        """Waits until what was asked for is drawn: two frames."""
        self.driver.execute_async_script(
            "const done = arguments[0];"
            "requestAnimationFrame(() => requestAnimationFrame(() => done()));")

    def open(self, path):
        self.driver.get(pathlib.Path(path).resolve().as_uri())

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def picture(self, path, element=None):
        """A screenshot of an element, or of what fits into 20000 pixels of the page."""
        size = self.command("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 20000),
                "scale": 1}
        if element:
            clip.update(self.run("const box = arguments[0].getBoundingClientRect();"
                                 "return { x: box.x + scrollX, y: box.y + scrollY,"
                                 " width: box.width, height: box.height };", element))
        shot = self.command("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
        pathlib.Path(path).write_bytes(base64.b64decode(shot["data"]))

    def printed(self, path):
        pdf = self.command("Page.printToPDF", printBackground=True)
        pathlib.Path(path).write_bytes(base64.b64decode(pdf["data"]))
        return pathlib.Path(path).stat().st_size

    def complaints(self):
        return [entry["message"] for entry in self.driver.get_log("browser")
                if entry["level"] in ("SEVERE", "WARNING")]

    def requests(self):
        """Addresses outside the file system that something was wanted from."""
        found = []
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                address = message["params"]["request"]["url"]
                if not address.startswith(("file:", "data:", "blob:", "about:", "chrome:")):
                    found.append(address)
        return found
