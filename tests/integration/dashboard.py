#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""dashboard.py API DASHBOARD: Prometheus, which has scraped vmkeep, takes each query of the dashboard and of
its own rules; and each metric and label that these and the legends name is there."""
import json
import re
import sys
import urllib.parse
import urllib.request

api, dashboard = sys.argv[1:]
bad = []


def ask(path, **arguments):
    with urllib.request.urlopen(api + path + "?" + urllib.parse.urlencode(arguments), timeout=60) as answer:
        return json.load(answer)["data"]


def queries(node):
    """Each with its legend."""
    if isinstance(node, list):
        return [found for item in node for found in queries(item)]
    if not isinstance(node, dict):
        return []
    own = [(node["expr"], node.get("legendFormat", ""))] if "expr" in node else []
    return own + [found for item in node.values() for found in queries(item)]


def labels_of(name):
    return {label for series in ask("/series", **{"match[]": name}) for label in series}


def check(query, legend):
    query = query.replace("$instance", ".*")
    try:
        ask("/query", query=query)
    except urllib.error.HTTPError as error:
        bad.append(f"{query}: {json.load(error)['error']}")
    known = set()
    for name in set(re.findall(r"\bvmkeep_\w+", query)):
        labels = labels_of(name)
        if not labels:
            bad.append(f"{name}: there is none: {query}")
        known |= labels
    used = set(re.findall(r"(\w+)\s*[!=]~?\"", query)) | set(re.findall(r"{{\s*(\w+)\s*}}", legend))
    for group in re.findall(r"\b(?:by|on|without)\s*\(([^)]*)\)", query):
        used |= {word.strip() for word in group.split(",")}
    bad.extend(f"no label {label}: {query} {legend}" for label in used - known)


with open(dashboard, encoding="utf-8") as file:
    of_dashboard = queries(json.load(file))
of_rules = [(rule["query"], "") for group in ask("/rules")["groups"] for rule in group["rules"]]
assert len(of_dashboard) > 10 and len(of_rules) > 10, (len(of_dashboard), len(of_rules))
for found in of_dashboard + of_rules:
    check(*found)
for line in sorted(set(bad)):
    print(line)
sys.exit(1 if bad else 0)
