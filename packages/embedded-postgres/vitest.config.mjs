import { postgresServer, shared } from '../../vitest.shared.mjs';

export default shared(postgresServer);
