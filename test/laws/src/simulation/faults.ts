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
};

export type FaultKind = Exclude<keyof Faults, 'rate'>;

export const ALL_FAULTS: Faults = {
  rate: 0.03,
  kills: true,
  outages: true,
  lostAnswers: true,
  late: true,
  repeats: true,
  stops: true,
  jumps: true,
  growth: true,
  lags: true,
  lostLocks: true,
  rollbacks: true,
  imports: true,
  retention: true,
};

export const FAULT_KINDS = Object.keys(ALL_FAULTS).filter((name): name is FaultKind => name !== 'rate');

export function without(kinds: readonly FaultKind[]): Faults {
  return { ...ALL_FAULTS, ...Object.fromEntries(kinds.map((kind) => [kind, false])) };
}
