import { testDatabase } from '@tidemark/embedded-postgres/testing';
import { test } from 'vitest';
import { changeMetricsLive } from './definition-switch.ts';

const database = testDatabase();

test('metrics are added, changed and removed under traffic, there and back, and no answer is other than its definition says', () =>
  changeMetricsLive({ logUrl: database.url(), viewsUrl: database.url(), catalogUrl: database.url() }));
