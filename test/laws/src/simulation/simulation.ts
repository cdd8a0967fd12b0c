import { createHash } from 'node:crypto';
import { TidemarkError } from '@tidemark/contracts';
import type { Random } from '@tidemark/simulator';
import type { Faults } from './faults.ts';
import { SimulatedTime } from './simulated-time.ts';

/** What the seed lets happen to a call of a port. */
export type Fate =
  /** It takes effect and its caller hears of it. */
  | 'done'
  /** The process ends with it: before it had any effect, or after. */
  | 'killed before'
  | 'killed after'
  /** It fails without any effect, or has had its effect and nobody hears of it. */
  | 'refused'
  | 'answer lost'
  /** Its caller is told that it failed, or is killed, and it takes effect long after. */
  | 'late'
  | 'killed, and late'
  /** It takes effect now, and once more long after. */
  | 'repeated';

/**
 * How a port's call may go wrong beside the end of its process: a read is refused, a write may do anything, a commit is
 * over when its process is, a step is the process's own.
 */
export type CallKind = 'read' | 'write' | 'commit' | 'step';

/** A process of the system: an async function that is suspended at every call of a port. */
export type Process = {
  readonly name: string;
  /** Runs at its death, whatever ends it: what only a living process holds is let go. */
  readonly onEnd: Set<() => void>;
  state: 'running' | 'stopped' | 'ended' | 'killed';
  /** Works under way in it. */
  active: number;
  failure: unknown;
};

type Call = {
  readonly process: Process;
  readonly label: string;
  readonly kind: CallKind;
  readonly isReady: () => boolean;
  /** Takes effect; what it gives tells the caller. */
  readonly effect: (isHeard: boolean) => Promise<() => void>;
  readonly reject: (error: unknown) => void;
};

/** Something that was sent and has not arrived. */
type Late = { readonly label: string; readonly effect: () => Promise<unknown> };

/** How fast a kind of process may be against the others: a slow one is overtaken several times over. */
const PACES = [0.05, 1, 1, 5] as const;

/** How many reads are answered before anybody else has a turn: most that could come between would change nothing. */
const PROMPT = 0.6;

/** What is rare and hard goes wrong this often, where anything does: an operator's work, and tables that are dropped. */
const HARD_RATE = 0.2;
const isHard = ({ process, label }: Call): boolean =>
  process.name === 'operator' || label.startsWith('store.drop') || label.startsWith('cassandra drop ');

/** How many notes the trace takes at once. */
const NOTED_AT_ONCE = 256;

/** Steps that quiet may take to come. */
const MAX_STEPS = 20_000;

/** What a port answers that can't be reached. */
export class Unreachable extends TidemarkError {
  constructor(label: string) {
    super('TIDEMARK_TEST_UNREACHABLE', `${label}: no answer`, { retryable: true });
  }
}

/**
 * Processes on a scheduler: whenever all of them wait, chance picks whose call is next and what becomes of it. Nothing
 * else decides, neither time nor input, so the same seed makes the same history.
 */
export class Simulation {
  readonly random: Random;
  readonly time: SimulatedTime;
  readonly faults: Faults;
  /** How often each moment came about: a fate and the call it befell. */
  readonly moments = new Map<string, number>();
  /** Told after each effect: what the world looks like may have changed. */
  onEffect: (label: string) => void = () => {};
  /** Nothing goes wrong any more. */
  isCalm = false;
  readonly #trace = createHash('sha256');
  /** What has happened since the trace was last brought up to date. */
  #noted: string[] = [];
  readonly #calls: Call[] = [];
  readonly #late: Late[] = [];
  readonly #paces = new Map<string, number>();

  constructor(random: Random, faults: Faults, startMs: number) {
    this.random = random;
    this.faults = faults;
    this.time = new SimulatedTime(startMs);
  }

  /** The hash of everything that has happened. */
  get trace(): string {
    this.#catchUp();
    return this.#trace.copy().digest('hex');
  }

  note(what: string): void {
    this.#noted.push(what);
    if (this.#noted.length >= NOTED_AT_ONCE) this.#catchUp();
    this.moments.set(what, (this.moments.get(what) ?? 0) + 1);
  }

  #catchUp(): void {
    this.#trace.update(this.#noted.map((what) => `${what}\n`).join(''));
    this.#noted = [];
  }

  /** Begins a process; it runs up to its first call, and ends with its work. */
  async start(name: string, work: (process: Process) => Promise<void>): Promise<Process> {
    const process = this.open(name);
    await this.enter(process, () =>
      work(process).then(
        () => this.#end(process, 'ended'),
        (error: unknown) => {
          process.failure = error;
          this.#end(process, 'ended');
        },
      ),
    );
    return process;
  }

  /** A process that lives on until it is killed, to do what it is asked. */
  open(name: string): Process {
    return { name, onEnd: new Set(), state: 'running', active: 0, failure: null };
  }

  /** Begins some work in a process; it runs up to its first call. */
  async enter(process: Process, work: () => Promise<void>): Promise<void> {
    process.active++;
    this.time.owner = process;
    const ended = () => {
      process.active--;
    };
    work().then(ended, (error: unknown) => {
      process.failure = error;
      ended();
    });
    await this.#untilWaiting(process);
  }

  /** The process is gone without a word; what it had sent may arrive all the same. */
  kill(process: Process): void {
    if (process.state === 'ended' || process.state === 'killed') return;
    for (const call of this.#takeCallsOf(process)) {
      if (call.kind === 'write' && this.faults.late && this.random.chance(0.3)) this.#later(call);
    }
    this.#end(process, 'killed');
  }

  /** Suspends the process in a call of a port until its turn comes. `isHeard`: its effect is acknowledged. */
  call<T>(
    process: Process,
    label: string,
    kind: CallKind,
    effect: (isHeard: boolean) => Promise<T> | T,
    isReady: () => boolean = () => true,
  ): Promise<T> {
    const mayBePrompt = kind === 'read' && process.state === 'running' && isReady();
    if (mayBePrompt && this.random.chance(PROMPT)) return Promise.resolve().then(() => effect(true));
    return new Promise<T>((resolve, reject) => {
      // Whoever was killed calls nobody any more, and waits for ever.
      if (process.state === 'killed') return;
      this.#calls.push({
        process,
        label,
        kind,
        isReady,
        effect: async (isHeard) => {
          const value = await effect(isHeard);
          return () => resolve(value);
        },
        reject,
      });
    });
  }

  /** Lets one call have its turn; false when nobody can go on. */
  async step(): Promise<boolean> {
    const ready = this.#calls.filter((call) => call.process.state === 'running' && call.isReady());
    if (ready.length === 0) return false;
    const call = this.#pick(ready);
    this.#calls.splice(this.#calls.indexOf(call), 1);
    await this.#take(call, this.#fate(call));
    return true;
  }

  /** Goes on until nobody can and nothing is waited for; `check` is called after every step. */
  async untilIdle(check: () => void): Promise<void> {
    for (let step = 0; step < MAX_STEPS; step++) {
      await this.pass(this.random.between(0, 40));
      if (await this.step()) {
        check();
        continue;
      }
      const ms = this.time.untilNext;
      if (ms === null) return;
      await this.pass(ms);
    }
    throw new Error('quiet does not come');
  }

  get hasLate(): boolean {
    return this.#late.length > 0;
  }

  /** One of those that were sent long ago arrives. */
  async arrive(): Promise<void> {
    if (this.#late.length === 0) return;
    const [late] = this.#late.splice(this.random.between(0, this.#late.length - 1), 1);
    if (!late) return;
    this.note(`arrives ${late.label}`);
    await late.effect().catch(() => {});
    this.onEffect(late.label);
  }

  /** Sends something that arrives by itself, some time. */
  send(label: string, effect: () => Promise<unknown>): void {
    this.#late.push({ label, effect });
  }

  /** One of a kind of process, the kinds by how fast they are in this history; all the same once it is calm. */
  #pick(ready: readonly Call[]): Call {
    const byKind = new Map<string, Call[]>();
    for (const call of ready) {
      const ofKind = byKind.get(call.process.name);
      if (ofKind) ofKind.push(call);
      else byKind.set(call.process.name, [call]);
    }
    const kinds = [...byKind].map(([kind, calls]) => ({ calls, weight: this.isCalm ? 1 : this.#paceOf(kind) }));
    let left = this.random.unit() * kinds.reduce((sum, { weight }) => sum + weight, 0);
    const kind = kinds.find(({ weight }) => {
      left -= weight;
      return left < 0;
    });
    return this.random.pick(kind?.calls ?? []);
  }

  /** How fast a kind of process is, instead of what chance would make of it. */
  setPace(kind: string, pace: number): void {
    this.#paces.set(kind, pace);
  }

  #paceOf(kind: string): number {
    const pace = this.#paces.get(kind) ?? this.random.pick(PACES);
    this.#paces.set(kind, pace);
    return pace;
  }

  #fate(call: Call): Fate {
    const { faults, random } = this;
    const { kind } = call;
    const rate = faults.rate > 0 && isHard(call) ? HARD_RATE : faults.rate;
    if (this.isCalm || !random.chance(rate)) return 'done';
    const fates: Fate[] = [];
    if (faults.kills) fates.push('killed before');
    if (kind !== 'step' && faults.outages) fates.push('refused');
    if (kind === 'write' || kind === 'commit') {
      if (faults.kills) fates.push('killed after');
      if (faults.lostAnswers) fates.push('answer lost');
    }
    if (kind === 'write') {
      if (faults.late) fates.push('late', 'killed, and late');
      if (faults.repeats) fates.push('repeated');
    }
    return fates.length === 0 ? 'done' : random.pick(fates);
  }

  async #take(call: Call, fate: Fate): Promise<void> {
    const { process, label } = call;
    this.note(`${process.name} ${label}: ${fate}`);
    const isHeard = fate === 'done' || fate === 'repeated';
    let answer = () => call.reject(new Unreachable(label));
    if (isHeard || fate === 'killed after' || fate === 'answer lost') {
      const told = await call.effect(isHeard).catch((error: unknown) => () => call.reject(error));
      if (isHeard) answer = told;
      if (call.kind !== 'read') this.onEffect(label);
    }
    if (fate === 'late' || fate === 'killed, and late' || fate === 'repeated') this.#later(call);
    if (fate.startsWith('killed')) {
      this.kill(process);
      return;
    }
    answer();
    await this.#untilWaiting(process);
  }

  #later({ label, effect }: Call): void {
    this.#late.push({ label, effect: () => effect(true) });
  }

  #takeCallsOf(process: Process): Call[] {
    const own = this.#calls.filter((call) => call.process === process);
    for (const call of own) this.#calls.splice(this.#calls.indexOf(call), 1);
    return own;
  }

  #end(process: Process, state: 'ended' | 'killed'): void {
    if (process.state === 'ended' || process.state === 'killed') return;
    process.state = state;
    this.time.forget(process);
    for (const work of process.onEnd) work();
  }

  /** Fires the timers that are due. */
  async pass(ms: number): Promise<void> {
    this.time.advance(ms);
    for (let timer = this.time.due(); timer; timer = this.time.due()) {
      this.time.owner = timer.owner;
      timer.fire();
      if (isProcess(timer.owner)) await this.#untilWaiting(timer.owner);
    }
  }

  /** The process runs by itself until it has ended, or waits for a port or a timer. */
  async #untilWaiting(process: Process): Promise<void> {
    this.time.owner = process;
    do await turn();
    while (
      process.state === 'running' &&
      process.active > 0 &&
      !this.time.hasTimer(process) &&
      !this.#calls.some((call) => call.process === process)
    );
    this.time.owner = null;
  }
}

const isProcess = (owner: object | null): owner is Process => owner !== null && 'onEnd' in owner;

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
