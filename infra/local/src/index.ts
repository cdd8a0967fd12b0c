export { type ArtefactOptions, resolveArtefacts } from './artefacts.ts';
export type { CassandraSettings, CommitlogSync } from './cassandra/configuration.ts';
export { type CassandraCluster, type CassandraOptions, findCassandra, startCassandra } from './cassandra/start.ts';
export { type Certificates, makeCertificates } from './certificates.ts';
export { InfraError, type InfraErrorCode } from './error.ts';
export { findJava, findMaven } from './java.ts';
export type { ListenerProtocol } from './kafka/properties.ts';
export { findKafka, type KafkaCluster, type KafkaOptions, type ScramUser, startKafka } from './kafka/start.ts';
export type { StartOptions } from './start-options.ts';
