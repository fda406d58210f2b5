/* SPDX-License-Identifier: MIT
 *
 * What `vmkeep` says and does, in Cockpit: everything here is a call of that command, by whoever is
 * logged in, with administrative access where it is switched on.
 */
"use strict";

const REFRESH_MS = 10000;
const REFRESH_BUSY_MS = 2000;
const JOBS_SHOWN = 20;

const byId = (id) => document.getElementById(id);

/* ---- elements ---- */

/* Text is text: names and messages of others never become markup. */
function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);

    for (const [key, value] of Object.entries(attributes)) {
        if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
        else if (value === true) made.setAttribute(key, "");
        else if (value !== false && value !== null) made.setAttribute(key, value);
    }
    made.append(...children.flat().filter((child) => child !== null));
    return made;
}

/* key: by which it has the focus again when the page was made anew. */
function button(text, key, click, attributes = {}) {
    return element("button", { type: "button", "data-key": key, onclick: click, ...attributes }, text);
}

function table(caption, columns, rows) {
    const head = columns.map((column) => column ? element("th", { scope: "col" }, column) : element("td"));

    /* Where it is too wide it scrolls, by keys too. */
    return element("div", { class: "wide", role: "region", tabindex: "0", "aria-label": caption, "data-key": `table-${caption}` },
        element("table", { "aria-label": caption },
            element("thead", {}, element("tr", {}, head)), element("tbody", {}, rows)));
}

function section(title, ...children) {
    return element("section", {}, element("h2", {}, title), children);
}

/* Word, shape and colour, so that each alone will do. */
function state(word, severity) {
    const shape = { good: "\u2714", act: "\u25b2", risk: "\u2716" }[severity] || "";

    return element("span", { class: `state ${severity}` }, shape ? `${shape} ${word}` : word);
}

/* What stands in `such` marks is a command. */
function prose(text) {
    return text.split("`").map((part, i) => i % 2 ? element("code", {}, part) : part);
}

/* ---- figures ---- */

function size(bytes) {
    const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let unit = 0;

    if (bytes === null || bytes === undefined) return "-";
    for (; bytes >= 1024 && unit < units.length - 1; unit++) bytes /= 1024;
    return `${unit && bytes < 100 ? bytes.toFixed(1) : Math.round(bytes)} ${units[unit]}`;
}

function span(seconds) {
    const steps = [[86400, "d"], [3600, "h"], [60, "min"]];

    for (const [length, unit] of steps)
        if (seconds >= 2 * length) return `${Math.floor(seconds / length)} ${unit}`;
    return `${Math.max(0, Math.floor(seconds))} s`;
}

function moment(text) {
    if (!text) return "-";
    const seconds = (Date.now() - Date.parse(text)) / 1000;
    const words = seconds < 0 ? `in ${span(-seconds)}` : `${span(seconds)} ago`;

    return element("time", { datetime: text, title: new Date(text).toLocaleString() }, words);
}

/* ---- vmkeep ---- */

/* Its exit status is part of what it says: 3 and 4 of `status` come with the whole report. */
function ask(...argv) {
    return new Promise((resolve, reject) => {
        cockpit.spawn(["vmkeep", ...argv], { superuser: "try", err: "message" })
            .then(resolve, (problem, output) => {
                if (output && output.trim()) resolve(output);
                else reject(explain(problem));
            });
    }).then(JSON.parse);
}

function explain(problem) {
    if (problem.problem === "not-found") return new Error("vmkeep is not installed on this machine.");
    if (problem.problem === "access-denied" || problem.exit_status === 126)
        return new Error("Not permitted: switch on administrative access.");
    return new Error((problem.message || "").trim() || `vmkeep ended with status ${problem.exit_status}`);
}

function fail(problem) {
    const place = byId("failure");

    place.textContent = problem ? problem.message : "";
    place.hidden = !problem;
}

async function act(...argv) {
    try {
        await ask(...argv);
        fail(null);
    } catch (problem) {
        fail(problem);
    }
    await refresh();
}

/* ---- parts of both views ---- */

function findings(reasons, own) {
    const row = (reason) => element("li", {},
        state(reason.severity === "risk" ? "At risk" : reason.severity === "act" ? "To do" : "Note",
            reason.severity === "note" ? "" : reason.severity),
        ` ${own ? "" : subject(reason)}${reason.text}`,
        reason.advice ? element("span", { class: "advice" }, "What to do: ", prose(reason.advice)) : null);

    return element("ul", { class: "findings" }, reasons.map(row));
}

function subject(reason) {
    const parts = [reason.domain && `${reason.host}/${reason.domain}`, reason.policy, reason.repository];
    const named = parts.filter(Boolean);

    return named.length ? `${named.join(", ")}: ` : "";
}

function progress(job) {
    const words = [job.doing || job.state];

    if (job.percent !== null) words.push(`${Math.floor(job.percent)} %`);
    if (job.bytes_per_second) words.push(`${size(job.bytes_per_second)}/s`);
    if (job.seconds_left !== null && job.seconds_left !== undefined) words.push(`${span(job.seconds_left)} left`);
    if (job.waits_for) words.push(job.waits_for.text);
    return [
        job.percent === null ? null
            : element("progress", { max: 100, value: job.percent, "aria-label": `progress of job ${job.id}` }),
        element("div", {}, words.join(", ")),
    ];
}

function running(jobs) {
    if (!jobs.length) return null;
    const row = (job) => element("tr", {},
        element("th", { scope: "row" }, `${job.kind} ${job.id}`),
        element("td", {}, job.domain ? domainLink(job.host, job.domain) : "-"),
        element("td", {}, progress(job)),
        element("td", { class: "actions" }, button("Cancel", `cancel-${job.id}`, () => cancelJob(job), {
            "aria-label": `Cancel job ${job.id}`, disabled: job.cancelled === true })));

    return section("Running", table("Running jobs", ["Job", "Domain", "Progress", ""], jobs.map(row)));
}

async function cancelJob(job) {
    try {
        await cockpit.spawn(["vmkeep", "cancel", String(job.id)], { superuser: "try", err: "message" });
        fail(null);
    } catch (problem) {
        fail(explain(problem));
    }
    await refresh();
}

function domainLink(host, name) {
    return element("a", { href: `#/domain/${encodeURIComponent(host)}/${encodeURIComponent(name)}`,
        "data-key": `domain-${host}/${name}` }, `${host}/${name}`);
}

function runButton(domain) {
    const name = `${domain.host}/${domain.domain}`;

    return button("Back up now", `run-${name}`, () => act("run", "--json", "--", name), {
        "aria-label": `Back up ${name} now` });
}

function severityOf(domain) {
    if (domain.status === "protected") return domain.reasons.some((r) => r.severity === "act") ? "act" : "good";
    return ["at risk", "unprotected"].includes(domain.status) ? "risk" : "";
}

/* ---- all domains ---- */

function domainRow(domain) {
    return element("tr", {},
        element("th", { scope: "row" }, domainLink(domain.host, domain.domain)),
        element("td", {}, state(domain.status, severityOf(domain))),
        element("td", {}, moment(domain.last_point)),
        element("td", {}, domain.rpo_seconds ? span(domain.rpo_seconds) : "-"),
        element("td", {}, moment(domain.next_run)),
        element("td", { class: "actions" }, domain.policies.length ? runButton(domain) : null));
}

function repositoryRow(repository) {
    const good = repository.state === "ok";

    return element("tr", {},
        element("th", { scope: "row" }, repository.name),
        element("td", {}, state(repository.state, good ? "good" : "act")),
        element("td", { class: "figure" }, `${size(repository.free)} of ${size(repository.total)}`),
        element("td", {}, repository.path));
}

function showAll({ status, jobs }) {
    const bad = status.reasons.filter((reason) => reason.severity !== "note");
    const none = element("p", { class: "faint" }, "None.");

    byId("title").textContent = "VM backups";
    document.title = "VM backups";
    return [
        bad.length ? section("What needs attention", findings(bad, false)) : null,
        running(jobs),
        section("Domains", status.domains.length
            ? table("Domains", ["Domain", "State", "Last point", "Promised", "Next run", ""],
                status.domains.map(domainRow)) : none),
        section("Repositories", status.repositories.length
            ? table("Repositories", ["Repository", "State", "Free", "Path"],
                status.repositories.map(repositoryRow)) : none),
    ];
}

/* ---- one domain ---- */

function pointRow(point) {
    const bytes = point.disks.reduce((sum, disk) => sum + (disk.bytes || 0), 0);
    const name = point.id.split("/").pop();

    return element("tr", {},
        element("th", { scope: "row", title: point.id }, new Date(point.created).toLocaleString()),
        element("td", {}, point.kind),
        element("td", {}, point.policy),
        element("td", {}, state(point.state, point.state === "good" ? "good" : "risk"),
            point.pin ? " pinned" : ""),
        element("td", { class: "figure" }, size(bytes)),
        element("td", {}, point.repository),
        element("td", { class: "actions" }, button("Restore\u2026", `restore-${point.id}`, () => restoreAsk(point), {
            "aria-label": `Restore ${name}` })));
}

function jobRow(job) {
    const severity = { success: "good", failed: "risk", aborted: "act" }[job.outcome] || "";

    return element("tr", {},
        element("th", { scope: "row" }, `${job.kind} ${job.id}`),
        element("td", {}, moment(job.ended || job.started || job.created)),
        element("td", {}, state(job.outcome || job.state, severity)),
        element("td", {}, job.reason || ""));
}

function showDomain({ status, jobs, points, past, host, name }) {
    const domain = status.domains.find((one) => one.host === host && one.domain === name);
    const own = jobs.filter((job) => job.host === host && job.domain === name);

    byId("title").textContent = `${host}/${name}`;
    document.title = `${host}/${name} - VM backups`;
    return [
        element("p", {}, element("a", { href: "#/", "data-key": "back" }, "\u2190 All domains")),
        domain ? section("State", element("p", {}, state(domain.status, severityOf(domain)), " ",
            domain.policies.length ? runButton(domain) : null), findings(domain.reasons, true)) : null,
        running(own),
        section("Restore points", points.length
            ? table("Restore points", ["Made", "Kind", "Policy", "State", "Size", "Repository", ""],
                points.slice().reverse().map(pointRow))
            : element("p", { class: "faint" }, "None.")),
        section("Last jobs", past.length
            ? table("Last jobs", ["Job", "When", "Outcome", "What happened"], past.slice().reverse().map(jobRow))
            : element("p", { class: "faint" }, "None.")),
    ];
}

/* ---- restoring: what, then the plan, then doing it ---- */

function dialogShow(title, body, buttons) {
    const dialog = byId("dialog");

    dialog.replaceChildren(element("h2", { id: "dialog-title" }, title), ...body,
        element("div", { class: "buttons" }, buttons));
    if (!dialog.open) dialog.showModal();
}

function dialogClose() {
    byId("dialog").close();
}

/* The page may have been made anew meanwhile. */
function focusOn(key) {
    const again = [...byId("main").querySelectorAll("[data-key]")].find((one) => one.dataset.key === key);

    if (again) again.focus();
}

function field(text, input) {
    return element("label", {}, text, input);
}

/* before: what was filled in, when one comes back to it. */
function restoreAsk(point, before = { to: "", format: "qcow2", disks: null, name: "", way: "images" }, problem = null) {
    const to = element("input", { type: "text", id: "restore-to", placeholder: "/srv/restore/web01", value: before.to });
    const name = element("input", { type: "text", id: "restore-name", placeholder: `${point.domain}-restored`, value: before.name });
    const format = element("select", { id: "restore-format" }, ["qcow2", "raw"].map(
        (one) => element("option", { selected: one === before.format }, one)));
    const disks = point.disks.map((disk) => element("input", { type: "checkbox", value: disk.name,
        checked: !before.disks || before.disks.includes(disk.name) }));
    const define = element("input", { type: "checkbox", id: "restore-define", checked: before.way === "define" });
    const answers = () => ({ to: to.value.trim(), format: format.value, name: name.value.trim(),
        disks: disks.filter((box) => box.checked).map((box) => box.value),
        way: define.checked ? "define" : "images" });

    dialogShow(`Restore ${point.host}/${point.domain} of ${new Date(point.created).toLocaleString()}`, [
        problem ? element("p", { class: "failure", role: "alert" }, problem) : null,
        field("Directory to write the images into (nothing in it is overwritten)", to),
        field("Format of the images", format),
        element("fieldset", {}, element("legend", {}, "Disks"), point.disks.map((disk, i) =>
            element("label", {}, disks[i], ` ${disk.name}, ${size(disk.capacity)}`))),
        element("label", {}, define, " Define it as a new domain of this machine's libvirt"),
        field("Name of the new domain", name),
    ].filter(Boolean), [
        button("Close", "close", dialogClose),
        button("Show the plan", "plan", () => restorePlan(point, answers()), { class: "primary" }),
    ]);
    byId("dialog").onclose = () => focusOn(`restore-${point.id}`);
    to.focus();
}

function restoreWords(point, answers) {
    const words = ["restore", "--to", answers.to, "--format", answers.format];

    if (answers.disks.length < point.disks.length)
        for (const disk of answers.disks) words.push("--disk", disk);
    if (answers.way === "define") words.push("--define", "--name", answers.name || `${point.domain}-restored`);
    return words;
}

async function restorePlan(point, answers) {
    let plan;

    if (!answers.to.startsWith("/")) {
        restoreAsk(point, answers, "Name a directory, from / on.");
        return;
    }
    if (!answers.disks.length) {
        restoreAsk(point, answers, "Choose at least one disk.");
        return;
    }
    try {
        plan = await ask(...restoreWords(point, answers), "--dry-run", "--json", "--", point.id);
    } catch (problem) {
        restoreAsk(point, answers, problem.message);
        return;
    }
    dialogShow("What will be written", [
        element("p", {}, `From ${plan.point}. Nothing has been written yet.`),
        table("Plan", ["Disk", "File", "Size", "Written"], plan.disks.map((disk) => element("tr", {},
            element("th", { scope: "row" }, disk.name), element("td", {}, disk.path),
            element("td", { class: "figure" }, size(disk.capacity)), element("td", { class: "figure" }, size(disk.bytes))))),
        element("ul", {}, plan.different.map((text) => element("li", {},
            typeof text === "string" ? text : JSON.stringify(text)))),
        answers.way === "define" ? element("p", {}, `Then the domain ${answers.name || `${point.domain}-restored`} is defined; it is not started.`) : null,
    ].filter(Boolean), [
        button("Close", "close", dialogClose),
        button("Back", "back", () => restoreAsk(point, answers)),
        button("Restore", "restore", () => restoreDo(point, answers), { class: "primary" }),
    ]);
}

/* What a terminal would show: no escape codes, and of a line that was written over what came last. */
function asShown(output) {
    const lines = output.replace(/\x1b\[[0-9;?]*[A-Za-z]/g, "").replace(/\r+\n/g, "\n").split("\n");

    return lines.map((line) => line.split("\r").filter(Boolean).pop() || "").join("\n");
}

/* On a terminal, for there it tells how far it is. */
function restoreDo(point, answers) {
    const said = element("pre", { "aria-live": "polite", tabindex: 0 });
    const process = cockpit.spawn(["vmkeep", ...restoreWords(point, answers), "--", point.id],
        { superuser: "try", pty: true, environ: ["TERM=dumb", "COLUMNS=80"] });
    const stop = button("Stop", "stop", () => process.close("terminated"));
    const leave = (text, severity) => {
        dialogShow(text, [said], [button("Close", "close", dialogClose, { class: "primary" })]);
        byId("dialog-title").className = severity;
        byId("dialog").oncancel = null;
        refresh();
    };
    let all = "";

    dialogShow("Restoring", [said], [stop]);
    byId("dialog").oncancel = (event) => event.preventDefault(); /* Escape stops nothing half-way */
    process.stream((data) => {
        all += data;
        said.textContent = asShown(all);
    });
    process.then(() => leave("Restored", "good"), (problem) => {
        if (!all.trim()) said.textContent = explain(problem).message;
        leave(problem.problem === "terminated" ? "Stopped" : "Not restored", "risk");
    });
}

/* ---- the page ---- */

let shown = "";
let timer = null;
let turn = 0;

function place() {
    const path = cockpit.location.path;

    return path[0] === "domain" && path.length === 3 ? { host: path[1], name: path[2] } : null;
}

async function gather() {
    const where = place();
    const [status, jobs] = await Promise.all([ask("status", "--json"), ask("jobs", "--active", "--json")]);

    if (!where) return { status, jobs };
    const name = `${where.host}/${where.name}`;
    const [points, past] = await Promise.all([ask("points", "--json", "--", name).catch(() => []),
        ask("jobs", "--json", "--limit", String(JOBS_SHOWN), "--", name).catch(() => [])]);

    return { status, jobs, points, past, ...where };
}

function render(found) {
    const focus = document.activeElement && document.activeElement.dataset.key;
    const main = byId("main");

    byId("summary").textContent = found.status.summary;
    byId("summary").className = { risk: "risk", act: "act" }[found.status.severity] || "good";
    main.replaceChildren(...(place() ? showDomain(found) : showAll(found)).filter(Boolean));
    if (focus && !byId("dialog").open) focusOn(focus);
}

/* One at a time; the last that was asked for is the one that is shown. */
async function refresh() {
    const mine = ++turn;
    let busy = false;

    clearTimeout(timer);
    try {
        const found = await gather();

        if (mine !== turn) return;
        busy = found.jobs.length > 0;
        render(found);
        if (shown === "failed") fail(null);
        shown = "ok";
    } catch (problem) {
        if (mine !== turn) return;
        fail(problem);
        byId("summary").textContent = /Permission denied/.test(problem.message || problem)
            ? "You may not see the backups: that takes administrative access, which “Limited access” above turns on."
            : "vmkeep does not answer.";
        shown = "failed";
    }
    timer = setTimeout(refresh, busy ? REFRESH_BUSY_MS : REFRESH_MS);
}

/* Cockpit keeps the style that was chosen there; pages follow it themselves. */
function follow(style) {
    const chosen = style || localStorage.getItem("shell:style") || "auto";
    const dark = chosen === "dark" || (chosen === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);

    document.documentElement.classList.toggle("dark", dark);
}

window.addEventListener("storage", (event) => event.key === "shell:style" && follow());
window.addEventListener("cockpit-style", (event) => event instanceof CustomEvent && follow(event.detail.style));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => follow());
follow();
cockpit.addEventListener("locationchanged", () => {
    fail(null);
    refresh();
});
document.addEventListener("visibilitychange", () => document.hidden ? clearTimeout(timer) : refresh());
cockpit.transport.wait(refresh);
