import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { z } from 'zod';

const BIN = fileURLToPath(new URL('../../../../bin/tidemark.mjs', import.meta.url));

const report = z.looseObject({
  customers: z.int(),
  differences: z.array(z.unknown()),
  pending_drift: z.array(z.unknown()),
});
export type Report = z.output<typeof report>;

/** What `tidemark verify` finds in the system with this environment: every answer held against raw history. */
export async function verify(env: Readonly<Record<string, string>>, apiUrl: string): Promise<Report> {
  const own = { PATH: process.env.PATH, ...env, TIDEMARK_API_URL: apiUrl };
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [BIN, 'verify', '--json'], { env: own });
    return report.parse(JSON.parse(stdout));
  } catch (error) {
    // 1: there are differences, and they are on stdout.
    const stdout = error instanceof Error && 'stdout' in error ? String(error.stdout) : '';
    if (stdout === '') throw error;
    return report.parse(JSON.parse(stdout));
  }
}
