import { setTimeout as pause } from 'node:timers/promises';
import { Client, ExecutionProfile, policies, type QueryOptions, types } from 'cassandra-driver';
import './driver-types.ts';
import { ViewsError } from '../error.ts';
import { InFlight } from '../in-flight.ts';
import type { CassandraUrl } from './cassandra-url.ts';
import { asViewsError, gone, isUnprepared } from './driver-error.ts';
import { keepNodes } from './keep-nodes.ts';
import { type BoundWrite, groupByReplica } from './replica-group.ts';
import './stray-answers.ts';
import { TryAgain } from './try-again.ts';
import type { Row } from './wire-value.ts';

/** A statement and what is bound to it. `Buffer`s are encoded already; the driver sends them as they are. */
export type Bound = { readonly cql: string; readonly values: readonly unknown[] };

/** Reads under way at once, of one store. Two nodes' worth of work; more only waits in the servers' queues. */
const READS_IN_FLIGHT = 256;

/** Batches under way at once, some 800 rows: what a node that is busy for a moment still does before it times out. */
const WRITES_IN_FLIGHT = 192;

const PAGE_ROWS = 1000;

/** Longer than the server's own limits (2 s for a write, 5 s for a read, 10 s for a range), so that its answer is heard. */
const TIMEOUT_MS = 8_000;
const SCAN_TIMEOUT_MS = 15_000;
const SCHEMA_TIMEOUT_MS = 60_000;

const TABLE_THERE = 'SELECT table_name FROM system_schema.tables WHERE keyspace_name = ? AND table_name = ?';
/** How soon a node that went away is tried again. */
const RECONNECT_MS = 1_000;
/** How long a node is waited for after a connection broke under what compares and sets. */
const BACK_WITHIN_MS = 5 * RECONNECT_MS;

type Profile = 'default' | 'scan' | 'compare-and-set' | 'serial read' | 'schema';

/**
 * One driver's client of a keyspace: prepared statements at explicit levels, pages and timeouts, with a bound on what is
 * under way and the driver's errors told apart. Everything is marked idempotent, so the driver may try again on another
 * node, except what compares and sets.
 */
export class Connection {
  readonly keyspace: string;
  readonly dataCenter: string;
  readonly #client: Client;
  readonly #reads = new InFlight(READS_IN_FLIGHT);
  readonly #writes = new InFlight(WRITES_IN_FLIGHT);

  constructor(url: CassandraUrl, applicationName: string) {
    this.keyspace = url.keyspace;
    this.dataCenter = url.dataCenter;
    this.#client = new Client(clientOptions(url, applicationName));
    keepNodes(this.#client);
  }

  async connect(): Promise<void> {
    try {
      await this.#client.connect();
    } catch (error) {
      await this.close();
      throw asViewsError(error);
    }
  }

  /** All rows, page after page. */
  async rows({ cql, values }: Bound, profile: Profile = 'default'): Promise<readonly Row[]> {
    return await this.#reads.run(() => this.#rows(cql, values, profile));
  }

  /** Works on many items at once, each by other calls of this connection. The results are in the order of the items. */
  async each<I, T>(items: readonly I[], work: (item: I) => Promise<T>): Promise<readonly T[]> {
    return await this.#reads.map(items, work);
  }

  /** Page by page, for what may be large. `near`: the key that the wanted ones follow, to ask a node that has them. */
  async *pages({ cql, values }: Bound, pageRows = PAGE_ROWS, near?: Buffer): AsyncGenerator<readonly Row[]> {
    for (let pageState: string | undefined; ; ) {
      const options: QueryOptions = {
        executionProfile: 'scan',
        fetchSize: pageRows,
        ...(pageState === undefined ? {} : { pageState }),
        ...(near === undefined ? {} : { routingKey: near }),
      };
      const page = await this.#reads.run(() => this.#execute(cql, values, options));
      yield page.rows;
      if (!page.pageState) return;
      pageState = page.pageState;
    }
  }

  /**
   * Writes everything, in no order, taking what it writes as it goes. Rows of the same replicas go as one unlogged batch,
   * bounded in bytes: it is no transaction, only fewer requests. Some may be there when it fails: every write may be repeated.
   */
  async write(writes: Iterable<BoundWrite>): Promise<void> {
    const replicasOf = (key: Buffer): string =>
      (this.#client.metadata.getReplicas(this.keyspace, key) ?? []).map(({ address }) => address).join();
    const groups = groupByReplica(writes, replicasOf);
    await this.#writes.map(groups, (group) => this.#writes.run(() => this.#writeGroup(group)));
  }

  /**
   * Runs a statement with IF. True when it was applied. An outage leaves open whether it was, or still will be; it is thrown
   * when a node can be asked about that, or there was none for some seconds.
   */
  async compareAndSet({ cql, values }: Bound): Promise<boolean> {
    const options = { executionProfile: 'compare-and-set', isIdempotent: false };
    try {
      const { rows } = await this.#writes.run(() => this.#execute(cql, values, options));
      return rows[0]?.['[applied]'] === true;
    } catch (error) {
      await this.#anyNodeBack();
      throw error;
    }
  }

  /** The one row of a key as the last compare-and-set left it; ends those that were left half done. */
  async serialRow(statement: Bound): Promise<Row | null> {
    return (await this.rows(statement, 'serial read'))[0] ?? null;
  }

  /** Changes the schema. Resolves when all nodes that are up have it. */
  async changeSchema(cql: string): Promise<void> {
    await this.#execute(cql, [], { executionProfile: 'schema', prepare: false });
    await this.agreeOnSchema();
  }

  /** Resolves when all nodes that are up know the same schema. */
  async agreeOnSchema(): Promise<void> {
    const deadlineMs = Date.now() + SCHEMA_TIMEOUT_MS;
    while (!(await this.#client.metadata.checkSchemaAgreement())) {
      if (Date.now() > deadlineMs)
        throw new ViewsError('TIDEMARK_VIEWS_UNAVAILABLE', 'The nodes of Cassandra do not agree on the schema.');
      await pause(100);
    }
  }

  async close(): Promise<void> {
    await this.#client.shutdown();
  }

  async #rows(cql: string, values: readonly unknown[], profile: Profile): Promise<readonly Row[]> {
    const options: QueryOptions = { executionProfile: profile };
    let page = await this.#execute(cql, values, options);
    if (!page.pageState) return page.rows;
    const rows: Row[] = [...page.rows];
    while (page.pageState) {
      page = await this.#execute(cql, values, { ...options, pageState: page.pageState });
      for (const row of page.rows) rows.push(row);
    }
    return rows;
  }

  async #writeGroup(group: readonly BoundWrite[]): Promise<void> {
    const [first] = group;
    if (first === undefined) return;
    if (group.length === 1) {
      await this.#execute(first.cql, first.values, {});
      return;
    }
    const queries = group.map(({ cql, values }) => ({ query: cql, params: values }));
    await this.#translated(first.cql, () =>
      this.#client.batch(queries, { prepare: true, logged: false, routingKey: first.key }),
    );
  }

  async #execute(cql: string, values: readonly unknown[], options: QueryOptions): Promise<types.ResultSet> {
    return await this.#translated(cql, () => this.#client.execute(cql, [...values], options));
  }

  async #translated<T>(cql: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      // The driver tells a table that was dropped under a prepared statement as a host that can't be used.
      if (isUnprepared(error) && (await this.#isDropped(cql))) throw gone(error);
      throw asViewsError(error);
    }
  }

  /**
   * The driver takes a node whose last connection broke for down until it is tried again, and notices some moments after
   * those who wait for an answer are told.
   */
  async #anyNodeBack(): Promise<void> {
    const deadlineMs = performance.now() + BACK_WITHIN_MS;
    do await pause(50);
    while (performance.now() < deadlineMs && !this.#client.hosts.values().some((host) => host.isUp()));
  }

  /** Whether the statement's table is not there; false where that can't be found out. */
  async #isDropped(cql: string): Promise<boolean> {
    const [, keyspace, table] = /"(\w+)"\."(\w+)"/.exec(cql) ?? [];
    try {
      const { rows } = await this.#client.execute(TABLE_THERE, [keyspace, table]);
      return rows.length === 0;
    } catch {
      return false;
    }
  }
}

/** What the views ask of a connection: statements, without a word of nodes and schemas. */
export type Statements = Pick<
  Connection,
  'keyspace' | 'rows' | 'each' | 'pages' | 'write' | 'compareAndSet' | 'serialRow'
>;

/** What the driver is told. */
export function clientOptions(url: CassandraUrl, applicationName: string) {
  const { contactPoints, dataCenter, credentials, tls } = url;
  const consistency = types.consistencies[levelName(url.consistency)];
  /**
   * SERIAL, not LOCAL_SERIAL: two data centres that decide by themselves could both say yes. Our keyspace has its replicas
   * in one, where the two cost the same; it stays right when somebody adds another.
   */
  const serial = types.consistencies.serial;
  const fallthrough = new policies.retry.FallthroughRetryPolicy();
  return {
    contactPoints: [...contactPoints],
    applicationName,
    ...(credentials === null ? {} : { credentials }),
    ...(tls === null ? {} : { sslOptions: { ...tls, rejectUnauthorized: true } }),
    // Numbers of 64 bits stay the driver's own Long; a wider one comes as the only exact thing there is.
    encoding: { map: Map, useBigIntAsVarint: true, useUndefinedAsUnset: false },
    queryOptions: { prepare: true, isIdempotent: true, fetchSize: PAGE_ROWS, consistency, serialConsistency: serial },
    socketOptions: { readTimeout: TIMEOUT_MS, connectTimeout: 5_000 },
    pooling: { maxRequestsPerConnection: 2048 },
    // The driver looks for the nodes that it hears of on this port, not on the one their neighbour was found on.
    protocolOptions: { port: portOf(contactPoints), maxSchemaAgreementWaitSeconds: 10 },
    policies: {
      // The driver's own waits up to ten minutes, by which answers would stay away after an outage.
      reconnection: new policies.reconnection.ConstantReconnectionPolicy(RECONNECT_MS),
      retry: new TryAgain(),
      // Its name is given here alone: as an option of the client it leaves a connection open where it is not found.
      loadBalancing: new policies.loadBalancing.TokenAwarePolicy(
        new policies.loadBalancing.DCAwareRoundRobinPolicy(dataCenter),
      ),
    },
    profiles: [
      new ExecutionProfile('default', { consistency, readTimeout: TIMEOUT_MS }),
      new ExecutionProfile('scan', { consistency, readTimeout: SCAN_TIMEOUT_MS }),
      // Tried again by us alone, who know how to tell whether the first try was applied.
      new ExecutionProfile('compare-and-set', {
        consistency,
        serialConsistency: serial,
        readTimeout: TIMEOUT_MS,
        retry: fallthrough,
      }),
      new ExecutionProfile('serial read', { consistency: serial, readTimeout: TIMEOUT_MS }),
      new ExecutionProfile('schema', { consistency, readTimeout: SCHEMA_TIMEOUT_MS, retry: fallthrough }),
    ],
  };
}

/** A cluster has one port; the URL's parser has put it behind every host. */
const portOf = ([first = '']: readonly string[]): number => Number(first.slice(first.lastIndexOf(':') + 1));

const levelName = (consistency: CassandraUrl['consistency']) =>
  (({ LOCAL_QUORUM: 'localQuorum', QUORUM: 'quorum', ALL: 'all' }) as const)[consistency];
