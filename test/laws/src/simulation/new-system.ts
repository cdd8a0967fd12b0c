import type { MemoryTopic } from '@tidemark/log/testing';
import type { Definition } from '@tidemark/metrics';
import type { Mirror } from '../mirror.ts';
import { CatalogState } from './memory-catalog.ts';
import { MemoryDisk } from './memory-files.ts';
import type { Shared } from './ports.ts';
import type { SharedViews } from './simulated-views.ts';

/** What the processes of a system share before anything has happened. The mirror is told of all that it accepts. */
export function newSystem(definition: Definition, topic: MemoryTopic, views: SharedViews, mirror: Mirror): Shared {
  const disk = new MemoryDisk();
  const { identity } = topic;
  return {
    definition,
    fills: false,
    members: new Map(),
    topic,
    firstLog: identity,
    disk,
    catalog: new CatalogState(),
    listedFrom: new Map(),
    ...views,
    onRecord: (record) => {
      // What is sent to a topic that was made anew is no history of this system: it must refuse it.
      if (topic.identity !== identity) return;
      const { partition, offset, value, headers } = record;
      if (Object.keys(headers).length > 0) mirror.sawBarrier(record);
      else mirror.appended(partition, offset, value ?? new Uint8Array());
    },
    onEntry: (path, content) => {
      if (!path.startsWith('manifest/imports/')) return;
      const { number, file } = JSON.parse(new TextDecoder().decode(content));
      const events = file === null ? null : disk.get(file.path);
      mirror.imported(number, events?.kind === 'events' ? events.rows.map(({ value }) => value) : []);
    },
  };
}
