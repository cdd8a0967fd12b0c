import type { BeginRun, Catalog, Drift, ImportEntry, Run, RunPatch, RunStep, StepName } from '@tidemark/catalog';
import { CatalogError } from '@tidemark/catalog';
import type { Process, Simulation } from './simulation.ts';

type Stored = { -readonly [K in keyof Run]: Run[K] };

/** The catalog's tables and locks, as its processes share them. */
export class CatalogState {
  readonly runs = new Map<number, Stored>();
  readonly unknown = new Map<string, bigint>();
  readonly counted = new Set<string>();
  readonly settings = new Map<string, string>();
  readonly drifts = new Map<number, Drift>();
  readonly imports = new Map<number, ImportEntry>();
  /** Who has the right to run, and who holds the cut. */
  runner: Process | null = null;
  cutHolder: Process | null = null;

  newestFirst(definition: string | undefined): Stored[] {
    const runs = [...this.runs.values()].filter((run) => definition === undefined || run.definition === definition);
    return runs.sort((a, b) => b.generation - a.generation);
  }

  /** Runs that were published, newest first. */
  published(definition: string): readonly Run[] {
    return this.newestFirst(definition).filter(({ publishedAtMs }) => publishedAtMs !== null);
  }

  run(generation: number): Stored {
    const found = this.runs.get(generation);
    if (found) return found;
    throw new CatalogError('TIDEMARK_CATALOG_NO_RUN', `The catalog has no run ${generation}.`);
  }

  begin({ definition, partitions, atMs, above }: BeginRun, imports: number): Run {
    const earlier = this.newestFirst(definition);
    for (const run of earlier.filter(({ status }) => status === 'running')) run.status = 'abandoned';
    const highest = Math.max(above, ...this.runs.keys());
    const known = new Set([...partitions, ...[...this.runs.values()].flatMap((run) => run.partitions)]);
    const run: Stored = {
      generation: highest + 1,
      definition,
      status: 'running',
      partitions: [...known].sort((a, b) => a - b),
      imports,
      barrierAtMs: atMs,
      cut: null,
      beganPublishingAtMs: null,
      publishedAtMs: null,
      base: null,
      excluded: null,
      snapshot: null,
      reason: null,
      steps: [],
    };
    this.runs.set(run.generation, run);
    return { ...run };
  }

  publish(generation: number, base: number | null, excluded: readonly number[], atMs: number): void {
    const run = this.run(generation);
    const again = run.publishedAtMs === null || (run.base === base && String(run.excluded) === String(excluded));
    if (run.beganPublishingAtMs === null || !again)
      throw new CatalogError('TIDEMARK_CATALOG_CONFLICT', `Generation ${generation} can't be published so.`);
    Object.assign(run, { status: 'published', reason: null, publishedAtMs: run.publishedAtMs ?? atMs, base, excluded });
  }

  recordImport(entry: ImportEntry): void {
    const known = this.imports.get(entry.number);
    if (known && known.sha256 !== entry.sha256)
      throw new CatalogError('TIDEMARK_CATALOG_CONFLICT', `Import ${entry.number} is recorded already.`);
    this.imports.set(entry.number, known ?? entry);
  }

  setStep(generation: number, step: RunStep): void {
    const run = this.run(generation);
    run.steps = [...run.steps.filter(({ name }) => name !== step.name), step];
  }
}

/** The catalog as one process sees it: each statement is a call, what it holds goes with it. */
export function simulatedCatalog(simulation: Simulation, process: Process, state: CatalogState): Catalog {
  const read = <T>(name: string, effect: () => T) => simulation.call(process, `catalog.${name}`, 'read', effect);
  const commit = <T>(name: string, effect: () => T) => simulation.call(process, `catalog.${name}`, 'commit', effect);

  const holdingCut = async <T>(work: () => Promise<T>): Promise<T> => {
    const release = () => {
      if (state.cutHolder === process) state.cutHolder = null;
    };
    await simulation.call(
      process,
      'catalog.take the cut',
      'step',
      () => {
        state.cutHolder = process;
        process.onEnd.add(release);
      },
      () => state.cutHolder === null,
    );
    try {
      return await work();
    } finally {
      release();
    }
  };

  return {
    beginRun: (begin) =>
      holdingCut(async () => {
        const imports = await begin.lastImport();
        return commit('beginRun', () => state.begin(begin, imports));
      }),
    run: (generation) => read('run', () => copy(state.runs.get(generation) ?? null)),
    runs: ({ definition, limit }) =>
      read('runs', () =>
        state
          .newestFirst(definition)
          .slice(0, limit)
          .map((run) => ({ ...run })),
      ),
    updateRun: (generation, patch: RunPatch) =>
      commit('updateRun', () => {
        const run = state.run(generation);
        const { snapshot, status } = run;
        Object.assign(run, patch, run.publishedAtMs === null ? {} : { status });
        if (patch.snapshot && run.beganPublishingAtMs !== null) run.snapshot = snapshot;
      }),
    startStep: (generation, name: StepName, atMs) =>
      commit(`startStep ${name}`, () =>
        state.setStep(generation, { name, startedAtMs: atMs, endedAtMs: null, counts: {} }),
      ),
    endStep: (generation, name, atMs, counts) =>
      commit(`endStep ${name}`, () => state.setStep(generation, { name, startedAtMs: atMs, endedAtMs: atMs, counts })),
    markBegan: (generation, sha256, atMs) =>
      commit('markBegan', () => {
        const run = state.run(generation);
        if (run.snapshot?.sha256 !== sha256) return false;
        run.beganPublishingAtMs ??= atMs;
        return true;
      }),
    began: (definition) =>
      read('began', () =>
        state
          .newestFirst(definition)
          .filter(({ beganPublishingAtMs }) => beganPublishingAtMs !== null)
          .map(({ generation }) => generation)
          .reverse(),
      ),
    markPublished: (generation, { base, excluded, atMs }) =>
      commit('markPublished', () => state.publish(generation, base, excluded, atMs)),
    putDrift: (drift) =>
      commit('putDrift', () => {
        state.drifts.set(drift.generation, drift);
      }),
    drift: (generation) => read('drift', () => state.drifts.get(generation) ?? null),
    drifts: () => read('drifts', () => [...state.drifts.values()]),
    withImportLock: holdingCut,
    recordImport: (entry) => commit('recordImport', () => state.recordImport(entry)),
    imports: () => read('imports', () => [...state.imports.values()].sort((a, b) => a.number - b.number)),
    addUnknownFields: (counts, key) =>
      commit('addUnknownFields', () => {
        if (state.counted.has(key)) return false;
        state.counted.add(key);
        for (const [name, count] of counts) state.unknown.set(name, (state.unknown.get(name) ?? 0n) + count);
        return true;
      }),
    unknownFields: () => read('unknownFields', () => state.unknown),
    setting: (name) => read('setting', () => state.settings.get(name) ?? null),
    putSettingIfAbsent: (name, value) =>
      commit('putSettingIfAbsent', () => {
        if (!state.settings.has(name)) state.settings.set(name, value);
        return state.settings.get(name) ?? value;
      }),
    acquireRunLock: async () => {
      const release = () => {
        if (state.runner === process) state.runner = null;
      };
      const isTaken = await simulation.call(process, 'catalog.acquireRunLock', 'step', () => {
        if (state.runner !== null) return false;
        state.runner = process;
        process.onEnd.add(release);
        return true;
      });
      if (!isTaken) return null;
      return {
        isHeld: () => state.runner === process,
        lost: new AbortController().signal,
        release: async () => release(),
      };
    },
    close: async () => {},
  };
}

const copy = (run: Stored | null): Run | null => run && { ...run };
