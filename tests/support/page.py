"""Pages in headless Chromium, the status page above all: opened, read as text, and asked what went
wrong."""

import base64
import json
import os
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from support.programs import find, run
from support.waiting import wait_until

WIDE = (1280, 900)
NARROW = (360, 740)

# Alone with the pages of the tests on loopback; in containers the sandbox cannot start.
_OPTIONS = (
    "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu",
    "--hide-scrollbars", "--force-color-profile=srgb", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip

# Every row of the table, from the top, as [id, {column: texts}].
_ROWS = """
const names = [...document.querySelectorAll('#servers-head th')].map((th) => th.textContent);
return [...document.querySelectorAll('#servers-rows tr')].map((row) => [
    row.querySelector('.name').textContent,
    Object.fromEntries([...row.cells].map((cell, i) => [names[i],
        [...cell.querySelectorAll('.name, .fine, span:not(.swatch, .bar)')].map(
            (e) => e.textContent)])),
]);
"""


def trust(home: Path, ca: Path):
    """Has a browser with this home trust an authority."""
    database = home / ".pki" / "nssdb"
    database.mkdir(parents=True)
    certutil = (find("certutil"), "-d", f"sql:{database}")
    run(*certutil, "-N", "--empty-password")
    run(*certutil, "-A", "-n", "authority", "-t", "C,,", "-i", ca)


class Page:
    """One browser with one tab. Sizes and media are those of the last one who asked."""

    def __init__(self, *more: str, home: Path | None = None):
        """With `more` options of the program, and another home than the user's."""
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for option in (*_OPTIONS, *more):
            options.add_argument(option)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        environ = {**os.environ, "HOME": str(home)} if home else None
        service = Service("/usr/bin/chromedriver", env=environ)
        self._driver = webdriver.Chrome(options=options, service=service)

    def quit(self):
        self._driver.quit()

    def open(self, origin: str, fragment: str = "", size=WIDE, dark: bool = False):
        """The page of the proxy at `origin`, once it shows something."""
        self.resize(*size)
        self.prefer(dark)
        self.leave()  # another fragment alone would load nothing
        self.visit(f"{origin}/{fragment}")
        self.wait_live()

    def visit(self, address: str):
        """Any page."""
        self._driver.get(address)

    def leave(self):
        """Closes the page, which would go on asking."""
        self._driver.get("about:blank")

    # What the reader is like.

    def resize(self, width: int, height: int, scale: float = 1):
        metrics = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": False}
        self._driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def prefer(self, dark: bool = False, still: bool = False):
        features = [
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
            {"name": "prefers-reduced-motion", "value": "reduce" if still else "no-preference"},
        ]
        self._driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    # What it shows.

    def script(self, text: str, *arguments):
        return self._driver.execute_script(text, *arguments)

    def text(self, css: str) -> str:
        """The text of all that matches, hidden or not."""
        gather = "return [...document.querySelectorAll(arguments[0])].map((e) => e.textContent)"
        return "\n".join(self.script(gather, css))

    def count(self, css: str) -> int:
        return self.script("return document.querySelectorAll(arguments[0]).length", css)

    def address(self) -> str:
        return self._driver.current_url

    def title(self) -> str:
        return self._driver.title

    def rows(self) -> dict:
        return dict(self.script(_ROWS))

    def state(self, id: str) -> str:
        return self.rows()[id]["State"][0]

    def picture(self, whole: bool = False, format: str = "png") -> bytes:
        options = {"format": format, "captureBeyondViewport": whole}
        if format != "png":
            options["quality"] = 75
        shot = self._driver.execute_cdp_cmd("Page.captureScreenshot", options)
        return base64.b64decode(shot["data"])

    def wait_live(self):
        wait_until(lambda: self.script("return document.body?.dataset.live") == "live", "answers")

    def wait_text(self, css: str, text: str):
        wait_until(lambda: text in self.text(css), f"{text!r} in {css}")

    # What is done to it.

    def type(self, css: str, text: str):
        box = self._driver.find_element(By.CSS_SELECTOR, css)
        box.clear()
        box.send_keys(text)

    def press(self, *keys: str):
        self._driver.switch_to.active_element.send_keys(*keys)

    def press_tab(self):
        self.press(Keys.TAB)

    def press_escape(self):
        self.press(Keys.ESCAPE)

    # What went wrong, and where it went.

    def complaints(self) -> list[str]:
        """The console's messages since the last call: errors, refused contents."""
        return [entry["message"] for entry in self._driver.get_log("browser")]

    def requests(self) -> list[str]:
        kinds = "['navigation', 'resource'].flatMap((kind) => performance.getEntriesByType(kind))"
        return json.loads(self.script(f"return JSON.stringify({kinds}.map((e) => e.name))"))
