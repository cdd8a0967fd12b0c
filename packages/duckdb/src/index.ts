export { identifier, textListLiteral, textLiteral } from './literal.ts';
export { openSession, type Session, type SessionOptions } from './session.ts';
