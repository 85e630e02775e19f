-- schema-4.sql - version 4: which variant of its lab a session is.

ALTER TABLE session ADD COLUMN variant TEXT; -- NULL = the lab has none
