import { cassandraServer, kafkaServer, shared, together } from '../../vitest.shared.mjs';

export default shared(together(kafkaServer, cassandraServer));
