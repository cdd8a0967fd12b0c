import { errors, types } from 'cassandra-driver';
import DriverConnection, { type FrameHeader } from 'cassandra-driver/lib/connection.js';

const { overloaded, serverError } = types.responseErrorCodes;

/**
 * Ends a connection on which an answer may have gone to another request than its own, before anything more is read from it.
 *
 * Servers before 5.0.9 send "timed out before it could start", and failures outside of a request, on stream 0, whichever
 * stream the request had (CASSANDRA-21508). Version 4.10 of the driver gives that to whoever waits on stream 0, and then has
 * two requests share that stream: each may get the other's rows, which may look just like its own. So such an error, and any
 * answer that nobody waits for, is the last thing that is believed of a connection; what waited is told that it broke.
 */
function endConnectionsOfStrayAnswers(): void {
  const { handleResult, freeStreamId } = DriverConnection.prototype;

  DriverConnection.prototype.handleResult = function (header, error, result) {
    if (isStray(this, header, error))
      this.netClient.destroy(new Error('Cassandra answered a request that it was not asked.'));
    if (!this.netClient.destroyed) handleResult.call(this, header, error, result);
  };
  DriverConnection.prototype.freeStreamId = function (header) {
    if (!this.netClient.destroyed) freeStreamId.call(this, header);
  };
}

function isStray({ connected, _operations: waiting }: DriverConnection, { streamId }: FrameHeader, error: unknown) {
  // There is one request at a time until then, whose errors are part of agreeing on a version.
  if (!connected || streamId < 0) return false;
  if (!waiting.has(streamId)) return true;
  return streamId === 0 && error instanceof errors.ResponseError && [overloaded, serverError].includes(error.code);
}

endConnectionsOfStrayAnswers();
