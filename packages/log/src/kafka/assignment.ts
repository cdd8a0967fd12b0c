import { AssignerProtocol, type PartitionAssigner } from 'kafkajs';
import { fairShare, type Holding } from '../fair-share.ts';

/** What a member says of itself when it joins. */
export type Standing = {
  /** What it reads, or is about to finish with: nobody else may have it yet. */
  readonly owned: readonly number[];
  /** It finishes what runs, and takes nothing more. */
  readonly isLeaving: boolean;
};

/**
 * The partitions of every member, as the group's leader gives them. Cooperative, as KIP-429 has it: who has what goes on with
 * it, and what changes hands is nobody's until its owner has finished and joined again without it. So a rebalance stops
 * nobody's work but that of the partitions which move, and these only after the running call. Pure.
 */
export function assign(members: ReadonlyMap<string, Standing>, partitions: number): Map<string, readonly number[]> {
  const ids = [...members.keys()].sort();
  const active = ids.filter((id) => members.get(id)?.isLeaving === false);
  const holdings: Holding[] = Array.from({ length: partitions }, (_, partition) => ({
    partition,
    member: ids.find((id) => members.get(id)?.owned.includes(partition)) ?? null,
  }));
  const assigned = new Map<string, readonly number[]>();
  for (const id of ids) {
    const held = holdings.filter(({ member }) => member === id).map(({ partition }) => partition);
    const { take, giveBack } = active.includes(id) ? fairShare(active, holdings, id) : { take: [], giveBack: [] };
    for (const partition of take) holdings[partition] = { partition, member: id };
    assigned.set(id, [...held.filter((partition) => !giveBack.includes(partition)), ...take]);
  }
  return assigned;
}

const VERSION = 0;

/** `assign` in the form of Kafka's consumer protocol, so that its tools can show the group; what is ours is in the user data. */
export function cooperative(topic: string, standing: () => Standing): PartitionAssigner {
  const { MemberMetadata, MemberAssignment } = AssignerProtocol;
  return ({ cluster }) => ({
    name: 'tidemark-cooperative',
    version: VERSION,
    protocol: ({ topics }) => {
      const userData = Buffer.from(JSON.stringify(standing()));
      return { name: 'tidemark-cooperative', metadata: MemberMetadata.encode({ version: VERSION, topics, userData }) };
    },
    assign: async ({ members }) => {
      const standings = members.map(({ memberId, memberMetadata }): [string, Standing] => {
        return [memberId, standingOf(MemberMetadata.decode(memberMetadata)?.userData)];
      });
      const shares = assign(new Map(standings), cluster.findTopicPartitionMetadata(topic).length);
      return [...shares].map(([memberId, partitions]) => {
        const assignment = { [topic]: [...partitions] };
        const userData = Buffer.alloc(0);
        return { memberId, memberAssignment: MemberAssignment.encode({ version: VERSION, assignment, userData }) };
      });
    },
  });
}

function standingOf(userData: Buffer | undefined): Standing {
  const said: unknown = JSON.parse(userData?.toString() || '{}');
  const owned: unknown = said !== null && typeof said === 'object' && 'owned' in said ? said.owned : [];
  const isLeaving = said !== null && typeof said === 'object' && 'isLeaving' in said && said.isLeaving === true;
  return {
    owned: Array.isArray(owned) ? owned.filter((each): each is number => Number.isInteger(each)) : [],
    isLeaving,
  };
}
