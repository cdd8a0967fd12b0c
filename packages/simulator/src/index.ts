export type { WireEvent } from './counter.ts';
export type { LiveItem } from './live.ts';
export { Random } from './random.ts';
export { createShop, type HistoryItem, resumeShop, type Shop } from './shop.ts';
export { DEFAULT_RATES, type Rates, type ShopOptions, type ShopState, ShopStateError } from './state.ts';
