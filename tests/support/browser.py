# SPDX-License-Identifier: MIT
"""A real Chromium without a window, for tests of pages.  It has a profile of its own in TMPDIR, and ends
with the test."""

import contextlib
import os
import sys
import tempfile

from selenium import webdriver
from selenium.common.exceptions import TimeoutException, WebDriverException  # noqa: F401, for others
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

# Only a failure waits so long: a busy machine takes many times what an idle one does.
PATIENCE_S = 120


# What sticks out to the right, but is not in something that scrolls.
TOO_WIDE = """
    const out = [];
    const limit = document.documentElement.clientWidth + 1;
    const scrolls = e => e && (['auto', 'scroll'].includes(getComputedStyle(e).overflowX) || scrolls(e.parentElement));
    for (const e of document.body.querySelectorAll('*')) {
        const box = e.getBoundingClientRect();
        if (box.right > limit && box.width > 0 && !e.closest('.skip, .hidden, thead') && !scrolls(e))
            out.push(e.tagName + '.' + e.getAttribute('class') + ' ' + e.textContent.slice(0, 60));
    }
    return out.slice(0, 5);"""

AXE_SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../build/axe-core/axe.min.js")
AXE = """
    const done = arguments[1];
    const all = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'];
    axe.run(document, {runOnly: arguments[0] ? {type: 'rule', values: ['color-contrast']} : all, elementRef: false})
       .then(r => done(r.passes.length < (arguments[0] ? 1 : 10) ? ['axe: it has looked at nothing'] :
                       r.violations.map(v => v.id + ': ' + v.help + ': ' +
                                             v.nodes.slice(0, 3).map(n => n.html.slice(0, 200)).join(' | '))))
       .catch(e => done(['axe: ' + e]));"""


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

    def too_wide(self):
        """What is wider than the window, and does not scroll by itself."""
        return self.driver.execute_script(TOO_WIDE)

    def axe(self, colours=False):
        """What axe-core finds wrong, with the colours or with anything, where scripts/get-axe could get it."""
        if not os.path.exists(AXE_SCRIPT):
            print("not judged: there is no axe-core (scripts/get-axe)", file=sys.stderr)
            return []
        self.driver.execute_cdp_cmd("Page.setBypassCSP", {"enabled": True})
        self.driver.set_script_timeout(PATIENCE_S)
        with open(AXE_SCRIPT, encoding="utf-8") as script:
            self.driver.execute_script(script.read())
        # A page that is loaded anew now and then is what WCAG calls a failure; there is nothing to lose on it.
        return [fault for fault in self.driver.execute_async_script(AXE, colours) if not fault.startswith("meta-refresh")]

    def focus_by_tab(self, words, most=60):
        """Presses Tab until what a screen reader calls so, or what has this text, has the focus."""
        script = """
            const e = document.activeElement;
            return [e.getAttribute('aria-label'), e.innerText.trim()];"""
        for _ in range(most):
            ActionChains(self.driver).send_keys(Keys.TAB).perform()
            if words in self.driver.execute_script(script):
                return
        raise AssertionError(f"no Tab leads to {words!r}")

    def press(self, key):
        ActionChains(self.driver).send_keys(key).perform()

    def picture(self, name):
        """Kept where SCREENSHOTS names a directory, to be looked at."""
        if os.environ.get("SCREENSHOTS"):
            os.makedirs(os.environ["SCREENSHOTS"], exist_ok=True)
            self.driver.save_screenshot(os.path.join(os.environ["SCREENSHOTS"], name + ".png"))


@contextlib.contextmanager
def browser(*more):
    """more: what else Chromium is told."""
    options = webdriver.ChromeOptions()
    with tempfile.TemporaryDirectory(prefix="browser-", ignore_cleanup_errors=True) as profile:
        for word in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                     "--disable-background-networking", "--disable-component-update", "--no-first-run",
                     f"--user-data-dir={profile}", *more):
            options.add_argument(word)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        driver = webdriver.Chrome(options=options, service_log_path=os.devnull)
        try:
            driver.set_page_load_timeout(PATIENCE_S)
            yield Browser(driver)
        finally:
            driver.quit()
