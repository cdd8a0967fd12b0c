import { eventually } from '@tidemark/infra-local/testing';
import { openLog } from '@tidemark/log/open';
import type { ViewStore } from '@tidemark/views';
import { openViews } from '@tidemark/views/open';
import { expect } from 'vitest';
import { Balancer } from './system/balancer.ts';
import { DefinitionReader, type Oracle } from './system/definition-reader.ts';
import { type Code, DEFINITION, DeployedSystem, type StoreUrls } from './system/deployed-system.ts';
import { failpoint, failpointSaid } from './system/failpoint.ts';
import { type Placed, PlacedWriter } from './system/placed-writer.ts';

const PATIENT_MS = 120_000;
const OLD = DEFINITION.id;
const NEW_CODE: Code = { NODE_OPTIONS: `--import=${new URL('../other-code.mjs', import.meta.url).href}` };
const SETTINGS = { TIDEMARK_HAND_OVER: '1s', TIDEMARK_FLOOR_GRACE: '0s', TIDEMARK_GENERATIONS: '2' };
const ANSWERS_IN_A_ROW = 20;
/** After so many runs the log was truncated, and starts after what was first in it. */
const RUNS_BEFORE = 4;

const count = (events: readonly Placed[], ...kinds: readonly Placed['kind'][]): number =>
  events.filter(({ kind }) => kinds.includes(kind)).length;

const oldOracle: Oracle = (events) => ({
  order_count: count(events, 'order', 'large order'),
  large_orders: undefined,
  tickets_total: count(events, 'ticket', 'urgent ticket'),
  email_opens: count(events, 'mail opened'),
});

const newOracle: Oracle = (events) => ({
  order_count: count(events, 'order', 'large order'),
  large_orders: count(events, 'large order'),
  tickets_total: count(events, 'urgent ticket'),
  email_opens: undefined,
});

/**
 * Adds, changes and removes metrics under traffic, there and back, and expects that no answer is other than its definition
 * says, and that in the end the old definition is gone and no process is left.
 */
export async function changeMetricsLive(stores: StoreUrls): Promise<void> {
  const system = await DeployedSystem.start({ stores, speedLayers: 1, servingLayers: 1, settings: SETTINGS });
  const store = await openViews(stores.viewsUrl);
  try {
    const writer = new PlacedWriter(stores.logUrl, system.seed);
    try {
      await changeMetrics(system, store, writer, stores);
    } finally {
      await writer.stop();
    }
    await system.stop();
  } finally {
    await store.close();
    await system.end();
  }
}

async function changeMetrics(
  system: DeployedSystem,
  store: ViewStore,
  writer: PlacedWriter,
  { logUrl }: StoreUrls,
): Promise<void> {
  const served = async () => (await store.serving())?.serving;
  const succeed = async (code: Code, ...args: string[]) => {
    const { code: exitCode, said } = await system.commandOf(code, ...args);
    expect([exitCode, said]).toEqual([0, said]);
    return said;
  };
  for (let run = 0; run < RUNS_BEFORE; run++) {
    await writer.places(30);
    await system.publish();
  }
  expect(await firstOffset(logUrl)).toBeGreaterThan(0n);

  const [oldSpeed] = system.speedLayers;
  const [oldServer] = system.servingLayers;
  const newServer = await system.startServingLayer(NEW_CODE);
  const newId = (await store.definitions()).find((id) => id !== OLD) ?? 'none';
  const early = await system.commandOf(NEW_CODE, 'definition', 'switch', '--level-wait', '0s');
  expect(early).toMatchObject({ code: 1, said: expect.stringContaining('no live generation') });

  const balancer = await Balancer.start(system.apis, 1);
  const customers = () => [...new Set(writer.placed.map(({ customerId }) => customerId))];
  const reader = new DefinitionReader(balancer.url, customers, system.seed);
  const answersOf = (id: string) => reader.answers.filter(({ provenance }) => provenance.definition === id).length;
  /** Resolves when so many answers in a row are by this definition. */
  const answersBy = (id: string) =>
    eventually(`definition ${id} alone answers`, PATIENT_MS, () => {
      const last = reader.answers.slice(-ANSWERS_IN_A_ROW);
      return last.length === ANSWERS_IN_A_ROW && last.every(({ provenance }) => provenance.definition === id)
        ? true
        : null;
    });
  try {
    await system.startSpeedLayer(NEW_CODE);
    await writer.places(30);
    await system.publish(NEW_CODE);
    // The old one's schedule goes on.
    await system.publish();
    await answersBy(OLD);
    expect(answersOf(newId)).toBe(0);

    // Whoever switches may die before the switch or after it: there is nothing to put right.
    for (const [moment, id] of [
      ['switch: ready', OLD],
      ['switch: served', newId],
    ] as const) {
      const { said } = await system.commandOf(failpoint(moment, { code: NEW_CODE }), 'definition', 'switch');
      expect(said).toContain(failpointSaid(moment));
      expect(await served()).toBe(id);
    }
    expect(await succeed(NEW_CODE, 'definition', 'switch')).toContain(`Definition ${newId} is served`);
    await answersBy(newId);
    await system.publish();
    expect(await served()).toBe(newId);
    await system.publish(NEW_CODE);
    expect(await store.definitions()).toEqual([OLD, newId].toSorted());

    expect(await succeed({}, 'definition', 'back')).toContain(`Definition ${OLD} is served`);
    await answersBy(OLD);
    // A run of the definition that was left does not take the serving one's tables, nor flip forth.
    await system.publish(NEW_CODE);
    expect(await served()).toBe(OLD);

    // From the code of the other one, too.
    expect(await succeed({}, 'definition', 'switch', newId, '--keep', '0s')).toContain(`Definition ${newId} is served`);
    await answersBy(newId);
    // Its time is over, but its process keeps it up.
    await system.publish(NEW_CODE);
    expect(await store.definitions()).toContain(OLD);
    expect((await system.command('definition', 'back')).said).toContain('is over');

    expect(await oldServer?.stop()).toBe(0);
    expect(await oldSpeed?.stop()).toBe(0);
    await system.publish(NEW_CODE);
    expect(await store.definitions()).toEqual([newId]);
    expect(await store.serving()).toEqual({ serving: newId, previous: null, untilMs: null });
    await answersBy(newId);
    await writer.stop();
    await system.publish(NEW_CODE);
    await everythingIsIn(newServer.url, newId, writer.placed);
    const listed = JSON.parse(await succeed(NEW_CODE, 'definition', 'list', '--json'));
    expect(listed).toEqual([expect.objectContaining({ definition: newId, state: 'serving', missing: [], behind: 0 })]);
  } finally {
    await reader.stop();
    await balancer.close();
  }
  expect(reader.failures).toEqual([]);
  expect(reader.wrong(writer.placed, { [OLD]: oldOracle, [newId]: newOracle }).slice(0, 5)).toEqual([]);
  expect(Math.min(answersOf(OLD), answersOf(newId))).toBeGreaterThan(50);
}

/** At quiet a server answers for every customer what its definition makes of every event. */
async function everythingIsIn(api: string, definition: string, placed: readonly Placed[]): Promise<void> {
  for (const customerId of new Set(placed.map((event) => event.customerId))) {
    const expected = newOracle(placed.filter((event) => event.customerId === customerId));
    const answer = await (await fetch(`${api}/v1/customers/${customerId}`)).json();
    expect(answer).toMatchObject({ metrics: JSON.parse(JSON.stringify(expected)), provenance: { definition } });
  }
}

/** The lowest offset that some partition of the log starts at. */
async function firstOffset(logUrl: string): Promise<bigint> {
  const log = await openLog(logUrl);
  try {
    const starts = [...(await log.bounds()).values()].map(({ start }) => start);
    return starts.toSorted((a, b) => Number(a - b))[0] ?? 0n;
  } finally {
    await log.close();
  }
}
