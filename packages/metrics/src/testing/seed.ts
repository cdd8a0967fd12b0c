const chosen = process.env.TIDEMARK_SEED;

/** The seed of every random test of this run: `TIDEMARK_SEED` when it is set, else a new one. */
export const SEED = chosen === undefined ? Date.now() % 0x7fff_ffff : Number.parseInt(chosen, 10);

/** Parameters for `fc.assert` and `fc.sample`; says on the console how the run can be had again. */
export function seeded(what: string, numRuns: number): { readonly seed: number; readonly numRuns: number } {
  console.info(`${what}: TIDEMARK_SEED=${SEED}, ${numRuns} runs`);
  return { seed: SEED, numRuns };
}
