-- More that several people change together: keys, the inventory, and what the broker trusts. The tables are made
-- anew, for their checks name the kinds.

DROP TRIGGER rules_are_not_updated;
DROP TRIGGER rules_are_not_deleted;
ALTER TABLE rules RENAME TO rules_before;
CREATE TABLE rules (
    kind       TEXT    NOT NULL CHECK (kind IN ('policy', 'reference', 'inventory', 'trust')),
    name       TEXT    NOT NULL CHECK (length(name) BETWEEN 1 AND 63),
    version    INTEGER NOT NULL CHECK (version >= 1),
    body       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    decision   INTEGER NOT NULL REFERENCES decisions (seq),
    mac        BLOB    NOT NULL CHECK (length(mac) = 32),
    PRIMARY KEY (kind, name, version)
) STRICT, WITHOUT ROWID;
INSERT INTO rules SELECT kind, name, version, body, created_at, decision, mac FROM rules_before;
DROP TABLE rules_before;
CREATE TRIGGER rules_are_not_updated BEFORE UPDATE ON rules
    BEGIN SELECT RAISE(ABORT, 'rule versions are kept as they are'); END;
CREATE TRIGGER rules_are_not_deleted BEFORE DELETE ON rules
    BEGIN SELECT RAISE(ABORT, 'rule versions are kept as they are'); END;

-- What people said refers to the changes, and is set aside while their table is made anew.
CREATE TABLE change_votes_before AS
    SELECT change_id, word, person, reason, signature, at, decision, mac FROM change_votes;
DROP TABLE change_votes;
DROP TRIGGER changes_are_not_updated;
DROP TRIGGER changes_are_not_deleted;
DROP INDEX changes_by_decision;
ALTER TABLE changes RENAME TO changes_before;
-- The longest name is the longest id of a key: four segments of 63 with a slash between them.
CREATE TABLE changes (
    id               BLOB    PRIMARY KEY CHECK (length(id) = 32),
    kind             TEXT    NOT NULL CHECK (kind IN ('policy', 'reference', 'key', 'inventory', 'trust')),
    name             TEXT    NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
    body             TEXT    NOT NULL,
    expected_version INTEGER CHECK (expected_version >= 1),
    author           TEXT    NOT NULL CHECK (length(author) BETWEEN 1 AND 63),
    nonce            BLOB    NOT NULL CHECK (length(nonce) = 16),
    signature        BLOB    NOT NULL CHECK (length(signature) = 64),
    proposed_at      INTEGER NOT NULL,
    decision         INTEGER NOT NULL REFERENCES decisions (seq),
    mac              BLOB    NOT NULL CHECK (length(mac) = 32)
) STRICT, WITHOUT ROWID;
INSERT INTO changes SELECT id, kind, name, body, expected_version, author, nonce, signature, proposed_at, decision, mac
    FROM changes_before;
DROP TABLE changes_before;
CREATE INDEX changes_by_decision ON changes (decision);
CREATE INDEX changes_by_name ON changes (kind, name, decision);
CREATE TABLE change_votes (
    change_id BLOB    NOT NULL REFERENCES changes (id),
    word      TEXT    NOT NULL CHECK (word IN ('approve', 'break-glass', 'acknowledge')),
    person    TEXT    NOT NULL CHECK (length(person) BETWEEN 1 AND 63),
    reason    TEXT,
    signature BLOB    NOT NULL CHECK (length(signature) = 64),
    at        INTEGER NOT NULL,
    decision  INTEGER NOT NULL REFERENCES decisions (seq),
    mac       BLOB    NOT NULL CHECK (length(mac) = 32),
    PRIMARY KEY (change_id, decision)
) STRICT, WITHOUT ROWID;
INSERT INTO change_votes SELECT change_id, word, person, reason, signature, at, decision, mac FROM change_votes_before;
DROP TABLE change_votes_before;
CREATE TRIGGER changes_are_not_updated BEFORE UPDATE ON changes
    BEGIN SELECT RAISE(ABORT, 'changes are kept as they are'); END;
CREATE TRIGGER changes_are_not_deleted BEFORE DELETE ON changes
    BEGIN SELECT RAISE(ABORT, 'changes are kept as they are'); END;
CREATE TRIGGER change_votes_are_not_updated BEFORE UPDATE ON change_votes
    BEGIN SELECT RAISE(ABORT, 'changes are kept as they are'); END;
CREATE TRIGGER change_votes_are_not_deleted BEFORE DELETE ON change_votes
    BEGIN SELECT RAISE(ABORT, 'changes are kept as they are'); END;

-- The candidate that is asked beside the rules in force, with what was counted: at most one. It decides nothing.
CREATE TABLE shadow (
    id        INTEGER PRIMARY KEY CHECK (id = 1),
    candidate TEXT    NOT NULL,
    decision  INTEGER NOT NULL REFERENCES decisions (seq),
    since     INTEGER NOT NULL,
    seen      INTEGER NOT NULL CHECK (seen >= decision),
    report    TEXT    NOT NULL,
    mac       BLOB    NOT NULL CHECK (length(mac) = 32)
) STRICT;
