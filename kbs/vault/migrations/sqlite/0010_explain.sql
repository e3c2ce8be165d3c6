-- What past decisions rested on, so that they can be explained and made again: documents under the SHA-256
-- of their bytes, which the decision's row names. Nothing here is secret, and nothing here decides.
CREATE TABLE kept (
    digest     BLOB    PRIMARY KEY CHECK (length(digest) = 32),
    kind       TEXT    NOT NULL CHECK (kind IN ('facts', 'proof')),
    body       BLOB    NOT NULL,
    keep_until INTEGER NOT NULL
) STRICT;
CREATE INDEX kept_by_end ON kept (kind, keep_until);
