import type { Random } from '@tidemark/simulator';

/** What may go wrong in a history. A seed that fails is tried again without one kind after the other. */
export type Faults = {
  /** How likely a call of a port is to meet with anything of it. */
  readonly rate: number;
  /** Processes are killed, before, in and after calls. */
  readonly kills: boolean;
  /** Stores and the log can't be reached. */
  readonly outages: boolean;
  /** What was done is not acknowledged. */
  readonly lostAnswers: boolean;
  /** Writes arrive long after they were given up. */
  readonly late: boolean;
  /** Writes arrive twice. */
  readonly repeats: boolean;
  /** Processes stand still, lose what they held, and wake up. */
  readonly stops: boolean;
  /** The wall clock jumps, also back. */
  readonly jumps: boolean;
  /** The log gets more partitions, and clients hear of it late. */
  readonly growth: boolean;
  /** The lake's listings lag behind. */
  readonly lags: boolean;
  /** The right to run is lost while the run goes on. */
  readonly lostLocks: boolean;
  /** Generations are gone back from. */
  readonly rollbacks: boolean;
  /** History is imported. */
  readonly imports: boolean;
  /** The log forgets what nobody needs. */
  readonly retention: boolean;
  /** Another definition is filled beside the one served, and switched to. */
  readonly switches: boolean;
  /** Clients take the whole view, slowly. */
  readonly exports: boolean;
  /** What is imported comes in files, some of them twice. */
  readonly files: boolean;
  /** The log's topic is deleted and made anew. */
  readonly remade: boolean;
};

export type FaultKind = Exclude<keyof Faults, 'rate'>;

export const FAULT_KINDS: readonly FaultKind[] = [
  'kills',
  'outages',
  'lostAnswers',
  'late',
  'repeats',
  'stops',
  'jumps',
  'growth',
  'lags',
  'lostLocks',
  'rollbacks',
  'imports',
  'retention',
  'switches',
  'exports',
  'files',
  'remade',
];

/** In calm histories runs come to their ends, in wild ones hardly any: both see what the other doesn't. */
const RATES = [0, 0.002, 0.005, 0.02] as const;

/** Every kind but those left out, more or less of it. */
export function faultsOf(random: Random, without: readonly FaultKind[]): Faults {
  const has = (kind: FaultKind) => !without.includes(kind);
  return {
    rate: random.pick(RATES),
    kills: has('kills'),
    outages: has('outages'),
    lostAnswers: has('lostAnswers'),
    late: has('late'),
    repeats: has('repeats'),
    stops: has('stops'),
    jumps: has('jumps'),
    growth: has('growth'),
    lags: has('lags'),
    lostLocks: has('lostLocks'),
    rollbacks: has('rollbacks'),
    imports: has('imports'),
    retention: has('retention'),
    switches: has('switches'),
    exports: has('exports'),
    files: has('files'),
    remade: has('remade'),
  };
}
