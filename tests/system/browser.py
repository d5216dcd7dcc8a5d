"""A person at a real browser: Debian's chromium, without a screen."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from selenium.common.exceptions import WebDriverException
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from system.client import until

PACKAGES = {"chromium": "chromium", "chromedriver": "chromium-driver"}
"""Programs -> Debian's packages that have them."""
COLOURS = """
const canvas = document.querySelector("canvas");
if (!canvas || !canvas.width || !canvas.height) return null;
const points = new Uint32Array(
    canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.buffer);
const counts = new Map();
for (const point of points) counts.set(point, (counts.get(point) || 0) + 1);
return {points: points.length, colours: counts.size, most: Math.max(...counts.values())};
"""


@dataclass(frozen=True)
class Drawing:
    """What is on a canvas: points, different colours, and points of the most frequent one."""

    points: int
    colours: int
    most: int


@dataclass(frozen=True)
class Browser:
    """What a person does with it; `pictures` is a directory for those worth keeping."""

    chrome: Chrome
    pictures: Path | None = None

    def open(self, url: str) -> None:
        """Go to a page."""
        self.chrome.get(url)

    def see(self, xpath: str, seconds: float = 60) -> WebElement:
        """The first such thing on the page that can be seen, once there is one."""

        def shown() -> WebElement | None:
            try:
                return next((e for e in self.chrome.find_elements(By.XPATH, xpath) if e.is_displayed()), None)
            except WebDriverException:
                return None  # the page was being changed

        return until(shown, seconds, f"{xpath} is on {self.chrome.current_url}")

    def click(self, xpath: str) -> None:
        """Click on it, once nothing lies over it."""

        def clicked() -> bool:
            try:
                self.see(xpath).click()
            except WebDriverException:
                return False  # something moves, or covers it
            return True

        until(clicked, 60, f"a click on {xpath} works")

    def write(self, name: str, text: str) -> None:
        """Put the text into a field."""
        field = self.see(f"//*[@name='{name}']")
        field.clear()
        field.send_keys(text)

    def drawing(self) -> Drawing | None:
        """What is on the page's canvas; None while there is none."""
        seen = self.chrome.execute_script(COLOURS)
        return Drawing(**seen) if seen else None

    def picture(self, name: str) -> None:
        """Keep how the window looks, if pictures are kept."""
        if self.pictures:
            self.pictures.mkdir(parents=True, exist_ok=True)
            self.chrome.save_screenshot(str(self.pictures / f"{name}.png"))


@contextmanager
def browser(pictures: Path | None = None) -> Iterator[Browser]:
    """A browser for the time of the context; it is installed if it is not there."""
    missing = [package for program, package in PACKAGES.items() if not shutil.which(program)]
    if missing:
        install = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *missing]
        subprocess.run(["apt-get", "update", "--quiet"], check=True)
        subprocess.run(["env", "DEBIAN_FRONTEND=noninteractive", *install], check=True)
    options = ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    # The cloud is reached directly, whatever proxy the machine has.
    for option in ("headless=new", "no-sandbox", "disable-dev-shm-usage", "no-proxy-server", "lang=en"):
        options.add_argument(f"--{option}")
    options.add_argument("--window-size=1280,860")
    chrome = Chrome(options, Service(shutil.which("chromedriver")))
    try:
        chrome.set_page_load_timeout(120)
        yield Browser(chrome, pictures)
    finally:
        chrome.quit()
