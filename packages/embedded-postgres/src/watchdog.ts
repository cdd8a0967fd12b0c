import { spawn } from 'node:child_process';

/**
 * Ends the server when this process is gone, however it went: a shell waits for the end of a pipe that only we hold
 * open, which a SIGKILL closes too. Folders given are removed once the server has ended. Answers how to call it off.
 */
export function watch(serverPid: number, removeFolders: readonly string[]): () => void {
  const script = `
    read -r _
    pid=$1; shift
    kill -INT "$pid" 2>/dev/null
    tries=0
    while kill -0 "$pid" 2>/dev/null && [ "$tries" -lt 50 ]; do sleep 0.1; tries=$((tries + 1)); done
    [ "$#" -eq 0 ] || rm -rf -- "$@"`;
  const watchdog = spawn('/bin/sh', ['-c', script, 'tidemark-postgres-watchdog', String(serverPid), ...removeFolders], {
    // Its own session: a Ctrl-C to our group must not end it before us.
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    cwd: '/',
  });
  watchdog.on('error', () => {});
  watchdog.stdin.on('error', () => {});
  watchdog.unref();
  return () => {
    watchdog.kill('SIGKILL');
    watchdog.stdin.destroy();
  };
}
