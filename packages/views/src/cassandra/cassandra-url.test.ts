import { expect, test } from 'vitest';
import { parseCassandraUrl } from './cassandra-url.ts';

test('a URL of several hosts with a user, and what is left out', () => {
  expect(
    parseCassandraUrl('cassandra://ann:s%40cret@a.example:9142,10.0.0.7,[::1]:9043?dc=dc-1&keyspace=views&rf=3'),
  ).toEqual({
    contactPoints: ['a.example:9142', '10.0.0.7:9042', '[::1]:9043'],
    credentials: { username: 'ann', password: 's@cret' },
    dataCenter: 'dc-1',
    keyspace: 'views',
    replication: 3,
    consistency: 'LOCAL_QUORUM',
    tls: null,
  });
  expect(parseCassandraUrl('cassandra://a?dc=d')).toMatchObject({
    keyspace: 'tidemark',
    replication: null,
    credentials: null,
  });
  expect(parseCassandraUrl('cassandra://a/?dc=d&tls=true&consistency=QUORUM')).toMatchObject({
    tls: {},
    consistency: 'QUORUM',
  });
});

test.each([
  'cassandra://',
  'cassandra://?dc=d',
  'cassandra://a',
  'cassandra://a b?dc=d',
  'cassandra://a:b?dc=d',
  'cassandra://a,,b?dc=d',
  "cassandra://a?dc=d'; DROP",
  'cassandra://a?dc=d&keyspace=Views',
  'cassandra://a?dc=d&keyspace=a"b',
  'cassandra://a?dc=d&rf=0',
  'cassandra://a?dc=d&rf=many',
  'cassandra://a?dc=d&consistency=ONE',
  'cassandra://a?dc=d&tls=yes',
  'cassandra://a?dc=d&ca=/nowhere.pem',
  'cassandra://a?dc=d&tls=true&ca=/nowhere.pem',
  'cassandra://a?dc=d&tls=true&cert=/nowhere.pem',
  'cassandra://a?dc=d&datacenter=d',
  'cassandra://ann:s3cret%@a?dc=d',
  'cassandra://ann:s3cret@a',
])('%s is refused, without the password in the message', (url) => {
  expect(() => parseCassandraUrl(url)).toThrow(expect.objectContaining({ code: 'TIDEMARK_VIEWS_URL' }));
  expect(() => parseCassandraUrl(url)).not.toThrow(/s3cret/);
});
