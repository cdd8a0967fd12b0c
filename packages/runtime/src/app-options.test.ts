import { expect, it } from 'vitest';
import { type ConfiguredProcess, configureApp } from './app-options.ts';

class Exit extends Error {
  readonly code: number;

  constructor(code: number) {
    super(`exit ${code}`);
    this.code = code;
  }
}

function started(env: Record<string, string>, ...argv: string[]) {
  const said: string[] = [];
  const host: ConfiguredProcess = {
    env,
    argv: ['node', 'main.js', ...argv],
    stderr: { write: (text) => said.push(text) },
    exit: (code) => {
      throw new Exit(code);
    },
  };
  const configured = () =>
    configureApp(
      { name: 'speed-layer', reads: ['logUrl', 'viewsUrl', 'port'], requires: ['logUrl', 'viewsUrl'] },
      host,
    );
  return { said, configured };
}

const URLS = { TIDEMARK_LOG_URL: 'kafka://a:9092/customer_events', TIDEMARK_VIEWS_URL: 'postgres://u:secret@h/db' };

it('gives the settings of the environment, and a logger of the level asked for', () => {
  const { options, logger } = started({ ...URLS, TIDEMARK_PORT: '81', TIDEMARK_LOG_LEVEL: 'warn' }).configured();
  expect(options).toMatchObject({ logUrl: URLS.TIDEMARK_LOG_URL, port: 81, logLevel: 'warn' });
  expect(logger.level).toBe('warn');
});

it('says everything that is wrong at once, without a stack, and exits with 1', () => {
  const { said, configured } = started({ TIDEMARK_PORT: 'http', TIDEMARK_VIEWS_URL: URLS.TIDEMARK_VIEWS_URL });
  expect(configured).toThrow('exit 1');
  expect(said.join('')).toMatch(
    /^speed-layer: TIDEMARK_CONFIG: .*\n {2}- TIDEMARK_LOG_URL is not set.*\n {2}- TIDEMARK_PORT is 'http'.*\n$/,
  );
  expect(said.join('')).not.toContain('secret');
});

it('with --validate exits with 0 when nothing is wrong, with 1 otherwise', () => {
  expect(started(URLS, '--validate').configured).toThrow('exit 0');
  expect(started({}, '--validate').configured).toThrow('exit 1');
});
