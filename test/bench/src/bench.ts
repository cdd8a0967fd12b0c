/** What is measured: a value, beside what, and how far it should get. */
export type Subject = {
  readonly name: string;
  readonly unit: string;
  /** What the baseline is, in a few words. */
  readonly against: string;
  readonly goal: Goal;
};

export type Bench = Subject & {
  /** Whether the baseline needs PostgreSQL: then it says nothing of other stores. */
  readonly embeddedOnly?: boolean;
  /** Whether only Linux can tell what it measures. */
  readonly linuxOnly?: boolean;
  /** For what takes long and does not depend on what the machine does beside it. */
  readonly mostRounds?: number;
  /** Whether it measures what there is on Kafka and Cassandra alone. */
  readonly serversOnly?: boolean;
  /** What else its rounds measure: one that a round has no figures of is left out. */
  readonly beside?: readonly Subject[];
  /** Other people's software that the baseline is, and that comes from elsewhere. */
  readonly peer?: {
    /** Fetches what is missing; throws when it can't. */
    prepare(): Promise<void>;
  };
  /** One round: both, one after the other, on stores that are new. */
  run(place: Place): Promise<Figures & { readonly beside?: Readonly<Record<string, Figures>> }>;
};

/** What has to be reached, by the value itself or by its ratio to the baseline. */
export type Goal = { readonly of: 'ratio' | 'value'; readonly is: 'at least' | 'at most'; readonly than: number };

export const ratioAtLeast = (than: number): Goal => ({ of: 'ratio', is: 'at least', than });
export const ratioAtMost = (than: number): Goal => ({ of: 'ratio', is: 'at most', than });
export const valueAtLeast = (than: number): Goal => ({ of: 'value', is: 'at least', than });
export const valueAtMost = (than: number): Goal => ({ of: 'value', is: 'at most', than });

/** Where a bench may work: servers of its own, and a folder that is removed afterwards. */
export type Place = {
  /** A new, empty database. */
  database(): Promise<string>;
  /** A new, empty log and new, empty views on the stores that are measured. */
  log(): Promise<string>;
  views(): Promise<string>;
  /** A new, empty folder. */
  folder(): Promise<string>;
  /** 1 is the bench as it is meant; less is quicker and says less. */
  readonly scale: number;
};

/** Both in the bench's unit. */
export type Figures = { readonly value: number; readonly baseline: number };

export type Result = Subject & Figures & { readonly ratio: number; readonly met: boolean; readonly rounds: number };

/** Medians of the rounds wanted, or of fewer where a bench says so: value and baseline take turns, so that what the machine does beside them meets both. */
export async function measure(bench: Bench, place: Place, wanted: number): Promise<readonly Result[]> {
  const rounds = Math.min(wanted, bench.mostRounds ?? wanted);
  const all: Awaited<ReturnType<Bench['run']>>[] = [];
  for (let round = 0; round < rounds; round++) all.push(await bench.run(place));
  const besides = (bench.beside ?? []).flatMap((subject) => {
    const figures = all.flatMap(({ beside }) => beside?.[subject.name] ?? []);
    return figures.length === rounds ? [resultOf(subject, figures)] : [];
  });
  return [resultOf(bench, all), ...besides];
}

function resultOf({ name, unit, against, goal }: Subject, all: readonly Figures[]): Result {
  const value = median(all.map((figures) => figures.value));
  const baseline = median(all.map((figures) => figures.baseline));
  const ratio = value / baseline;
  return { name, unit, against, value, baseline, ratio, goal, met: isMet(goal, { value, ratio }), rounds: all.length };
}

function isMet({ of, is, than }: Goal, reached: { readonly value: number; readonly ratio: number }): boolean {
  return is === 'at least' ? reached[of] >= than : reached[of] <= than;
}

/** The middle one; of an even number, the upper of the two. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The smallest of the values that at least so large a part of them does not exceed. NaN of none. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}

/** Things a second. */
export async function rate(things: number, work: () => Promise<unknown>): Promise<number> {
  return (things / (await duration(work))) * 1000;
}

/** Milliseconds. */
export async function duration(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

export const scaled = (things: number, { scale }: Place): number => Math.max(100, Math.round(things * scale));
