import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Consumer } from '../port.ts';
import { type LogCapabilities, MAY_BE_BUSY, PARTITIONS, tookAtMost } from './capabilities.ts';
import type { Opened } from './log-conformance.ts';
import { RecordedGroup } from './recorded-group.ts';
import { bytes, numbered } from './records.ts';

const ALL = Array.from({ length: PARTITIONS }, (_, n) => n);
const LONG_MS = 20_000;

type Gate = { readonly opened: Promise<void>; open(): void };

/** Promises with their handles, to hold handlers up. None outlasts its test: a member that is held up can't be closed. */
function gatesOfEachTest(): () => Gate {
  const gates: Gate[] = [];
  afterEach(() => {
    for (const gate of gates.splice(0)) gate.open();
  });
  return () => {
    let open = () => {};
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    const gate = { opened, open: () => open() };
    gates.push(gate);
    return gate;
  };
}

const until = (check: () => void, timeout = LONG_MS): Promise<void> => vi.waitFor(check, { timeout, interval: 10 });

/** That something stays so needs time to show: looks again and again for so long, and fails at the first exception. */
async function staysFor(ms: number, check: () => void): Promise<void> {
  const end = performance.now() + ms;
  let isBroken = false;
  await until(() => {
    if (performance.now() > end) return;
    try {
      check();
    } catch (error) {
      isBroken = true;
      throw error;
    }
    throw new Error('not yet over');
  }, ms + 1_000);
  expect(isBroken).toBe(false);
}

const sorted = (values: readonly string[]): string[] => [...values].sort();

const valuesOf = (prefix: string, count: number): string[] => Array.from({ length: count }, (_, n) => `${prefix} ${n}`);

const settled = (members: readonly Consumer[]): Promise<void> =>
  until(() => {
    expect(members.flatMap((member) => [...member.held()]).sort()).toEqual(ALL);
    const sizes = members.map((member) => member.held().length);
    expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
  });

/** What every log promises to the members of a consumer group. */
export function groupPromises(opened: Opened, capabilities: LogCapabilities): void {
  const { takeoverMs, handoverMs, growMs } = capabilities.within;
  const gate = gatesOfEachTest();

  test('a lone member is given every record of every partition once, in order', async () => {
    const log = await opened.open();
    await log.append(numbered('before', 1_500));
    const group = new RecordedGroup();
    const member = await log.consume('group', group.handler('a'));
    await log.append(numbered('after', 1_500));
    await until(() => expect(group.records).toHaveLength(3_000));
    expect(sorted(group.values())).toEqual(sorted([...valuesOf('before', 1_500), ...valuesOf('after', 1_500)]));
    for (const partition of ALL) {
      const offsets = group.records.filter((record) => record.partition === partition).map((record) => record.offset);
      expect(offsets).toEqual([...offsets].sort((a, b) => Number(a - b)));
    }
    expect(member.held()).toEqual(ALL);
    await member.stop();
    expect(sorted(group.revocations)).toEqual(ALL.map((partition) => `a/${partition}`));
    expect(member.held()).toEqual([]);
    await expect(member.done).resolves.toBeUndefined();
  });

  test('a member goes on from where its handler says, not from where the group was', async () => {
    const log = await opened.open();
    const appended = await log.append(
      Array.from({ length: 10 }, (_, n) => ({ key: null, value: bytes(`e ${n}`), partition: 0 })),
    );
    const group = new RecordedGroup();
    group.positions.set(0, appended[6]?.offset ?? 0n);
    await log.consume('group', group.handler('a'));
    await until(() => expect(group.values()).toEqual(['e 6', 'e 7', 'e 8', 'e 9']));
  });

  test('a group says how many members it has', async () => {
    const [one, two] = [await opened.open(), await opened.open()];
    expect(await one.members('group')).toBe(0);
    const group = new RecordedGroup();
    const first = await one.consume('group', group.handler('a'));
    await settled([first]);
    expect(await two.members('group')).toBe(1);
    const second = await two.consume('group', group.handler('b'));
    await settled([first, second]);
    expect(await one.members('group')).toBe(2);
    expect(await one.members('another')).toBe(0);
    await Promise.all([first.stop(), second.stop()]);
    expect(await one.members('group')).toBe(0);
  });

  test('groups do not share: each is given everything', async () => {
    const log = await opened.open();
    const [one, two] = [new RecordedGroup(), new RecordedGroup()];
    await log.consume('one', one.handler('a'));
    await log.consume('two', two.handler('b'));
    await log.append(numbered('event', 100));
    await until(() => expect([one.records.length, two.records.length]).toEqual([100, 100]));
  });

  test('two members share the partitions, and a third gets its part', async () => {
    const group = new RecordedGroup();
    const logs = [await opened.open(), await opened.open(), await opened.open()];
    const members: Consumer[] = [];
    for (const [n, log] of logs.entries()) {
      members.push(await log.consume('group', group.handler(`m${n}`)));
      await settled(members);
    }
    await logs[0]?.append(numbered('event', 500));
    await until(() => expect(group.records).toHaveLength(500));
    expect(sorted(group.values())).toEqual(sorted(valuesOf('event', 500)));
    expect(group.overlaps).toEqual([]);
  });

  test('what a dead member had is taken over, and the dead one knows that it lost it', MAY_BE_BUSY, async () => {
    const group = new RecordedGroup();
    const survivor = await opened.open();
    const mortal = await opened.openMortal();
    const lives = await survivor.consume('group', group.handler('lives'));
    const dies = await mortal.log.consume('group', group.handler('dies'));
    await settled([lives, dies]);
    await survivor.append(numbered('before', 200));
    await until(() => expect(group.records).toHaveLength(200));
    await mortal.die();
    const diedAt = performance.now();
    await survivor.append(numbered('after', 200));
    await until(() => expect(group.records).toHaveLength(400), takeoverMs + LONG_MS);
    tookAtMost(takeoverMs, diedAt);
    expect(lives.held()).toEqual(ALL);
    expect(dies.held()).toEqual([]);
    expect([lives.isMember(), dies.isMember()]).toEqual([true, false]);
    expect(sorted(group.values())).toEqual(sorted([...valuesOf('before', 200), ...valuesOf('after', 200)]));
    const ofTheDead = (all: readonly string[]) => sorted(all.filter((each) => each.startsWith('dies/')));
    await until(() => expect(ofTheDead(group.revocations)).toEqual(ofTheDead(group.assignments)));
  });

  test('a member that stops lets its call finish, gives back, and is followed at once', MAY_BE_BUSY, async () => {
    const group = new RecordedGroup();
    const [one, two] = [await opened.open(), await opened.open()];
    const held = gate();
    let isBusy = false;
    const leaving = await one.consume(
      'group',
      group.handler('leaves', async () => {
        isBusy = true;
        await held.opened;
      }),
    );
    await until(() => expect(leaving.held()).toEqual(ALL));
    await one.append([{ key: null, value: bytes('event 0'), partition: 0 }]);
    await until(() => expect(isBusy).toBe(true));
    const staying = await two.consume('group', group.handler('stays'));
    const stopped = leaving.stop();
    await staysFor(takeoverMs, () => expect(staying.held()).toEqual([]));
    expect(group.records).toHaveLength(0);
    held.open();
    await stopped;
    const stoppedAt = performance.now();
    await until(() => expect(staying.held()).toEqual(ALL));
    tookAtMost(handoverMs, stoppedAt);
    // The call that was running counted: nothing comes again.
    await two.append([{ key: null, value: bytes('event 1'), partition: 0 }]);
    await until(() => expect(group.values()).toEqual(['event 0', 'event 1']));
    expect(group.calls.map((call) => call.member)).toEqual(['leaves', 'stays']);
  });

  test('a busy partition changes hands only after the running call', async () => {
    const group = new RecordedGroup();
    const [one, two] = [await opened.open(), await opened.open()];
    const held = gate();
    const first = await one.consume(
      'group',
      group.handler('first', () => held.opened),
    );
    await until(() => expect(first.held()).toEqual(ALL));
    await one.append(ALL.map((partition) => ({ key: null, value: bytes(`event ${partition}`), partition })));
    await until(() => expect(group.calls).toHaveLength(PARTITIONS));
    const second = await two.consume('group', group.handler('second'));
    await until(() => expect(first.held()).toHaveLength(PARTITIONS / 2));
    // Longer than a lease: the busy member is alive, and its heartbeats say so.
    await staysFor(takeoverMs, () => expect(second.held()).toEqual([]));
    expect(group.calls).toHaveLength(PARTITIONS);
    held.open();
    await settled([first, second]);
    await until(() => expect(sorted(group.values())).toEqual(valuesOf('event', PARTITIONS)));
    expect(group.calls).toHaveLength(PARTITIONS);
  });

  describe('a handler', () => {
    test('that fails ends its member, whose partitions go to the others', async () => {
      const group = new RecordedGroup();
      const [one, two] = [await opened.open(), await opened.open()];
      const failing = await one.consume(
        'group',
        group.handler('fails', () => Promise.reject(new Error('on purpose'))),
      );
      await until(() => expect(failing.held()).toEqual(ALL));
      await one.append([{ key: null, value: bytes('event 0'), partition: 2 }]);
      await expect(failing.done).rejects.toThrow('on purpose');
      expect(failing.held()).toEqual([]);
      await failing.stop();
      const working = await two.consume('group', group.handler('works'));
      await until(() => expect(group.values()).toEqual(['event 0']), handoverMs + LONG_MS);
      expect(working.held()).toEqual(ALL);
    });

    test('that starts beyond the end, or before the start, ends its member', async () => {
      const log = await opened.open();
      const group = new RecordedGroup();
      group.positions.set(1, 1_000n);
      const shrunk = await log.consume('group', group.handler('a'));
      await expect(shrunk.done).rejects.toMatchObject({ code: 'TIDEMARK_LOG_SHRUNK' });
      const appended = await log.append(Array.from({ length: 5 }, () => ({ key: null, value: null, partition: 1 })));
      await log.truncate(1, appended.at(-1)?.offset ?? 0n);
      group.positions.set(1, appended[0]?.offset ?? 0n);
      const late = await log.consume('group', group.handler('b'));
      await expect(late.done).rejects.toMatchObject({ code: 'TIDEMARK_LOG_GAP' });
    });

    test('holds up its own partition, and no other, and is never called twice at once', async () => {
      const log = await opened.open();
      const group = new RecordedGroup();
      const held = gate();
      await log.consume(
        'group',
        group.handler('a', (partition) => (partition === 0 ? held.opened : Promise.resolve())),
      );
      await log.append([{ key: null, value: bytes('event 0'), partition: 0 }]);
      await until(() => expect(group.calls).toHaveLength(1));
      for (let n = 1; n <= 20; n += 1) {
        await log.append([0, 1].map((partition) => ({ key: null, value: bytes(`event ${n}`), partition })));
      }
      await until(() => expect(group.records.filter((record) => record.partition === 1)).toHaveLength(20));
      expect(group.calls.filter((call) => call.partition === 0)).toHaveLength(1);
      held.open();
      await until(() => expect(group.records.filter((record) => record.partition === 0)).toHaveLength(21));
      expect(group.overlaps).toEqual([]);
    });
  });

  test('a new partition is given to a member', MAY_BE_BUSY, async () => {
    const log = await opened.open();
    const group = new RecordedGroup();
    const member = await log.consume('group', group.handler('a'));
    await until(() => expect(member.held()).toEqual(ALL));
    await log.grow(PARTITIONS + 1);
    const grownAt = performance.now();
    await log.append([{ key: null, value: bytes('new'), partition: PARTITIONS }]);
    await until(() => expect(group.values()).toEqual(['new']));
    tookAtMost(growMs, grownAt);
  });
}
