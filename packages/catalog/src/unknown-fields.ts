import { type Pool, withTransaction } from '@tidemark/postgres';

export type UnknownFields = {
  /** Adds to the counts, once for each key: a step that runs again adds nothing. Answers whether it added. */
  addUnknownFields(counts: ReadonlyMap<string, bigint>, idempotencyKey: string): Promise<boolean>;
  /** Field name → how often it was seen, most frequent first. */
  unknownFields(): Promise<ReadonlyMap<string, bigint>>;
};

/** PostgreSQL's text holds neither; a name that has one is still one name. */
const storable = (name: string): string => name.replaceAll('\0', '\u2400').replaceAll(/\p{Surrogate}/gu, '\ufffd');

export function createUnknownFields(pool: Pool): UnknownFields {
  return {
    addUnknownFields: (counts, idempotencyKey) =>
      withTransaction(pool, async (client) => {
        const key = await client.query(
          'INSERT INTO tidemark_catalog.counted (key) VALUES ($1) ON CONFLICT DO NOTHING',
          [idempotencyKey],
        );
        if (key.rowCount !== 1) return false;
        await client.query(
          // In one order, so that two that add the same names can't wait for each other.
          `INSERT INTO tidemark_catalog.unknown_fields AS f (name, count)
           SELECT name, sum(count) FROM unnest($1::text[], $2::bigint[]) AS added (name, count) GROUP BY name ORDER BY name
           ON CONFLICT (name) DO UPDATE SET count = f.count + EXCLUDED.count`,
          [[...counts.keys()].map(storable), [...counts.values()]],
        );
        return true;
      }),
    unknownFields: async () => {
      const { rows } = await pool.query<{ name: string; count: bigint }>(
        'SELECT name, count FROM tidemark_catalog.unknown_fields ORDER BY count DESC, name',
      );
      return new Map(rows.map((row) => [row.name, row.count]));
    },
  };
}
