-- schema-2.sql - version 2: repositories of labs, and what their last sync said of each lab.

CREATE TABLE repo (
  name      TEXT PRIMARY KEY,
  url       TEXT NOT NULL,
  ref       TEXT,
  "commit"  TEXT NOT NULL,
  error     TEXT,
  has_key   INTEGER NOT NULL CHECK (has_key IN (0, 1)), -- the key itself is a file
  added_ms  INTEGER NOT NULL,
  synced_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE repo_lab (
  repo     TEXT NOT NULL,
  slug     TEXT NOT NULL,
  "commit" TEXT,           -- the last good one
  digest   TEXT,
  state    TEXT NOT NULL,
  problems TEXT,           -- JSON: lines
  PRIMARY KEY (repo, slug)
) STRICT, WITHOUT ROWID;
