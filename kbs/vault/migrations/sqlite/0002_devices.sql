-- Devices: which session holds which, and which machine has which. A machine is written KIND:ID@ROOT, a device
-- PDI@ROOT, as programs print them.

-- What stands for the whole table `holds`, authenticated with the record's head.
ALTER TABLE meta ADD COLUMN holds_count INTEGER NOT NULL DEFAULT 0 CHECK (holds_count >= 0);
ALTER TABLE meta ADD COLUMN holds_digest BLOB NOT NULL
    DEFAULT x'0000000000000000000000000000000000000000000000000000000000000000'
    CHECK (length(holds_digest) = 32);

-- What a session's newest evidence is of; devices with a space before each.
ALTER TABLE sessions ADD COLUMN superseded INTEGER NOT NULL DEFAULT 0 CHECK (superseded IN (0, 1));
ALTER TABLE sessions ADD COLUMN machine TEXT;
ALTER TABLE sessions ADD COLUMN devices TEXT NOT NULL DEFAULT '';

CREATE TABLE holds (
    root             BLOB    NOT NULL CHECK (length(root) = 32),
    pdi              BLOB    NOT NULL CHECK (length(pdi) = 8),
    session_id       TEXT    NOT NULL REFERENCES sessions (id),
    recipient_digest BLOB    NOT NULL CHECK (length(recipient_digest) = 32),
    machine          TEXT,
    since            INTEGER NOT NULL,
    until            INTEGER NOT NULL,
    mac              BLOB    NOT NULL CHECK (length(mac) = 32),
    PRIMARY KEY (root, pdi, session_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX holds_by_session ON holds (session_id);
CREATE INDEX holds_by_end ON holds (until);

-- The inventory is versioned as policies are: the table is made anew, for its check names the kinds.
DROP TRIGGER rules_are_not_updated;
DROP TRIGGER rules_are_not_deleted;
ALTER TABLE rules RENAME TO rules_before;
CREATE TABLE rules (
    kind       TEXT    NOT NULL CHECK (kind IN ('policy', 'reference', 'inventory')),
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
