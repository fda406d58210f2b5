-- SPDX-License-Identifier: MIT
-- What the targets of notifications were told: of each, the conditions that it knows to be firing.
CREATE TABLE told (
    target    TEXT NOT NULL,
    condition TEXT NOT NULL,
    facts     TEXT NOT NULL,
    since     INTEGER NOT NULL,
    times     INTEGER NOT NULL,
    again     INTEGER NOT NULL,
    PRIMARY KEY (target, condition)
) STRICT, WITHOUT ROWID;

-- What is still to be sent, in this order to each target.  began: it is being sent since then, or
-- was when the daemon died; unsure: how often that was so.
CREATE TABLE message (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    target  TEXT NOT NULL,
    kind    TEXT NOT NULL,
    subject TEXT NOT NULL,
    body    TEXT NOT NULL,
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    next    INTEGER NOT NULL,
    tries   INTEGER NOT NULL DEFAULT 0,
    unsure  INTEGER NOT NULL DEFAULT 0,
    began   INTEGER NOT NULL DEFAULT 0,
    problem TEXT
) STRICT;
CREATE INDEX message_of ON message (target, id);

-- How sending to each goes.
CREATE TABLE target (
    name     TEXT PRIMARY KEY,
    sent     INTEGER NOT NULL DEFAULT 0,
    tested   INTEGER NOT NULL DEFAULT 0,
    failed   INTEGER NOT NULL DEFAULT 0,
    problem  TEXT,
    n_sent   INTEGER NOT NULL DEFAULT 0,
    n_failed INTEGER NOT NULL DEFAULT 0,
    n_lost   INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- Of each policy: the first job of the run that was told to have begun, and up to which job its
-- runs were told to have ended.
CREATE TABLE policy_run (
    policy TEXT PRIMARY KEY,
    began  INTEGER NOT NULL,
    ended  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
