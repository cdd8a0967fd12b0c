-- Up Migration
-- What a generation corrected of the view before it: one row a generation, replaced when it is measured again.

CREATE TABLE tidemark_catalog.drift (
  generation bigint PRIMARY KEY REFERENCES tidemark_catalog.runs ON DELETE CASCADE,
  status text NOT NULL CHECK (status IN ('measured', 'not measured')),
  reason text,
  base bigint,
  as_of timestamptz(3) NOT NULL,
  measured_at timestamptz(3) NOT NULL,
  compared bigint NOT NULL CHECK (compared >= 0),
  differing bigint NOT NULL CHECK (differing >= 0),
  causes json NOT NULL,
  metrics json NOT NULL,
  CHECK ((status = 'measured') = (reason IS NULL))
);
COMMENT ON TABLE tidemark_catalog.drift IS 'What the batch view and the deltas before a generation said otherwise than the generation, and why';
COMMENT ON COLUMN tidemark_catalog.drift.causes IS 'Cause to customers that have it';
COMMENT ON COLUMN tidemark_catalog.drift.metrics IS 'By metric: customers, differences and causes, with a few examples each';

-- Down Migration
DROP TABLE tidemark_catalog.drift;
