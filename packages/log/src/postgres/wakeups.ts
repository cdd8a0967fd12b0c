import { openListener, type Pool } from '@tidemark/postgres';
import { CHANNEL } from './layout.ts';

/** What may have changed: a partition's end, or who shares a group. */
export type Subject = `partition ${number}` | `group ${string}`;

/** A notification that is lost costs at most this. */
const POLL_MS = 1_000;

/**
 * Tells waiting readers that something may be new. A waiter takes `version` before it looks and then waits for another
 * one, so that what happens between its look and its wait is not missed.
 */
export type Wakeups = {
  version(subject: Subject): number;
  /** Resolves when the subject's version is not `seen`, after `waitMs` (at most one poll), or at abort. Never rejects. */
  changed(subject: Subject, seen: number, waitMs: number, signal?: AbortSignal): Promise<void>;
  /** Tells everybody, at once if nothing is on its way, else with what gathers meanwhile. Losing it is allowed. */
  announce(subjects: readonly Subject[]): void;
  close(): Promise<void>;
};

export function openWakeups(url: string, pool: Pool, topic: string, applicationName: string): Wakeups {
  const versions = new Map<string, number>();
  /** Counts reconnections: each may have lost notifications of every subject. */
  let epoch = 0;
  const waiting = new Map<string, Set<() => void>>();
  const toAnnounce = new Set<Subject>();
  let announcing: Promise<void> | null = null;
  let closed = false;

  const wake = (subject: string) => {
    for (const each of waiting.get(subject) ?? []) each();
  };
  const bump = (subject: string) => {
    versions.set(subject, (versions.get(subject) ?? 0) + 1);
    wake(subject);
  };

  const listener = openListener(url, {
    applicationName: `${applicationName} (listen)`,
    channel: CHANNEL,
    onNotification: (payload) => {
      const [ofTopic, ...subjects] = payload.split('\n');
      if (ofTopic === topic) for (const subject of subjects) bump(subject);
    },
    onConnected: () => {
      epoch += 1;
      for (const subject of waiting.keys()) wake(subject);
    },
  });

  const send = async () => {
    while (toAnnounce.size > 0 && !closed) {
      const subjects = [...toAnnounce];
      toAnnounce.clear();
      // In a statement of its own: a NOTIFY inside an append would make all appends commit one after the other.
      await pool.query('SELECT pg_notify($1, $2)', [CHANNEL, [topic, ...subjects].join('\n')]).catch(() => {});
    }
    announcing = null;
  };

  return {
    version: (subject) => epoch + (versions.get(subject) ?? 0),
    changed: (subject, seen, waitMs, signal) =>
      new Promise((resolve) => {
        if (epoch + (versions.get(subject) ?? 0) !== seen || signal?.aborted || closed) return resolve();
        const group = waiting.get(subject) ?? new Set();
        waiting.set(subject, group);
        const done = () => {
          clearTimeout(timer);
          group.delete(done);
          signal?.removeEventListener('abort', done);
          resolve();
        };
        const timer = setTimeout(done, Math.min(waitMs, POLL_MS));
        group.add(done);
        signal?.addEventListener('abort', done, { once: true });
      }),
    announce: (subjects) => {
      for (const subject of subjects) toAnnounce.add(subject);
      announcing ??= send();
    },
    close: async () => {
      closed = true;
      for (const subject of waiting.keys()) wake(subject);
      await announcing;
      await listener.close();
    },
  };
}
