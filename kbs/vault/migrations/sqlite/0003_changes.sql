-- Changes that need several people. Both tables only grow: where a change stands follows from the record.

-- The changes that were applied without their quorum and that nobody has acknowledged: ids, one after the other,
-- authenticated with the record's head.
ALTER TABLE meta ADD COLUMN break_glass BLOB NOT NULL DEFAULT x''
    CHECK (length(break_glass) <= 128 AND length(break_glass) % 32 = 0);

CREATE TABLE changes (
    id               BLOB    PRIMARY KEY CHECK (length(id) = 32),
    kind             TEXT    NOT NULL CHECK (kind IN ('policy', 'reference')),
    name             TEXT    NOT NULL CHECK (length(name) BETWEEN 1 AND 63),
    body             TEXT    NOT NULL,
    expected_version INTEGER CHECK (expected_version >= 1),
    author           TEXT    NOT NULL CHECK (length(author) BETWEEN 1 AND 63),
    nonce            BLOB    NOT NULL CHECK (length(nonce) = 16),
    signature        BLOB    NOT NULL CHECK (length(signature) = 64),
    proposed_at      INTEGER NOT NULL,
    decision         INTEGER NOT NULL REFERENCES decisions (seq),
    mac              BLOB    NOT NULL CHECK (length(mac) = 32)
) STRICT, WITHOUT ROWID;
CREATE INDEX changes_by_decision ON changes (decision);

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

CREATE TRIGGER changes_are_not_updated BEFORE UPDATE ON changes
    BEGIN SELECT RAISE(ABORT, 'changes are kept as they are'); END;
CREATE TRIGGER changes_are_not_deleted BEFORE DELETE ON changes
    BEGIN SELECT RAISE(ABORT, 'changes are kept as they are'); END;
CREATE TRIGGER change_votes_are_not_updated BEFORE UPDATE ON change_votes
    BEGIN SELECT RAISE(ABORT, 'changes are kept as they are'); END;
CREATE TRIGGER change_votes_are_not_deleted BEFORE DELETE ON change_votes
    BEGIN SELECT RAISE(ABORT, 'changes are kept as they are'); END;
