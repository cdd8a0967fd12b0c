import { readFileSync } from 'node:fs';
import { shipped } from '../shipped.ts';

/** How clients talk on a listener beside the plain one. */
export type ListenerProtocol = 'PLAINTEXT' | 'SASL_PLAINTEXT' | 'SSL' | 'SASL_SSL';

export type BrokerPorts = {
  readonly client: number;
  readonly controller: number;
  /** By the listener's name. */
  readonly listeners: Readonly<Record<string, number>>;
};

export const HOST = '127.0.0.1';

const MAX_REPLICATION = 3;

/** The properties of one broker: those shipped for all, its own, then the caller's, which win. */
export function brokerProperties(options: {
  readonly id: number;
  readonly data: string;
  readonly brokers: readonly BrokerPorts[];
  readonly protocols: Readonly<Record<string, ListenerProtocol>>;
  /** What clients are told instead of the listener's own port, by its name. */
  readonly advertisedPorts?: Readonly<Record<string, number>>;
  readonly settings: Readonly<Record<string, string>>;
}): Readonly<Record<string, string>> {
  const { id, data, brokers, protocols, advertisedPorts = {}, settings } = options;
  const own = brokers[id - 1];
  if (own === undefined) throw new RangeError(`There is no broker ${id}.`);
  const ports = Object.entries({ PLAINTEXT: own.client, ...own.listeners });
  const listeners = ports.map(([name, port]) => `${name}://${HOST}:${port}`);
  const advertised = ports.map(([name, port]) => `${name}://${HOST}:${advertisedPorts[name] ?? port}`);
  const copies = String(Math.min(MAX_REPLICATION, brokers.length));
  const inSync = String(Math.min(2, brokers.length));
  return {
    ...parseProperties(readFileSync(shipped.config('kafka', 'server.properties'), 'utf8')),
    'node.id': String(id),
    'controller.quorum.voters': brokers.map(({ controller }, at) => `${at + 1}@${HOST}:${controller}`).join(','),
    listeners: [...listeners, `CONTROLLER://${HOST}:${own.controller}`].join(','),
    'advertised.listeners': advertised.join(','),
    'listener.security.protocol.map': Object.entries({ PLAINTEXT: 'PLAINTEXT', CONTROLLER: 'PLAINTEXT', ...protocols })
      .map(([name, protocol]) => `${name}:${protocol}`)
      .join(','),
    'log.dirs': data,
    // A topic that says nothing has as many copies as there are brokers; with more than one, the loss of one is borne.
    'default.replication.factor': copies,
    'min.insync.replicas': inSync,
    'offsets.topic.replication.factor': copies,
    'transaction.state.log.replication.factor': copies,
    'transaction.state.log.min.isr': inSync,
    'share.coordinator.state.topic.replication.factor': copies,
    'share.coordinator.state.topic.min.isr': inSync,
    ...settings,
  };
}

/** `name=value` lines, comments aside. Ours have no line breaks and no escapes in them. */
export function parseProperties(text: string): Readonly<Record<string, string>> {
  const lines = text.split('\n').filter((line) => /^[^#\s]/.test(line));
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
}

/** As Java reads them: a backslash would begin an escape. */
export const formatProperties = (properties: Readonly<Record<string, string>>): string =>
  Object.entries(properties)
    .map(([name, value]) => `${name}=${value.replaceAll('\\', '\\\\')}\n`)
    .join('');
