-- The store. Times are seconds since 1970-01-01T00:00:00Z. Material is stored as records: a salt of 32
-- bytes and AES-256-GCM ciphertext under a key derived from it; associated data name what is inside.

CREATE TABLE meta (
    id          INTEGER PRIMARY KEY CHECK (id = 1),
    store_id    BLOB    NOT NULL CHECK (length(store_id) = 16),
    seal_kind   TEXT    NOT NULL,
    sealed_root BLOB    NOT NULL,
    created_at  INTEGER NOT NULL,
    -- The record's head, the newest time seen and the newest change of a rule, authenticated together.
    head_seq    INTEGER NOT NULL CHECK (head_seq >= 0),
    head_hash   BLOB    NOT NULL CHECK (length(head_hash) = 32),
    clock_high  INTEGER NOT NULL CHECK (clock_high >= 0),
    rules_epoch INTEGER NOT NULL CHECK (rules_epoch >= 0),
    mac         BLOB    NOT NULL CHECK (length(mac) = 32)
) STRICT;

-- The newest row's number is head_seq; nothing else numbers rows.
CREATE TABLE decisions (
    seq     INTEGER PRIMARY KEY CHECK (seq >= 1),
    hash    BLOB NOT NULL CHECK (length(hash) = 32),
    row     TEXT NOT NULL CHECK (json_valid(row)),
    action  TEXT NOT NULL GENERATED ALWAYS AS (json_extract(row, '$.action')) VIRTUAL,
    outcome TEXT NOT NULL GENERATED ALWAYS AS (json_extract(row, '$.outcome')) VIRTUAL,
    subject TEXT          GENERATED ALWAYS AS (json_extract(row, '$.subject')) VIRTUAL
) STRICT;

CREATE INDEX decisions_about_rules ON decisions (action, subject, seq)
    WHERE outcome = 'granted' AND subject IS NOT NULL;

CREATE TRIGGER decisions_are_not_updated BEFORE UPDATE ON decisions
    BEGIN SELECT RAISE(ABORT, 'decisions are append-only'); END;
CREATE TRIGGER decisions_are_not_deleted BEFORE DELETE ON decisions
    BEGIN SELECT RAISE(ABORT, 'decisions are append-only'); END;
-- Without this, INSERT OR REPLACE would rewrite a row and fire neither of the two above.
CREATE TRIGGER decisions_are_appended BEFORE INSERT ON decisions
    WHEN NEW.seq <> (SELECT ifnull(max(seq), 0) + 1 FROM decisions)
    BEGIN SELECT RAISE(ABORT, 'decisions are append-only'); END;

CREATE TABLE tenants (
    tenant     TEXT    PRIMARY KEY CHECK (length(tenant) BETWEEN 1 AND 63),
    salt       BLOB    NOT NULL CHECK (length(salt) = 32),
    ciphertext BLOB    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE keys (
    id              TEXT    PRIMARY KEY,
    tenant          TEXT    NOT NULL REFERENCES tenants (tenant),
    kind            TEXT    NOT NULL CHECK (kind IN ('key', 'secret')),
    algorithm       TEXT    NOT NULL CHECK (algorithm IN ('aes-256', 'opaque')),
    minimum_tier    INTEGER NOT NULL CHECK (minimum_tier BETWEEN 0 AND 4),
    require_cpu_tee INTEGER NOT NULL CHECK (require_cpu_tee IN (0, 1)),
    current_version INTEGER NOT NULL CHECK (current_version >= 1),
    created_at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE key_versions (
    key_id     TEXT    NOT NULL REFERENCES keys (id),
    version    INTEGER NOT NULL CHECK (version >= 1),
    salt       BLOB    NOT NULL CHECK (length(salt) = 32),
    ciphertext BLOB    NOT NULL,
    state      TEXT    NOT NULL CHECK (state IN ('enabled', 'disabled', 'destroyed')),
    created_at INTEGER NOT NULL,
    releases   INTEGER NOT NULL DEFAULT 0 CHECK (releases >= 0),
    PRIMARY KEY (key_id, version)
) STRICT, WITHOUT ROWID;

-- Challenges that were used, kept until nobody would accept them any more.
CREATE TABLE nonces (
    digest     BLOB    PRIMARY KEY CHECK (length(digest) = 32),
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX nonces_by_expiry ON nonces (expires_at);

CREATE TABLE sessions (
    id               TEXT    PRIMARY KEY CHECK (length(id) = 32),
    recipient_digest BLOB    NOT NULL CHECK (length(recipient_digest) = 32),
    evidence_digest  BLOB    NOT NULL CHECK (length(evidence_digest) = 32),
    tier             INTEGER NOT NULL CHECK (tier BETWEEN 0 AND 4),
    lab              INTEGER NOT NULL CHECK (lab IN (0, 1)),
    opened_at        INTEGER NOT NULL,
    renewed_at       INTEGER NOT NULL,
    expires_at       INTEGER NOT NULL,
    revoked_at       INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE grants (
    session_id TEXT    NOT NULL REFERENCES sessions (id),
    key_id     TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    tier       INTEGER NOT NULL CHECK (tier BETWEEN 0 AND 4),
    granted_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    releases   INTEGER NOT NULL CHECK (releases >= 1),
    decision   INTEGER NOT NULL REFERENCES decisions (seq),
    PRIMARY KEY (session_id, key_id, version),
    FOREIGN KEY (key_id, version) REFERENCES key_versions (key_id, version)
) STRICT, WITHOUT ROWID;
CREATE INDEX grants_by_decision ON grants (decision);

-- Policies and reference sets: every version, forever.
CREATE TABLE rules (
    kind       TEXT    NOT NULL CHECK (kind IN ('policy', 'reference')),
    name       TEXT    NOT NULL CHECK (length(name) BETWEEN 1 AND 63),
    version    INTEGER NOT NULL CHECK (version >= 1),
    body       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    decision   INTEGER NOT NULL REFERENCES decisions (seq),
    mac        BLOB    NOT NULL CHECK (length(mac) = 32),
    PRIMARY KEY (kind, name, version)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER rules_are_not_updated BEFORE UPDATE ON rules
    BEGIN SELECT RAISE(ABORT, 'rule versions are kept as they are'); END;
CREATE TRIGGER rules_are_not_deleted BEFORE DELETE ON rules
    BEGIN SELECT RAISE(ABORT, 'rule versions are kept as they are'); END;

-- What a bearer token rests on: the evidence as sent, to be verified again at each use.
CREATE TABLE attestations (
    token_id     TEXT    PRIMARY KEY CHECK (length(token_id) BETWEEN 1 AND 64),
    document     BLOB    NOT NULL,
    nonce        TEXT    NOT NULL,
    recipient    TEXT    NOT NULL,
    runtime_data TEXT,
    attested_at  INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    decision     INTEGER NOT NULL REFERENCES decisions (seq)
) STRICT;
CREATE INDEX attestations_by_expiry ON attestations (expires_at);

-- Keys of the broker itself, generated once.
CREATE TABLE broker_keys (
    purpose    TEXT PRIMARY KEY,
    salt       BLOB NOT NULL CHECK (length(salt) = 32),
    ciphertext BLOB NOT NULL
) STRICT, WITHOUT ROWID;
