import { failOn } from '../wire/protocol-error.ts';
import type { Request } from '../wire/request.ts';

export type Versions = ReadonlyMap<number, { readonly min: number; readonly max: number }>;

/** Which requests a broker knows, in which versions. The first request on every connection. */
export const apiVersions: Request<Versions> = {
  name: 'ApiVersions',
  apiKey: 18,
  version: 0,
  isFlexible: false,
  timeoutMs: 5_000,
  write: () => {},
  read: (reader) => {
    failOn(reader.int16(), 'ApiVersions');
    return new Map(reader.array(() => [reader.int16(), { min: reader.int16(), max: reader.int16() }] as const));
  },
};
