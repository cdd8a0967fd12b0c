import { AssignerProtocol, type PartitionAssigner } from 'kafkajs';
import { fairShare, type Holding } from '../fair-share.ts';

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
    const kept = held.filter((partition) => !giveBack.includes(partition));
    assigned.set(
      id,
      [...kept, ...take].sort((a, b) => a - b),
    );
  }
  return assigned;
}

const NAME = 'tidemark-cooperative';
const VERSION = 0;
const { MemberMetadata, MemberAssignment } = AssignerProtocol;

/** `assign` in the form of Kafka's consumer protocol, so that its tools can show the group; what is ours is in the user data. */
export function cooperative(topic: string, standing: () => Pick<Standing, 'owned' | 'isLeaving'>): PartitionAssigner {
  return ({ cluster }) => ({
    name: NAME,
    version: VERSION,
    protocol: ({ topics }) => {
      const said: Standing = { ...standing(), partitions: cluster.findTopicPartitionMetadata(topic).length };
      const userData = Buffer.from(JSON.stringify(said));
      return { name: NAME, metadata: MemberMetadata.encode({ version: VERSION, topics, userData }) };
    },
    assign: async ({ members }) => {
      const standings = members.map(({ memberId, memberMetadata }): [string, Standing] => {
        return [memberId, standingOf(MemberMetadata.decode(memberMetadata)?.userData)];
      });
      return [...assign(new Map(standings))].map(([memberId, partitions]) => {
        const assignment = { [topic]: [...partitions] };
        const userData = Buffer.alloc(0);
        return { memberId, memberAssignment: MemberAssignment.encode({ version: VERSION, assignment, userData }) };
      });
    },
  });
}

function standingOf(userData: Buffer | undefined): Standing {
  const said: unknown = JSON.parse(userData?.toString() || '{}');
  const of = (name: keyof Standing): unknown => (said instanceof Object ? Reflect.get(said, name) : undefined);
  const [owned, partitions] = [of('owned'), of('partitions')];
  return {
    owned: Array.isArray(owned) ? owned.filter((each): each is number => Number.isInteger(each)) : [],
    partitions: typeof partitions === 'number' ? partitions : 0,
    isLeaving: of('isLeaving') === true,
  };
}
