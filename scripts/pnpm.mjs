// Runs the pnpm that package.json pins, so that nobody has to install it: `node scripts/pnpm.mjs install`.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

/** The command line of the pinned pnpm with these arguments. */
export function pnpmCommand(args) {
  const { packageManager } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  return { file: process.platform === 'win32' ? 'npx.cmd' : 'npx', args: ['--yes', packageManager, ...args] };
}

/** Variables for what scripts run: nothing asks questions, reports home or prints notices of its own. */
export function quietEnv() {
  return {
    ...process.env,
    TURBO_TELEMETRY_DISABLED: '1',
    DO_NOT_TRACK: '1',
    npm_config_update_notifier: 'false',
    npm_config_fund: 'false',
    npm_config_audit: 'false',
    npm_config_loglevel: 'error',
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { file, args } = pnpmCommand(process.argv.slice(2));
  const child = spawn(file, args, { cwd: root, env: quietEnv(), stdio: 'inherit' });
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, () => child.kill(name));
  child.on('error', (error) => {
    process.stderr.write(`npx can't be run: ${error.message}\n`);
    process.exitCode = 1;
  });
  child.on('close', (code, signal) => {
    process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 143);
  });
}
