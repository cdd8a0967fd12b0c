import { join } from 'node:path';
import type { ShopState } from '@tidemark/simulator';
import { z } from 'zod';
import { readSmallFile, writeSmallFile } from '../home/small-file.ts';

const sentRecord = z.object({ customerId: z.string(), base64: z.string() });

const shopFile = z.object({
  /** True once the history is in the lake. */
  imported: z.boolean(),
  /** The shop's own state, checked by the simulator; it comes after `pending`. */
  shop: z.unknown(),
  /** Records made from the state before that may or may not be in the log. */
  pending: z.array(sentRecord),
});

export type SentRecord = z.output<typeof sentRecord>;
export type ShopFile = {
  readonly imported: boolean;
  readonly shop: ShopState;
  readonly pending: readonly SentRecord[];
};

export const demoPaths = (folder: string) => ({
  shop: join(folder, 'shop.json'),
  history: join(folder, 'history.ndjson'),
});

/** Where the demo's shop stands; null before its history was made. */
export function readShop(folder: string): z.output<typeof shopFile> | null {
  const text = readSmallFile(demoPaths(folder).shop);
  return text === null ? null : shopFile.parse(JSON.parse(text));
}

export function writeShop(folder: string, file: ShopFile): void {
  writeSmallFile(demoPaths(folder).shop, JSON.stringify(file));
}
