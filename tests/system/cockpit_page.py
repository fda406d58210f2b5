#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""cockpit_page.py URL STEP [ARGUMENT]: one step of cockpit_test.sh, in a browser."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from browser import browser  # noqa: E402


def cancel(page):
    page.await_words("lab/vm1, nightly: no good point yet", "#main")
    page.await_words("NOT PROTECTED", "#summary")
    page.click("Back up lab/vm1 now")
    page.await_words("Running", "#main")
    page.picture("cockpit-running")
    page.click("Cancel job 1")
    page.click("lab/vm1")
    page.await_words("cancelled on request", "#main")
    assert page.text("#failure") == "", page.text("#failure")


def back_up(page):
    page.click("lab/vm1")
    page.click("Back up lab/vm1 now")
    page.await_words("success", "#main")
    page.await_words("protected", "#main")
    page.click("\u2190 All domains")
    page.await_words("lab/vm2", "#main")
    page.picture("cockpit")
    page.size(420, 900)
    page.picture("cockpit-narrow")
    page.driver.execute_script("localStorage.setItem('shell:style', 'dark')")
    page.driver.refresh()
    page.await_words("lab/vm2", "#main")
    assert page.driver.execute_script("return document.documentElement.className") == "dark"
    page.size(1200, 900)
    page.picture("cockpit-dark")


def restore(page, directory):
    page.click("lab/vm1")
    page.click("Restore\u2026")
    page.click("Show the plan")
    page.await_words("Name a directory", "#dialog")
    page.fill("restore-to", directory)
    page.picture("cockpit-restore")
    page.click("Show the plan")
    page.await_words("Nothing has been written yet", "#dialog")
    page.await_words(f"{directory}/vda.qcow2", "#dialog")
    assert not os.path.exists(directory), "the plan has written something"
    page.picture("cockpit-plan")
    page.click("Restore")
    page.await_words("Restored", "#dialog-title")
    assert "Restored lab/vm1 as it was" in page.text("#dialog pre").splitlines()[0]
    page.picture("cockpit-restored")
    page.click("Close")
    page.click("Restore\u2026")
    page.fill("restore-to", directory)
    page.click("Show the plan")
    page.await_words("vda.qcow2", "#dialog .failure")
    page.picture("cockpit-in-the-way")


def refused(page):
    page.await_words("Permission denied", "#failure")
    assert page.text("#main") == ""


def main():
    url, step, *arguments = sys.argv[1:]
    with browser() as page:
        page.size(1200, 900)
        page.go(url)
        {"cancel": cancel, "back_up": back_up, "restore": restore, "refused": refused}[step](page, *arguments)
        assert not page.complaints(), page.complaints()


main()
