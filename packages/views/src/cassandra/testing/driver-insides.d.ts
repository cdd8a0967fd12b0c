/* What tests use of the driver's insides, which its types don't tell of. */

declare module 'cassandra-driver/lib/encoder.js' {
  export default class Encoder {
    constructor(protocolVersion: number, options: { readonly encoding: object });
    decode(bytes: Buffer, type: object): unknown;
  }
}

declare module 'cassandra-driver/lib/types/index.js' {
  const types: { readonly dataTypes: { getByName(name: string): object } };
  export default types;
}

declare module 'cassandra-driver/lib/requests.js' {
  /** `options`: the smallest of requests, by which a connection is kept alive. */
  const requests: { readonly options: object };
  export default requests;
}

declare module 'cassandra-driver/lib/client-options.js' {
  /** `extend`: what a client makes of the options that it is given. */
  const clientOptions: { extend(options: object): object };
  export default clientOptions;
}
