import type { Pool } from '@tidemark/postgres';

export type Settings = {
  setting(name: string): Promise<string | null>;
  /** Sets it unless it is set, and answers what it now is: the first to ask decides. */
  putSettingIfAbsent(name: string, value: string): Promise<string>;
};

export function createSettings(pool: Pool): Settings {
  return {
    setting: async (name) => {
      const { rows } = await pool.query<{ value: string }>(
        'SELECT value FROM tidemark_catalog.settings WHERE name = $1',
        [name],
      );
      return rows[0]?.value ?? null;
    },
    putSettingIfAbsent: async (name, value) => {
      const { rows } = await pool.query<{ value: string }>(
        `INSERT INTO tidemark_catalog.settings AS s (name, value) VALUES ($1, $2)
         ON CONFLICT (name) DO UPDATE SET value = s.value RETURNING value`,
        [name, value],
      );
      return rows[0]?.value ?? value;
    },
  };
}
