/**
 * What the tables of a definition are called after. A definition that was dropped and is made anew has another life, with
 * tables of other names: whoever still holds on to those of before is told that they are gone, and never reads or writes
 * in the new ones.
 */
export const tableSet = (definitionId: string, life: number): string =>
  life === 1 ? definitionId : `${definitionId}_${life}`;

/** The definition that a set of tables is one of. */
export const definitionOfSet = (set: string): string => set.replace(/_\d+$/, '');
