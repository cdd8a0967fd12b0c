import { join } from 'node:path';
import { root } from './pnpm.mjs';

const PROGRAM = join('infra', 'local', 'src', 'testing', 'servers-of-run.ts');

/**
 * One Kafka and one Cassandra for all suites of a run, as a process of `processes`. They start while other work goes on;
 * suites find them by TIDEMARK_TEST_KAFKA and TIDEMARK_TEST_CASSANDRA.
 */
export class TestServers {
  #processes;
  #stop = new AbortController();
  #ended = Promise.resolve();
  #started = Promise.resolve([]);

  constructor(processes) {
    this.#processes = processes;
  }

  /** Begins; the packages must be installed, they need not be built. */
  start() {
    this.#started = new Promise((decided) => {
      const print = (line) => (line.startsWith('{"servers":') ? decided(JSON.parse(line).servers) : console.log(line));
      const flags = ['--import', 'tsx', '--conditions=tidemark-source'];
      const { signal } = this.#stop;
      this.#ended = this.#processes.run(process.execPath, [...flags, PROGRAM], { cwd: root, print, signal });
      this.#ended.then((code) => decided([{ server: 'servers', problem: `their program ended with ${code}` }]));
    });
  }

  /**
   * When it is decided which servers there are: what suites need in their environment, what failed, and what a person must
   * know was not tested. In CI that is a failure too.
   */
  async ready({ inCi }) {
    const servers = await this.#started;
    const running = servers.filter(({ problem }) => problem === null);
    const skipped = servers.filter(({ isMissing }) => isMissing === true && !inCi);
    const failed = servers.filter((server) => !running.includes(server) && !skipped.includes(server));
    return {
      env: Object.fromEntries(running.map(({ server, address }) => [`TIDEMARK_TEST_${server.toUpperCase()}`, address])),
      failures: failed.map(({ server, problem }) => `${server} › ${problem}`),
      notices: skipped.map(({ server, problem }) => `NOT TESTED: everything with ${server}. ${problem}`),
    };
  }

  /** Ends them; resolves when they are gone. */
  async stop() {
    this.#stop.abort();
    await this.#ended;
  }
}
