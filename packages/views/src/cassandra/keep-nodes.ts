import type { Client } from 'cassandra-driver';
import './driver-types.ts';

/**
 * Has the driver go on with the nodes that it knows when none can be reached. Version 4.10 asks the contact points then as if
 * for the first time, since their names may lead elsewhere by now (NODEJS-632): it makes a node anew, leaves the old one trying
 * to connect, and watches the new connection twice, so that each such outage doubles what it does at the next. After ten of
 * them a process has a thousand connections and answers nothing. Here that is left to names that do lead elsewhere.
 */
export function keepNodes({ controlConnection }: Client): void {
  const initialize = controlConnection._initializeConnection.bind(controlConnection);
  controlConnection._initializeConnection = async () => {
    const { initialized, hosts, _contactPoints: addresses } = controlConnection;
    // The driver tries again by its reconnection policy, and each node does by itself.
    if (initialized && [...addresses].every((address) => hosts.get(address) !== undefined))
      throw new Error('No node of Cassandra can be reached just now.');
    await initialize();
  };
}
