import 'cassandra-driver';

declare module 'cassandra-driver' {
  namespace metadata {
    interface Metadata {
      /** There since version 4, and missing in the driver's own types: whether all nodes that are up have one schema. */
      checkSchemaAgreement(): Promise<boolean>;
    }
  }
}
