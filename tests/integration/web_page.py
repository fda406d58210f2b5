#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""web_page.py NAME ADDRESS...: the pages at these addresses in a real Chromium, at three widths, light and dark.

Nothing is wider than the window but what scrolls by itself; the browser has nothing to complain of; the first Tab
leads to the content; what is dark is dark.  Where axe-core could be had (scripts/get-axe), that finds no fault either.
Where SCREENSHOTS names a directory, pictures are kept there, as NAME-PAGE-WIDTH-SCHEME.png.
"""
import base64
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from browser import browser  # noqa: E402

WIDTHS = (360, 800, 1400)
SCHEMES = ("light", "dark")

DARKNESS = """
    const n = getComputedStyle(document.body).backgroundColor.match(/[0-9]+/g).map(Number);
    return (n[0] + n[1] + n[2]) / 3;"""


def look_at(b, width, scheme):
    b.driver.execute_cdp_cmd("Emulation.setEmulatedMedia",
                             {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
    b.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                             {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500})
    wide = b.too_wide()
    if wide:
        sys.exit(f"{b.driver.current_url} at {width}: wider than the window: {wide}")
    darkness = b.driver.execute_script(DARKNESS)
    if (darkness < 80) != (scheme == "dark"):
        sys.exit(f"{b.driver.current_url}: {scheme} is {darkness}")


def check_keyboard(b):
    """The first Tab is the way past what all pages have."""
    focus = b.driver.execute_script(
        "document.activeElement.blur(); const e = document.querySelector('a, button, [tabindex]');"
        "e.focus(); return [e.className, e.getBoundingClientRect().left >= 0, document.querySelectorAll('h1').length]")
    if focus != ["skip", True, 1]:
        sys.exit(f"{b.driver.current_url}: the first that has the focus is {focus}")


def check_axe(b, scheme):
    # Of thousands of rows, which are all alike, it takes minutes.
    if b.driver.execute_script("return document.querySelectorAll('tr').length") > 500:
        return
    faults = b.axe(colours=scheme == "dark")  # the rest is the same
    if faults:
        sys.exit(f"{b.driver.current_url} ({scheme}): " + "\n".join(faults))


def keep_picture(b, name):
    """All of the page, where it is not too long to be looked at."""
    if not os.environ.get("SCREENSHOTS"):
        return
    if b.driver.execute_script("return document.documentElement.scrollHeight") > 6000:
        b.picture(name)
        return
    os.makedirs(os.environ["SCREENSHOTS"], exist_ok=True)
    picture = b.driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True})
    with open(os.path.join(os.environ["SCREENSHOTS"], name + ".png"), "wb") as file:
        file.write(base64.b64decode(picture["data"]))


def name_of(address):
    path = address.split("://", 1)[1].partition("/")[2]
    if address.startswith("file:"):
        path = os.path.basename(path)
    return path.replace("/", "-").replace(".html", "") or "front"


def visit(b, name, address):
    b.driver.get(address)
    for scheme in SCHEMES:
        for width in WIDTHS:
            look_at(b, width, scheme)
            keep_picture(b, f"{name}-{name_of(address)}-{width}-{scheme}")
        check_axe(b, scheme)
    check_keyboard(b)
    complaints = [c for c in b.complaints() if "404 (Not Found)" not in c]  # of a page that says so
    if complaints:
        sys.exit(f"{address}: {complaints}")


with browser() as page:
    page.driver.set_script_timeout(120)
    for at in sys.argv[2:]:
        visit(page, sys.argv[1], at)
