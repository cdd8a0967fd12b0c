import { failOn } from '../wire/protocol-error.ts';
import type { Request } from '../wire/request.ts';

/** The node that coordinates a consumer group. */
export const findCoordinator = (group: string): Request<number> => ({
  name: 'FindCoordinator',
  apiKey: 10,
  version: 1,
  isFlexible: false,
  timeoutMs: 5_000,
  write: (writer) => {
    writer.string(group).int8(0);
  },
  read: (reader) => {
    reader.int32();
    failOn(reader.int16(), 'FindCoordinator');
    reader.nullableString();
    return reader.int32();
  },
});

export type Joining = {
  readonly group: string;
  /** Empty when the coordinator has not given one yet. */
  readonly memberId: string;
  readonly sessionMs: number;
  readonly rebalanceMs: number;
  readonly protocol: string;
  readonly metadata: Buffer;
};

export type Joined = {
  /** 0, or that a member id was given to join with. */
  readonly error: number;
  readonly generation: number;
  readonly memberId: string;
  readonly isLeader: boolean;
  /** All members and what they said: for the leader alone. */
  readonly members: readonly { readonly memberId: string; readonly metadata: Buffer }[];
};

export const MEMBER_ID_REQUIRED = 79;

/** Answered when all members have joined, or the time for it is up. */
export const joinGroup = (joining: Joining): Request<Joined> => ({
  name: 'JoinGroup',
  apiKey: 11,
  version: 5,
  isFlexible: false,
  timeoutMs: joining.rebalanceMs + 5_000,
  write: (writer) => {
    writer.string(joining.group).int32(joining.sessionMs).int32(joining.rebalanceMs).string(joining.memberId);
    writer.nullString().string('consumer');
    writer.array([joining], ({ protocol, metadata }) => writer.string(protocol).bytes(metadata));
  },
  read: (reader) => {
    reader.int32();
    const error = reader.int16();
    if (error !== MEMBER_ID_REQUIRED) failOn(error, 'JoinGroup');
    const generation = reader.int32();
    reader.string();
    const leader = reader.string();
    const memberId = reader.string();
    const members = reader.array(() => {
      const id = reader.string();
      reader.nullableString();
      return { memberId: id, metadata: reader.nullableBytes() ?? Buffer.alloc(0) };
    });
    return { error, generation, memberId, isLeader: leader === memberId, members };
  },
});

type Membership = { readonly group: string; readonly generation: number; readonly memberId: string };

/** The leader gives everybody's assignment, the others nothing; each is answered its own. */
export const syncGroup = (
  { group, generation, memberId }: Membership,
  assignments: ReadonlyMap<string, Buffer>,
  timeoutMs: number,
): Request<Buffer> => ({
  name: 'SyncGroup',
  apiKey: 14,
  version: 3,
  isFlexible: false,
  timeoutMs,
  write: (writer) => {
    writer.string(group).int32(generation).string(memberId).nullString();
    writer.array([...assignments], ([id, assignment]) => writer.string(id).bytes(assignment));
  },
  read: (reader) => {
    reader.int32();
    failOn(reader.int16(), 'SyncGroup');
    return reader.nullableBytes() ?? Buffer.alloc(0);
  },
});

export const heartbeat = ({ group, generation, memberId }: Membership, timeoutMs: number): Request<void> => ({
  name: 'Heartbeat',
  apiKey: 12,
  version: 3,
  isFlexible: false,
  timeoutMs,
  write: (writer) => {
    writer.string(group).int32(generation).string(memberId).nullString();
  },
  read: (reader) => {
    reader.int32();
    failOn(reader.int16(), 'Heartbeat');
  },
});

export const leaveGroup = (group: string, memberId: string): Request<void> => ({
  name: 'LeaveGroup',
  apiKey: 13,
  version: 1,
  isFlexible: false,
  timeoutMs: 2_000,
  write: (writer) => {
    writer.string(group).string(memberId);
  },
  read: (reader) => {
    reader.int32();
    failOn(reader.int16(), 'LeaveGroup');
  },
});
