import { randomBytes } from 'node:crypto';
import { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { inWholeAnswers, WholeAnswers } from './whole-answers.ts';

const answer = (content: Buffer): Buffer => {
  const size = Buffer.alloc(4);
  size.writeInt32BE(content.length);
  return Buffer.concat([size, content]);
};

/** Parts of at most so many bytes. */
const cut = (bytes: Buffer, most: number): readonly Buffer[] =>
  Array.from({ length: Math.ceil(bytes.length / most) }, (_, n) => bytes.subarray(n * most, (n + 1) * most));

describe('answers cut anywhere', () => {
  const answers = [0, 1, 3, 4, 5, 700, 2, 70_000, 0, 12].map((length) => answer(randomBytes(length)));
  const stream = Buffer.concat(answers);

  test.each([1, 2, 3, 4, 5, 7, 64, 1_000, 65_536, stream.length])('in parts of %i bytes come whole', (most) => {
    const ends = answers.map((_, n) => Buffer.concat(answers.slice(0, n + 1)).length);
    const whole = new WholeAnswers();
    let taken = Buffer.alloc(0);
    let given = 0;
    for (const part of cut(stream, most)) {
      given += part.length;
      const bytes = whole.take(part);
      if (bytes !== null) taken = Buffer.concat([taken, bytes]);
      // Nothing that is whole waits, and nothing else is handed on.
      expect(taken.length).toBe(Math.max(0, ...ends.filter((end) => end <= given)));
    }
    expect(taken.equals(stream)).toBe(true);
  });

  test('a size that is none is no answer', () => {
    expect(() => new WholeAnswers().take(Buffer.from([0xff, 0xff, 0xff, 0xfc, 0, 0, 0, 0]))).toThrow(RangeError);
  });
});

describe('a socket', () => {
  test('tells of what is whole, and keeps the rest to itself when it ends', () => {
    const socket = inWholeAnswers(new Socket());
    const seen: Buffer[] = [];
    let hasEnded = false;
    socket.on('data', (bytes: Buffer) => seen.push(bytes));
    socket.on('end', () => {
      hasEnded = true;
    });
    const first = answer(Buffer.from('first'));
    socket.emit('data', Buffer.concat([first, answer(Buffer.from('second')).subarray(0, 7)]));
    socket.emit('end');
    expect(seen).toEqual([first]);
    expect(hasEnded).toBe(true);
  });

  test('on which no broker speaks is destroyed', () => {
    const socket = inWholeAnswers(new Socket());
    const errors: Error[] = [];
    socket.on('error', (error) => errors.push(error));
    socket.emit('data', Buffer.from([0xff, 0xff, 0xff, 0xff]));
    expect(socket.destroyed).toBe(true);
  });
});
