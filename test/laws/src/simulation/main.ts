import { parseArgs } from 'node:util';
import { FAULT_KINDS } from './faults.ts';
import { runHistory, type Scenario } from './history.ts';
import { commandOf, shrink } from './shrink.ts';

const PROGRESS_MS = 5_000;

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    steps: { type: 'string' },
    without: { type: 'string', default: '' },
    moments: { type: 'boolean', default: false },
  },
});

const first = wholeNumber('from', values.from);
const end = first + wholeNumber('seeds', values.seeds);
const steps = values.steps === undefined ? {} : { steps: wholeNumber('steps', values.steps) };
const without = FAULT_KINDS.filter((kind) => values.without.split(',').includes(kind));
const moments = new Map<string, number>();
const beganMs = Date.now();
let saidMs = beganMs;
let reads = 0;

for (let seed = first; seed < end; seed++) {
  const outcome = await runHistory({ seed, ...steps, without });
  reads += outcome.reads;
  for (const [moment, count] of outcome.moments) moments.set(moment, (moments.get(moment) ?? 0) + count);
  if (outcome.failure !== null) {
    await report({ seed, ...steps, without }, outcome.failure);
    process.exit(1);
  }
  if (Date.now() - saidMs < PROGRESS_MS && seed + 1 < end) continue;
  saidMs = Date.now();
  const done = seed + 1 - first;
  console.log(`${done} of ${end - first} histories, ${reads} reads, ${((saidMs - beganMs) / 1000).toFixed(0)} s`);
}
if (values.moments) for (const [moment, count] of [...moments].sort((a, b) => b[1] - a[1])) console.log(count, moment);

async function report(failing: Scenario, failure: unknown): Promise<void> {
  console.error(`seed ${failing.seed} breaks the law:`, failure);
  const { scenario, outcome } = await shrink(failing);
  console.error('\nthe smallest history found that still does:', outcome.failure);
  console.error(`\nagain: ${commandOf(scenario)}`);
}

function wholeNumber(option: string, text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new Error(`--${option} takes a whole number`);
  return Number(text);
}
