import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

/** In the environment of everything a run starts, and of what that starts: by it a process left behind is known. */
const MARKER = 'TIDEMARK_TEST_RUN';

/** The lowest priority there is. */
const LOWEST = '19';

/**
 * Starts programs, each in a session of its own, and knows afterwards whether any of their processes is left. A signal
 * to us ends them all.
 */
export class ProcessRun {
  #id = randomUUID();
  #sessions = new Set();
  #running = new Set();
  #stopping = false;

  constructor() {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => this.#stop());
  }

  /**
   * Runs a program to its end and answers its exit code; `print` gets each line of its output. `signal` tells it to end,
   * by a SIGTERM. A patient one, and whatever it starts, takes only the time that nobody else wants.
   */
  run(
    file,
    args,
    { cwd, env = {}, print = console.log, shell = false, patient = false, timeoutMs, signal: stop } = {},
  ) {
    return new Promise((resolve) => {
      // The process ends in a moment, and nothing more may begin: such a run never settles.
      if (this.#stopping) return;
      const child = spawn(...(patient ? ['nice', ['-n', LOWEST, file, ...args]] : [file, args]), {
        cwd,
        shell,
        detached: true,
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, ...env, [MARKER]: this.#id },
      });
      const { pid } = child;
      if (pid !== undefined) {
        this.#sessions.add(pid);
        this.#running.add(pid);
        if (patient) giveWay(pid);
      }
      for (const stream of [child.stdout, child.stderr])
        createInterface({ input: stream }).on('line', (line) => print(line));
      const timer = timeoutMs === undefined ? undefined : setTimeout(() => endGroup(pid, 'SIGKILL'), timeoutMs);
      stop?.addEventListener('abort', () => this.#running.has(pid) && endGroup(pid, 'SIGTERM'));
      child.on('error', (error) => {
        clearTimeout(timer);
        print(`${file} can't be started: ${error.message}`);
        resolve(127);
      });
      // Not `close`: a grandchild left behind may hold the pipes for ever.
      child.on('exit', (code, signal) => {
        clearTimeout(timer);
        this.#running.delete(pid);
        setImmediate(() => resolve(code ?? `signal ${signal}`));
      });
    });
  }

  /** Processes of this run that are still there after `graceMs`, as `pid command`. Linux only; elsewhere none is seen. */
  async left(graceMs) {
    const deadline = Date.now() + graceMs;
    for (;;) {
      const found = this.#find();
      if (found.length === 0 || Date.now() > deadline) return found.map(({ pid, command }) => `${pid} ${command}`);
      await sleep(100);
    }
  }

  /** Ends what `left` found. */
  end() {
    for (const { pid } of this.#find()) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // Gone by itself.
      }
    }
  }

  /** Ends what runs, by force if it must be, and then this process. */
  async #stop() {
    if (this.#stopping) return;
    this.#stopping = true;
    for (const pid of this.#running) endGroup(pid, 'SIGTERM');
    for (const deadline = Date.now() + 5_000; this.#running.size > 0 && Date.now() < deadline; ) await sleep(50);
    this.end();
    process.exit(130);
  }

  #find() {
    const all = processes();
    const ours = new Set();
    for (const { pid, session, environment } of all)
      if (pid !== process.pid && (this.#sessions.has(session) || environment.includes(`${MARKER}=${this.#id}`)))
        ours.add(pid);
    // PostgreSQL's backends write over their environment and have sessions of their own: they are known by their parent.
    for (let before = -1; before !== ours.size; ) {
      before = ours.size;
      for (const { pid, parent } of all) if (ours.has(parent)) ours.add(pid);
    }
    return all.filter(({ pid, state }) => ours.has(pid) && state !== 'Z');
  }
}

function processes() {
  if (!existsSync('/proc/self/stat')) return [];
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return [];
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
      const [state, parent, , session] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
      return [
        { pid: Number(pid), state, parent: Number(parent), session: Number(session), command, environment: env(pid) },
      ];
    } catch {
      return []; // Ended meanwhile.
    }
  });
}

function env(pid) {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
  } catch {
    return []; // Somebody else's.
  }
}

/** Where Linux shares time among sessions first, priorities count within one only: the session itself gives way. */
function giveWay(pid) {
  try {
    writeFileSync(`/proc/${pid}/autogroup`, LOWEST);
  } catch {
    // It does not.
  }
}

function endGroup(pid, signal) {
  try {
    process.kill(-pid, signal);
  } catch {
    // Gone by itself.
  }
}
