export { type KafkaLogOptions, openKafkaLog } from './log.ts';
