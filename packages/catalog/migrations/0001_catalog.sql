-- Up Migration
-- What the batch layer remembers of itself. Numbers are decided here; rows and pointers live in the view store.

CREATE TABLE tidemark_catalog.runs (
  generation bigint PRIMARY KEY CHECK (generation > 0),
  definition text NOT NULL,
  status text NOT NULL CHECK (status IN ('running', 'published', 'kept', 'rejected', 'failed', 'abandoned')),
  partitions int[] NOT NULL,
  imports bigint NOT NULL CHECK (imports >= 0),
  barrier_at timestamptz(3) NOT NULL,
  cut jsonb,
  began_publishing_at timestamptz(3),
  published_at timestamptz(3),
  base bigint,
  excluded bigint[],
  snapshot_path text,
  snapshot_sha256 text,
  reason text,
  CHECK ((published_at IS NULL) = (excluded IS NULL)),
  CHECK (published_at IS NULL OR began_publishing_at IS NOT NULL),
  CHECK ((snapshot_path IS NULL) = (snapshot_sha256 IS NULL))
);
CREATE INDEX runs_of_definition ON tidemark_catalog.runs (definition, generation DESC);
COMMENT ON TABLE tidemark_catalog.runs IS 'One row a batch run; its number is the generation it makes and is never used again';
COMMENT ON COLUMN tidemark_catalog.runs.imports IS 'Number of the last import that the cut covers';
COMMENT ON COLUMN tidemark_catalog.runs.cut IS 'Partition to offset of the first barrier numbered >= generation, as text';
COMMENT ON COLUMN tidemark_catalog.runs.began_publishing_at IS 'Set before the first row is written; such a number is in every later lineage';
COMMENT ON COLUMN tidemark_catalog.runs.excluded IS 'Generations whose rows readers of this one pass over; fixed when it was published';

CREATE TABLE tidemark_catalog.steps (
  generation bigint NOT NULL REFERENCES tidemark_catalog.runs ON DELETE CASCADE,
  name text NOT NULL,
  started_at timestamptz(3) NOT NULL,
  ended_at timestamptz(3),
  counts jsonb NOT NULL DEFAULT '{}',
  PRIMARY KEY (generation, name)
);

CREATE TABLE tidemark_catalog.imports (
  number bigint PRIMARY KEY CHECK (number > 0),
  file text NOT NULL,
  sha256 text NOT NULL,
  source text NOT NULL,
  counts jsonb NOT NULL,
  imported_at timestamptz(3) NOT NULL
);

CREATE TABLE tidemark_catalog.unknown_fields (
  name text PRIMARY KEY,
  count bigint NOT NULL
);
COMMENT ON TABLE tidemark_catalog.unknown_fields IS 'How often events carried a field that no schema knows';

CREATE TABLE tidemark_catalog.counted (
  key text PRIMARY KEY,
  counted_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE tidemark_catalog.counted IS 'What was added to a count already: a step that runs again adds nothing';

CREATE TABLE tidemark_catalog.settings (
  name text PRIMARY KEY,
  value text NOT NULL
);
COMMENT ON TABLE tidemark_catalog.settings IS 'Decided at the first start and kept: the currency, the version of the data';

-- Down Migration
DROP TABLE tidemark_catalog.settings, tidemark_catalog.counted, tidemark_catalog.unknown_fields,
  tidemark_catalog.imports, tidemark_catalog.steps, tidemark_catalog.runs;
