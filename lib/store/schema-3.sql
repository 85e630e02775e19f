-- schema-3.sql - version 3: the grade of a repository's lab is one of "repo/slug", as it is started.
-- Until then it was one of the catalogue's lab with that slug; its session knows better.

UPDATE grade
SET lab = (SELECT substr(source, 6) FROM session WHERE id = grade.session) || '/' || lab
WHERE session IN (SELECT id FROM session WHERE source LIKE 'repo/%');

-- A slug asks for the grades of every lab that has it: an index on whole names is of no use.
DROP INDEX grade_lab;
