-- How many grants of a key are live is counted in every release of it: by key, and only among those that have
-- not ended.
CREATE INDEX grants_by_key ON grants (key_id, expires_at);
