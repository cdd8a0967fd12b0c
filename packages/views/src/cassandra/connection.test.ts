import { expect, it } from 'vitest';
import { parseCassandraUrl } from './cassandra-url.ts';
import { clientOptions } from './connection.ts';

const options = (hosts: string) => clientOptions(parseCassandraUrl(`cassandra://${hosts}?dc=dc1&keyspace=k`), 'test');

it('looks for the other nodes of a cluster on the port of those that the URL names', () => {
  expect(options('a:9999,b:9999').protocolOptions.port).toBe(9999);
  expect(options('[::1]:9998').protocolOptions.port).toBe(9998);
  expect(options('a,b').protocolOptions.port).toBe(9042);
});

it('tries a node that went away every second, however long it was away', () => {
  const waits = options('a').policies.reconnection.newSchedule();
  for (let nth = 0; nth < 20; nth++) expect(waits.next().value).toBe(1_000);
});
