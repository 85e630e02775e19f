-- schema.sql - version 1 of the database. Later versions are files of their own (schema.c lists
-- them): what is released here never changes. Times are unix milliseconds, points milli-points.

CREATE TABLE meta (
  one     INTEGER PRIMARY KEY CHECK (one = 1),
  install TEXT NOT NULL,     -- uuid; also in the file 'install' beside the database
  epoch   INTEGER NOT NULL,  -- raised at each open
  next_id INTEGER NOT NULL   -- no id of this or a higher value was ever handed out
) STRICT;

CREATE TABLE session (
  id            INTEGER PRIMARY KEY,
  name          TEXT NOT NULL,
  lab           TEXT NOT NULL,
  source        TEXT NOT NULL,
  digest        TEXT NOT NULL,
  "commit"      TEXT,
  version       TEXT,
  seed          BLOB NOT NULL CHECK (length(seed) = 32),
  state         TEXT NOT NULL,
  gen           INTEGER NOT NULL,
  created_ms    INTEGER NOT NULL,
  ready_ms      INTEGER NOT NULL,
  expires_ms    INTEGER NOT NULL,
  keep_until_ms INTEGER NOT NULL,
  activity_ms   INTEGER NOT NULL,
  activity      TEXT,
  extended      INTEGER NOT NULL,
  cause         TEXT,
  tainted       INTEGER NOT NULL CHECK (tainted IN (0, 1)),
  ended_ms      INTEGER NOT NULL
) STRICT;
CREATE INDEX session_live ON session (id) WHERE state <> 'gone';

-- The intent journal: a row is committed before the engine is asked to change anything.
CREATE TABLE object (
  id         INTEGER PRIMARY KEY,
  session    INTEGER NOT NULL,  -- no foreign key: an orphan's session may be unknown
  gen        INTEGER NOT NULL,
  kind       TEXT NOT NULL CHECK (kind IN ('network', 'volume', 'container', 'exec')),
  role       TEXT,
  slot       TEXT,
  name       TEXT NOT NULL,
  engine_id  TEXT,
  state      TEXT NOT NULL CHECK (state IN ('intent', 'unknown', 'live', 'deleting', 'gone')),
  spec       TEXT,
  epoch      INTEGER NOT NULL,
  tries      INTEGER NOT NULL,
  changed_ms INTEGER NOT NULL,
  last_error TEXT
) STRICT;
CREATE INDEX object_open ON object (id) WHERE state <> 'gone';

CREATE TABLE event (
  id      INTEGER PRIMARY KEY,
  session INTEGER NOT NULL,
  at_ms   INTEGER NOT NULL,
  kind    TEXT NOT NULL,
  data    TEXT
) STRICT;
CREATE INDEX event_session ON event (session);

CREATE TABLE verdict (
  session  INTEGER NOT NULL REFERENCES session (id),
  "check"  TEXT NOT NULL,
  gen      INTEGER NOT NULL,
  at_ms    INTEGER NOT NULL,
  ms       INTEGER NOT NULL,
  earned_m INTEGER NOT NULL,
  verdict  TEXT NOT NULL CHECK (verdict IN ('pass', 'fail', 'error', 'timeout', 'skipped')),
  reason   TEXT,
  text     TEXT,
  hint     TEXT,
  output   TEXT,
  quick    INTEGER NOT NULL CHECK (quick IN (0, 1)),
  PRIMARY KEY (session, "check")
) STRICT, WITHOUT ROWID;

CREATE TABLE hint (
  session INTEGER NOT NULL REFERENCES session (id),
  task    TEXT NOT NULL,
  hint    TEXT NOT NULL,
  cost_m  INTEGER NOT NULL,
  at_ms   INTEGER NOT NULL,
  PRIMARY KEY (session, task, hint)
) STRICT, WITHOUT ROWID;

CREATE TABLE grade (
  id         INTEGER PRIMARY KEY,
  session    INTEGER NOT NULL REFERENCES session (id),
  lab        TEXT NOT NULL,
  n          INTEGER NOT NULL,
  key        TEXT NOT NULL UNIQUE,
  state      TEXT NOT NULL CHECK (state IN ('running', 'done', 'incomplete', 'aborted')),
  seed       BLOB NOT NULL CHECK (length(seed) = 32),
  options    TEXT,
  started_ms INTEGER NOT NULL,
  ended_ms   INTEGER NOT NULL,
  result     TEXT,
  record_seq INTEGER NOT NULL
) STRICT;
CREATE INDEX grade_lab ON grade (lab);

-- Signed records. Nothing that was written here changes or goes; a chain has no gap.
CREATE TABLE record (
  chain     TEXT NOT NULL,
  seq       INTEGER NOT NULL,
  record_id TEXT NOT NULL,
  body      TEXT NOT NULL,
  hash      BLOB NOT NULL CHECK (length(hash) = 32),
  sig       BLOB NOT NULL CHECK (length(sig) = 64),
  at_ms     INTEGER NOT NULL,
  PRIMARY KEY (chain, seq)
) STRICT;
CREATE UNIQUE INDEX record_by_id ON record (record_id);
CREATE TRIGGER record_kept BEFORE DELETE ON record BEGIN
  SELECT raise(ABORT, 'records are append-only');
END;
CREATE TRIGGER record_unchanged BEFORE UPDATE ON record BEGIN
  SELECT raise(ABORT, 'records are append-only');
END;
-- Also what keeps INSERT OR REPLACE out, which fires no DELETE trigger.
CREATE TRIGGER record_next BEFORE INSERT ON record
WHEN new.seq <> (SELECT coalesce(max(seq), 0) + 1 FROM record WHERE chain = new.chain)
  OR EXISTS (SELECT 1 FROM record WHERE record_id = new.record_id)
BEGIN
  SELECT raise(ABORT, 'a record is not the next of its chain');
END;
