import type { Socket } from 'node:net';
import { ApiProblem } from './problem.ts';

/** Answers bytes that are no HTTP request, or one that did not arrive in time, and closes the connection. */
export function answerBrokenRequest(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  if (socket.writable) {
    const problem =
      error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? new ApiProblem('TIDEMARK_API_REQUEST_TIMEOUT', 'The request did not arrive in time.')
        : new ApiProblem('TIDEMARK_API_MALFORMED_REQUEST', 'What came is no HTTP request.');
    const body = JSON.stringify(problem.toBody());
    const reason = problem.status === 408 ? 'Request Timeout' : 'Bad Request';
    socket.write(
      `HTTP/1.1 ${problem.status} ${reason}\r\nconnection: close\r\ncontent-type: application/problem+json\r\n` +
        `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
  }
  socket.destroySoon();
}
