# SPDX-License-Identifier: MIT
"""A real Chromium without a window, for tests of pages.  It has a profile of its own in TMPDIR, and ends
with the test."""

import contextlib
import os
import tempfile

from selenium import webdriver
from selenium.common.exceptions import TimeoutException
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

# Only a failure waits so long: a busy machine takes many times what an idle one does.
PATIENCE_S = 120


class Browser:
    """What a person does with a page: looks for words, clicks on words, fills in fields."""

    def __init__(self, driver):
        self.driver = driver

    def go(self, url):
        self.driver.get(url)

    def size(self, width, height):
        self.driver.set_window_size(width, height)

    def text(self, selector="body"):
        # A page that is being made anew has the element in a moment.
        return self.driver.execute_script(
            "const e = document.querySelector(arguments[0]); return e ? e.innerText : ''", selector)

    def until(self, what, condition):
        try:
            WebDriverWait(self.driver, PATIENCE_S, poll_frequency=0.1).until(lambda _: condition())
        except TimeoutException as why:
            raise AssertionError(f"waited in vain for {what}; the page says:\n{self.text()}\n{self.complaints()}") from why

    def await_words(self, words, selector="body"):
        self.until(repr(words), lambda: words in self.text(selector))

    def click(self, words):
        """The button or link of that name, by what a screen reader calls it, or by its text."""
        script = """
            for (const e of document.querySelectorAll('button, a'))
                if (!e.disabled && e.checkVisibility() &&
                    [e.getAttribute('aria-label'), e.innerText.trim()].includes(arguments[0])) {
                    e.click();
                    return true;
                }
            return false;"""
        self.until(f"a button {words!r}", lambda: self.driver.execute_script(script, words))

    def fill(self, identity, text):
        field = self.driver.find_element(By.ID, identity)
        field.clear()
        field.send_keys(text)

    def complaints(self):
        """What the page did that its rules forbid, and its scripts' errors."""
        return [entry["message"] for entry in self.driver.get_log("browser")
                if entry["level"] == "SEVERE" and "favicon" not in entry["message"]]

    def picture(self, name):
        """Kept where SCREENSHOTS names a directory, to be looked at."""
        if os.environ.get("SCREENSHOTS"):
            os.makedirs(os.environ["SCREENSHOTS"], exist_ok=True)
            self.driver.save_screenshot(os.path.join(os.environ["SCREENSHOTS"], name + ".png"))


@contextlib.contextmanager
def browser():
    options = webdriver.ChromeOptions()
    with tempfile.TemporaryDirectory(prefix="browser-", ignore_cleanup_errors=True) as profile:
        for word in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                     "--disable-background-networking", "--disable-component-update", "--no-first-run",
                     f"--user-data-dir={profile}"):
            options.add_argument(word)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        driver = webdriver.Chrome(options=options, service_log_path=os.devnull)
        try:
            driver.set_page_load_timeout(PATIENCE_S)
            yield Browser(driver)
        finally:
            driver.quit()
