#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""take_pictures.py ADDRESS SCREEN DIRECTORY: of make-pictures; SCREEN is what tmux has captured, with colours."""
import base64
import html
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "support"))
from browser import browser  # noqa: E402

PAGES = (("status", "/", "light"), ("status-dark", "/", "dark"), ("domain", "/domain/lab/web01", "light"),
         ("repository", "/repository/main", "light"), ("policy", "/policy/nightly", "light"))
WIDTH = 1000
COLOURS = {"30": "#888", "31": "#ff8a85", "32": "#6fcf8b", "33": "#f2b65a", "34": "#83b8f2", "36": "#7fd4d4"}


def spans(text):
    """A terminal's attributes as HTML's."""
    style, inverse = {}, {}
    for part in re.split(r"(\x1b\[[0-9;]*m)", text):
        found = re.fullmatch(r"\x1b\[([0-9;]*)m", part)
        if not found:
            css = ";".join(f"{k}:{v}" for k, v in {**style, **inverse}.items())
            yield f'<span style="{css}">{html.escape(part)}</span>' if css else html.escape(part)
            continue
        for code in found[1].split(";"):
            if code in ("", "0"):
                style, inverse = {}, {}
            elif code == "1":
                style["font-weight"] = "bold"
            elif code == "7":
                inverse = {"background": "#ddd", "color": "#111"}
            elif code in COLOURS:
                style["color"] = COLOURS[code]
            elif code == "39":
                style.pop("color", None)
            elif code == "27":
                inverse = {}


def take(b, path, scheme):
    b.driver.execute_cdp_cmd("Emulation.setEmulatedMedia",
                             {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
    b.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                             {"width": WIDTH, "height": 600, "deviceScaleFactor": 1, "mobile": False})
    size = b.driver.execute_script("const e = document.querySelector('pre') || document.documentElement;"
                                   "return [e.scrollWidth, e.scrollHeight];")
    if not path.endswith("watch.png") and size[0] != WIDTH:
        sys.exit(f"{path}: the page is {size[0]} wide, not {WIDTH}")
    shot = b.driver.execute_cdp_cmd("Page.captureScreenshot", {
        "captureBeyondViewport": True, "clip": {"x": 0, "y": 0, "width": size[0], "height": size[1], "scale": 1}})
    with open(path, "wb") as file:
        file.write(base64.b64decode(shot["data"]))


def main():
    address, screen, directory = sys.argv[1:]
    with open(screen, encoding="utf-8") as file:
        terminal = "".join(spans(file.read().rstrip("\n")))
    page = os.path.join(os.path.dirname(screen), "screen.html")
    with open(page, "w", encoding="utf-8") as file:
        file.write('<!DOCTYPE html><meta charset="utf-8"><body style="margin:0;background:#16181b"><pre style="'
                   'margin:0;padding:12px;width:max-content;background:#16181b;color:#e6e7e9;font:14px/1.3 monospace">'
                   f"{terminal}</pre>")
    with browser("--hide-scrollbars") as b:  # they would take 15 pixels of a picture
        for name, path, scheme in PAGES:
            b.go(address + path)
            take(b, os.path.join(directory, name + ".png"), scheme)
        b.go("file://" + page)
        take(b, os.path.join(directory, "watch.png"), "dark")


main()
