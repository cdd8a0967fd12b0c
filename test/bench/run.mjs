// `node run.mjs FILE.ts …`: runs a program of this package from source. The loader is registered here, not by a flag: what is
// started from here runs as it was built, without a compiler beside it.
import { argv } from 'node:process';
import { pathToFileURL } from 'node:url';
import { register } from 'tsx/esm/api';

register();
const [, , file] = argv;
argv.splice(1, 1);
await import(pathToFileURL(file).href);
