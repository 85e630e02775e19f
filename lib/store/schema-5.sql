-- schema-5.sql - version 5: how many warnings a session has had that it ends soon.

ALTER TABLE session ADD COLUMN warned INTEGER NOT NULL DEFAULT 0 CHECK (warned >= 0);
