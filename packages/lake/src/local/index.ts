export { openLocalStorage } from './local-storage.ts';
