/** Who holds a partition; null when nobody does. */
export type Holding = { readonly partition: number; readonly member: string | null };

export type Share = {
  /** Free partitions that the member should take now. */
  readonly take: readonly number[];
  /** Partitions it holds beyond its share, to be given back once it has finished with them. */
  readonly giveBack: readonly number[];
};

/**
 * What one member should do so that all come to hold ⌊P/M⌋ or ⌈P/M⌉ partitions, the larger shares going to the first
 * members. Pure: every member computes the same targets from the same rows, so they settle without talking.
 * `members` are the live ones in an order all agree on, `me` among them.
 */
export function fairShare(members: readonly string[], holdings: readonly Holding[], me: string): Share {
  const rank = members.indexOf(me);
  if (rank < 0) throw new RangeError('A member asks for its own share.');
  const target = Math.floor(holdings.length / members.length) + (rank < holdings.length % members.length ? 1 : 0);
  const mine = holdings.filter((each) => each.member === me).map((each) => each.partition);
  const free = holdings.filter((each) => each.member === null).map((each) => each.partition);
  return { take: free.slice(0, Math.max(0, target - mine.length)), giveBack: mine.slice(target) };
}
