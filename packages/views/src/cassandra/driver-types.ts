import 'cassandra-driver';

declare module 'cassandra-driver' {
  namespace metadata {
    interface Metadata {
      /** There since version 4, and missing in the driver's own types: whether all nodes that are up have one schema. */
      checkSchemaAgreement(): Promise<boolean>;
    }
  }

  /** What of it `keepNodes` has to know. Not public: pinned with the driver's version. */
  interface ControlConnection {
    readonly initialized: boolean;
    readonly hosts: HostMap;
    /** `host:port` of each address that the names led to when they were asked last. */
    readonly _contactPoints: ReadonlySet<string>;
    _initializeConnection(): Promise<void>;
  }

  interface Client {
    readonly controlConnection: ControlConnection;
  }
}
