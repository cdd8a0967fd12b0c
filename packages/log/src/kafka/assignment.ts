import { fairShare, type Holding } from '../fair-share.ts';
import { ByteReader } from './wire/byte-reader.ts';
import { ByteWriter } from './wire/byte-writer.ts';

/** The name under which members agree on how partitions are shared. */
export const PROTOCOL = 'tidemark-cooperative';

/** What a member says of itself when it joins. */
export type Standing = {
  /** What it reads, or is about to finish with: nobody else may have it yet. */
  readonly owned: readonly number[];
  /** How many partitions it knows the topic to have. */
  readonly partitions: number;
  /** It finishes what runs, and takes nothing more. */
  readonly isLeaving: boolean;
};

/**
 * The partitions of every member, as the group's leader gives them. Cooperative, as KIP-429 has it: who has what goes on with
 * it, and what changes hands is nobody's until its owner has finished and joined again without it. So a rebalance stops
 * nobody's work but that of the partitions which move, and these only after the running call. Pure.
 */
export function assign(members: ReadonlyMap<string, Standing>): ReadonlyMap<string, readonly number[]> {
  const ids = [...members.keys()].sort();
  const active = ids.filter((id) => members.get(id)?.isLeaving === false);
  const count = Math.max(0, ...[...members.values()].map(({ partitions }) => partitions));
  const holdings: Holding[] = Array.from({ length: count }, (_, partition) => ({
    partition,
    member: ids.find((id) => members.get(id)?.owned.includes(partition)) ?? null,
  }));
  const assigned = new Map<string, readonly number[]>();
  for (const id of ids) {
    const held = holdings.filter(({ member }) => member === id).map(({ partition }) => partition);
    const { take, giveBack } = active.includes(id) ? fairShare(active, holdings, id) : { take: [], giveBack: [] };
    for (const partition of take) holdings[partition] = { partition, member: id };
    assigned.set(
      id,
      [...held.filter((partition) => !giveBack.includes(partition)), ...take].sort((a, b) => a - b),
    );
  }
  return assigned;
}

/** In the form of Kafka's consumer protocol, so that its tools can show the group; what is ours is in the user data. */
export function encodeStanding(topic: string, { owned, partitions, isLeaving }: Standing): Buffer {
  const ours = new ByteWriter();
  ours
    .array(owned, (partition) => ours.int32(partition))
    .int32(partitions)
    .boolean(isLeaving);
  const writer = new ByteWriter().int16(0);
  return writer
    .array([topic], (name) => writer.string(name))
    .bytes(ours.finish())
    .finish();
}

export function decodeStanding(bytes: Buffer): Standing {
  const reader = new ByteReader(bytes);
  reader.int16();
  reader.array(() => reader.string());
  const ours = new ByteReader(reader.nullableBytes() ?? Buffer.alloc(0));
  return { owned: ours.array(() => ours.int32()), partitions: ours.int32(), isLeaving: ours.int8() !== 0 };
}

export function encodeAssignment(topic: string, partitions: readonly number[]): Buffer {
  const writer = new ByteWriter().int16(0);
  writer.array([topic], (name) => writer.string(name).array(partitions, (partition) => writer.int32(partition)));
  return writer.int32(-1).finish();
}

/** Nothing, when the leader gave this member nothing. */
export function decodeAssignment(bytes: Buffer): readonly number[] {
  if (bytes.length === 0) return [];
  const reader = new ByteReader(bytes);
  reader.int16();
  return reader
    .array(() => {
      reader.string();
      return reader.array(() => reader.int32());
    })
    .flat();
}
