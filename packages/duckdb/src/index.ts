export { identifier, textListLiteral, textLiteral } from './literal.ts';
export { megabytes, memoryShare } from './memory-share.ts';
export { openSession, type Session, type SessionOptions } from './session.ts';
