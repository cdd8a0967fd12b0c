/** Where a bench may work: a server of its own, and a folder that is removed afterwards. */
export type Bench = {
  readonly name: string;
  readonly unit: string;
  /** What the baseline is, in a few words. */
  readonly against: string;
  /** Least ratio of value to baseline. */
  readonly goal: number;
  /** Whether the baseline needs PostgreSQL: then it says nothing of other stores. */
  readonly embeddedOnly?: boolean;
  run(place: Place): Promise<Rates>;
};

export type Place = {
  /** A new, empty database. */
  database(): Promise<string>;
  /** A new, empty log and new, empty views on the stores that are measured. */
  log(): Promise<string>;
  views(): Promise<string>;
  readonly folder: string;
  /** 1 is the bench as it is meant; less is quicker and says less. */
  readonly scale: number;
};

/** Both measured in the same run, on the same machine, one after the other. */
export type Rates = { readonly value: number; readonly baseline: number };

export type Result = Rates & {
  readonly name: string;
  readonly unit: string;
  readonly against: string;
  readonly ratio: number;
  readonly goal: number;
  readonly met: boolean;
};

export async function measure(bench: Bench, place: Place): Promise<Result> {
  const { name, unit, against, goal } = bench;
  const { value, baseline } = await bench.run(place);
  const ratio = value / baseline;
  return { name, unit, against, value, baseline, ratio, goal, met: ratio >= goal };
}

/** Things a second. */
export async function rate(things: number, work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return (things / (performance.now() - began)) * 1000;
}

export const scaled = (things: number, { scale }: Place): number => Math.max(100, Math.round(things * scale));
