import 'vitest';

declare module 'vitest' {
  export interface ProvidedContext {
    /** URL of the database `postgres` on the run's own server, from `global-setup.ts`. */
    tidemarkPostgresUrl: string;
  }
}
