/**
 * Version of the rules by which bytes become events. Raise it when `parse` accepts, rejects or reads any record
 * differently: it is part of every definition's content hash, so views made under other rules are never mixed.
 */
export const CONTRACT_VERSION = 1;
