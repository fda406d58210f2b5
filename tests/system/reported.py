#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""reported.py DIRECTORY: has receivers.py got one mail about the run of a policy, and is it whole?"""
import email
import email.policy
import glob
import sys

reports = []
for name in glob.glob(sys.argv[1] + "/mail.[0-9]*"):
    with open(name, "rb") as file:
        mail = email.message_from_binary_file(file, policy=email.policy.default)
    if "run of" in mail["Subject"]:
        reports.append(mail)
if len(reports) != 1:
    sys.exit(f"{len(reports)} mails about a run")
text = reports[0].get_body(("plain",)).get_content()
html = reports[0].get_body(("html",)).get_content()
if "1 backup succeeded; 1 protected" not in reports[0]["Subject"] or "lab/vm1" not in text or "<table" not in html:
    sys.exit(f"{reports[0]['Subject']}\n{text}")
