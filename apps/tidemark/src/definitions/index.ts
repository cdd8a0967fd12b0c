export { positionsOf } from './definitions.ts';
export { goBack, type SwitchStore, type SwitchTimes, switchDefinition } from './switch.ts';
