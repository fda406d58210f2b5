#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Does what receivers.py got have the form that each receiver documents?

received.py DIRECTORY KEY STATUS: the condition KEY must be there once with that status in each format.
"""
import email
import email.policy
import glob
import json
import os
import re
import subprocess
import sys

here, key, status = sys.argv[1:4]
STAMP = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
requests = [json.loads(line) for line in open(here + "/http")]
got = {"json": 0, "ntfy": 0, "gotify": 0, "alertmanager": 0, "mail": 0}


def need(ok, what, thing):
    if not ok:
        sys.exit(f"{what}: {json.dumps(thing, indent=1)}")


def own(body):
    here = os.path.dirname(os.path.abspath(__file__))
    subprocess.run([here + "/../support/check_schema", here + "/../../docs/api-v1.schema.json", "message"],
                   input=json.dumps(body).encode(), check=True)
    need(body["version"] == 1 and body["kind"] in ("conditions", "test", "report"), "json", body)
    need(STAMP.match(body["at"]) and body["machine"] and body["subject"] and "html" not in body, "json", body)
    for e in body.get("events", []):
        need(STAMP.match(e["since"]) and re.match("^[0-9a-f]{16}$", e["fingerprint"]), "event", e)
        need((e["ended"] is not None) == (e["status"] == "resolved"), "event", e)
        got["json"] += e["key"] == key and e["status"] == status and not e["again"]


def ntfy(request, body):
    # docs.ntfy.sh/publish/#publish-as-json
    need(request["path"] == "/", "ntfy's path", request)
    need(set(body) <= {"topic", "title", "message", "priority", "tags", "click", "markdown"}, "ntfy", body)
    need(body["topic"] == "topic" and 1 <= body["priority"] <= 5 and isinstance(body["tags"], list), "ntfy", body)
    need(len(body["message"].encode()) <= 4096, "ntfy", body)
    need(request["headers"]["authorization"] == "Bearer tk_secret", "ntfy's headers", request)
    got["ntfy"] += key in body["title"] and ("over" in body["title"]) == (status == "resolved")


def gotify(body):
    # gotify.net/docs: models.Message
    need(set(body) <= {"message", "title", "priority", "extras"} and isinstance(body["priority"], int), "gotify", body)
    got["gotify"] += key in body["title"] and ("over" in body["title"]) == (status == "resolved")


def alertmanager(body):
    # prometheus.io/docs/alerting/latest/configuration/#webhook_config
    need(set(body) == {"version", "groupKey", "truncatedAlerts", "status", "receiver", "groupLabels", "commonLabels",
                       "commonAnnotations", "externalURL", "alerts"}, "alertmanager", body)
    need(body["version"] == "4" and isinstance(body["truncatedAlerts"], int), "alertmanager", body)
    firing = any(a["status"] == "firing" for a in body["alerts"])
    need(body["status"] == ("firing" if firing else "resolved"), "alertmanager", body)
    for a in body["alerts"]:
        need(set(a) == {"status", "labels", "annotations", "startsAt", "endsAt", "generatorURL", "fingerprint"},
             "alert", a)
        need(STAMP.match(a["startsAt"]) and STAMP.match(a["endsAt"]), "alert", a)
        need((a["endsAt"] == "0001-01-01T00:00:00Z") == (a["status"] == "firing"), "alert", a)
        need(all(isinstance(v, str) and re.match("^[a-zA-Z_]+$", k) for k, v in a["labels"].items()), "labels", a)
        need(all(a["labels"].get(k) == v for k, v in body["commonLabels"].items()), "common labels", body)
        got["alertmanager"] += a["annotations"]["summary"] == key and a["status"] == status


for request in requests:
    if request["path"].startswith("/hc"):
        continue
    need(request["headers"]["content-type"] == "application/json", "type", request)
    body = json.loads(request["body"])
    if request["path"] == "/own":
        own(body)
    elif request["path"] == "/gotify/message":
        gotify(body)
    elif request["path"] == "/alerts":
        alertmanager(body)
    else:
        ntfy(request, body)

for name in glob.glob(here + "/mail.[0-9]*"):
    mail = email.message_from_binary_file(open(name, "rb"), policy=email.policy.default)
    need(mail["X-User"] == "vmkeep" and mail["To"] and mail["Message-ID"] and mail["Date"], "mail", str(mail))
    text = mail.get_body(("plain",)).get_content()
    html = mail.get_body(("html",)).get_content()
    need(text and html.startswith("<!DOCTYPE html>"), "bodies", str(mail))
    got["mail"] += key in mail["Subject"] and ("over" in mail["Subject"]) == (status == "resolved")

if any(n != 1 for n in got.values()):
    sys.exit(f"{key} {status}: told {got}; requests: {json.dumps(requests, indent=1)}")
