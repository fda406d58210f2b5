#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""cockpit_page.py URL STEP [ARGUMENT]: one step of cockpit_test.sh, in a browser."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from browser import By, Keys, WebDriverException, browser  # noqa: E402


def judge(page, name):
    """As it is, in the dark, and narrow: nothing sticks out, and axe-core finds no fault."""
    for style in ("light", "dark"):
        page.driver.execute_script(
            "localStorage.setItem('shell:style', arguments[0]);"
            "window.dispatchEvent(new CustomEvent('cockpit-style', {detail: {style: arguments[0]}}));", style)
        dark = page.driver.execute_script("return document.documentElement.classList.contains('dark')")
        assert dark == (style == "dark"), f"{name}: {style} is not"
        for width in (1200, 420):
            page.size(width, 900)
            faults = page.axe(colours=dark) + page.too_wide()
            assert not faults, f"{name}, {style}, {width} wide: {faults}"
            page.picture(f"cockpit-{name}-{width}-{style}")
    page.size(1200, 900)


def cancel(page):
    page.await_words("lab/vm1, nightly: no good point yet", "#main")
    page.await_words("NOT PROTECTED", "#summary")
    assert page.text("#main code").startswith("vmkeep "), page.text("#main")
    judge(page, "not-protected")
    page.focus_by_tab("Back up lab/vm1 now")
    page.press(Keys.ENTER)
    page.await_words("Running", "#main")
    judge(page, "running")
    page.focus_by_tab("Cancel job 1")
    page.press(Keys.SPACE)
    page.click("lab/vm1")
    page.await_words("cancelled on request", "#main")
    assert page.text("#failure") == "", page.text("#failure")


def back_up(page):
    page.click("lab/vm1")
    page.click("Back up lab/vm1 now")
    page.await_words("success", "#main")
    page.await_words("protected", "#main")
    judge(page, "domain")
    page.click("\u2190 All domains")
    page.await_words("lab/vm2", "#main")
    judge(page, "domains")
    page.driver.execute_script("localStorage.setItem('shell:style', 'dark')")
    page.driver.refresh()
    page.await_words("lab/vm2", "#main")
    assert page.driver.execute_script("return document.documentElement.className") == "dark"


def restore(page, directory):
    """All of it without a mouse."""
    page.focus_by_tab("lab/vm1")
    page.press(Keys.ENTER)
    page.await_words("Restore\u2026", "#main")
    page.focus_by_tab("Restore\u2026")
    page.press(Keys.ENTER)
    page.await_words("Show the plan", "#dialog")
    page.press(Keys.ESCAPE)
    page.until("the dialog to close", lambda: page.text("#dialog") == "" or
               not page.driver.execute_script("return document.querySelector('#dialog').open"))
    page.focus_by_tab("Restore\u2026")
    page.press(Keys.ENTER)
    page.await_words("Show the plan", "#dialog")
    page.focus_by_tab("Show the plan")
    page.press(Keys.ENTER)
    page.await_words("Name a directory", "#dialog")
    judge(page, "restore")
    page.fill("restore-to", directory)
    page.focus_by_tab("Show the plan")
    page.press(Keys.ENTER)
    page.await_words("Nothing has been written yet", "#dialog")
    page.await_words(f"{directory}/vda.qcow2", "#dialog")
    assert not os.path.exists(directory), "the plan has written something"
    judge(page, "plan")
    page.focus_by_tab("Restore")
    page.press(Keys.ENTER)
    page.await_words("Restored", "#dialog-title")
    assert "Restored lab/vm1 as it was" in page.text("#dialog pre").splitlines()[0]
    page.picture("cockpit-restored")
    page.click("Close")
    page.click("Restore\u2026")
    page.fill("restore-to", directory)
    page.click("Show the plan")
    page.await_words("vda.qcow2", "#dialog .failure")
    page.picture("cockpit-in-the-way")


def in_shell(page):
    """As people have it: in a frame of Cockpit's own page, which says whether it is dark."""
    page.await_words("Tools")
    page.until("the frame", lambda: page.driver.find_elements(By.CSS_SELECTOR, "iframe[name$='/vmkeep']"))
    page.driver.execute_script("localStorage.setItem('shell:style', 'dark')")
    page.driver.switch_to.frame(page.driver.find_element(By.CSS_SELECTOR, "iframe[name$='/vmkeep']"))
    page.await_words("lab/vm2", "#main")
    page.until("the dark", lambda: page.driver.execute_script("return document.documentElement.className") == "dark")
    faults = page.axe() + page.too_wide()
    assert not faults, faults
    page.picture("cockpit-shell-dark")
    page.click("lab/vm1")
    page.await_words("All domains", "#main")


def refused(page):
    page.await_words("Permission denied", "#failure")
    assert page.text("#main") == ""


def frame_says(page, words, selector):
    """The page may just be loaded anew, within its frame or with it."""
    page.driver.switch_to.default_content()
    frames = page.driver.find_elements(By.CSS_SELECTOR, "iframe[name$='/vmkeep']")
    try:
        page.driver.switch_to.frame(frames[0])
        return words in page.text(selector)
    except (IndexError, WebDriverException):
        return False


def administrator(page):
    """Somebody with a name and a password, who is nobody at first."""
    page.until("the login", lambda: page.driver.find_element(By.ID, "login-user-input").is_displayed())
    page.fill("login-user-input", "operator")
    page.fill("login-password-input", "a secret")
    page.click("Log in")
    page.until("the page", lambda: frame_says(page, "Permission denied", "#failure"))
    assert "administrative access" in page.text("#summary"), page.text("#summary")
    page.picture("cockpit-limited")
    page.driver.switch_to.default_content()
    page.click("Limited access")
    page.await_words("Switch to administrative access")
    page.driver.find_element(By.CSS_SELECTOR, "[role=dialog] input[type=password]").send_keys("a secret")
    page.click("Authenticate")
    page.await_words("Administrative access")
    page.until("the domains", lambda: frame_says(page, "lab/vm1", "#main"))
    page.picture("cockpit-administrative")
    page.click("lab/vm1")
    page.await_words("success", "#main")
    before = page.text("#main").count("success")
    page.click("Back up lab/vm1 now")
    page.until("one more that is made", lambda: page.text("#main").count("success") > before)


def main():
    url, step, *arguments = sys.argv[1:]
    with browser() as page:
        page.size(1200, 900)
        page.go(url)
        {"cancel": cancel, "back_up": back_up, "restore": restore, "refused": refused,
         "in_shell": in_shell, "administrator": administrator}[step](page, *arguments)
        # That nobody is logged in yet is a 401.
        complaints = [c for c in page.complaints() if "/cockpit/login" not in c]
        assert not complaints, complaints


main()
