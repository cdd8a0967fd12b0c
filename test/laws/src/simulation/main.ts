import { runHistory } from './history.ts';

const seeds = Number(process.argv[2] ?? 1);
const from = Number(process.argv[3] ?? 1);
const began = process.cpuUsage().user;
let steps = 0;
let reads = 0;
for (let seed = from; seed < from + seeds; seed++) {
  const t = performance.now();
  const outcome = await runHistory({ seed });
  if (process.env.V)
    console.log(
      seed,
      Math.round(performance.now() - t),
      outcome.reads,
      [...outcome.moments.values()].reduce((a, b) => a + b, 0),
      outcome.trace.slice(0, 8),
    );
  reads += outcome.reads;
  steps++;
  if (outcome.failure) {
    console.log(seed, outcome.failure);
    if (process.env.STOP) break;
    if (seeds > 1) continue;
  }
  if (seeds === 1)
    console.log(
      [...outcome.moments]
        .sort((a, b) => b[1] - a[1])
        .map(([m, n]) => `${n} ${m}`)
        .join('\n'),
    );
}
console.log(steps, reads, (process.cpuUsage().user - began) / 1000 / steps, 'ms each');
