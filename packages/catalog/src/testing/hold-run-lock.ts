import { openCatalog } from '../catalog.ts';

/** A program for the test that kills the holder of the run lock: takes it, says so, and waits. */
const catalog = await openCatalog(process.argv[2] ?? '');
const lock = await catalog.acquireRunLock();
process.stdout.write(lock === null ? 'refused\n' : 'held\n');
setInterval(() => {}, 60_000);
