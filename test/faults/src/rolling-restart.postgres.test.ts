import { testDatabase } from '@tidemark/embedded-postgres/testing';
import { test } from 'vitest';
import { rollingRestart } from './rolling-restart.ts';

const database = testDatabase();

test('a rolling restart of every app under load loses no request and no order', () =>
  rollingRestart({ logUrl: database.url(), viewsUrl: database.url(), catalogUrl: database.url() }));
