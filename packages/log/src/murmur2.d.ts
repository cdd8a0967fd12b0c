/** The package has no types of its own. */
declare module 'murmur2' {
  export default function murmur2(key: Uint8Array, seed: number): number;
}
