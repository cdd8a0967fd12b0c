import { cassandraServer, postgresServer, shared, together } from '../../vitest.shared.mjs';

export default shared(together(postgresServer, cassandraServer));
