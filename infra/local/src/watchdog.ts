import { spawn } from 'node:child_process';

/**
 * Ends the servers of a folder when this process is gone, however it went: a shell waits for the end of a pipe that only
 * we hold open, which a SIGKILL closes too, and then ends whom the `pid` files name. Answers how to call it off.
 */
export function watch(folder: string, graceMs: number, removeFolder: boolean): () => void {
  const script = `
    read -r _
    folder=$1; tries=$2
    pids=$(cat "$folder"/*/pid 2>/dev/null | sed -n '/^pid /s///p')
    alive() { for each in $pids; do kill -0 "$each" 2>/dev/null && return 0; done; return 1; }
    for each in $pids; do kill -TERM "$each"; kill -CONT "$each"; done 2>/dev/null
    while alive && [ "$tries" -gt 0 ]; do sleep 0.1; tries=$((tries - 1)); done
    for each in $pids; do kill -KILL "$each"; done 2>/dev/null
    tries=100
    while alive && [ "$tries" -gt 0 ]; do sleep 0.1; tries=$((tries - 1)); done
    [ "$3" = keep ] || rm -rf -- "$folder"`;
  const args = [
    '-c',
    script,
    'tidemark-infra-watchdog',
    folder,
    String(graceMs / 100),
    removeFolder ? 'remove' : 'keep',
  ];
  const watchdog = spawn('/bin/sh', args, {
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
