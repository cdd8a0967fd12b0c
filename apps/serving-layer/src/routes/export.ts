import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { formatTime } from '@tidemark/contracts';
import { z } from 'zod';
import { preferred } from '../accept.ts';
import type { CustomerView } from '../customer-reader.ts';
import { arrow } from '../export/arrow.ts';
import { csv } from '../export/csv.ts';
import type { ExportFormat } from '../export/format.ts';
import { ndjson } from '../export/ndjson.ts';
import { openWholeView } from '../export/whole-view.ts';
import { ApiProblem } from '../problem.ts';
import { asOf, generation } from '../schema/request.ts';
import type { Services, ServingApp } from '../services.ts';

const querystring = z.strictObject({ generation: generation.optional(), as_of: asOf.optional() });

/**
 * `GET /v1/customers/export`: the whole merged view of one generation as a stream, written as fast as it is read. What it
 * was made of is in the headers. An export that can't go on is torn off: the connection is destroyed, never ended well.
 */
export function exportRoute(app: ServingApp, services: Services): void {
  const { context } = services;
  const { definition } = context;
  const formats = [ndjson(definition), csv(definition), arrow(definition)];
  const offered = formats.map(({ mediaType }) => mediaType);
  const running = new Set<ServerResponse>();
  app.addHook('preClose', async () => {
    for (const response of running) response.destroy();
  });

  const schema = {
    summary: 'Every customer, merged, as a stream',
    description: `As ${offered.join(', ')}, by Accept; the first by default. Pinned to one generation and moment, which the \
headers tidemark-generation and tidemark-as-of name. A connection that breaks off is an incomplete export.`,
    produces: offered,
    querystring,
  };
  // A HEAD would have to read the whole view.
  app.get('/v1/customers/export', { schema, exposeHeadRoute: false }, async (request, reply) => {
    const format = chosen(formats, request.headers.accept);
    const { generation, as_of: asOfMs } = request.query;
    const whole = await openWholeView(services, { generation, asOfMs });
    // What can be answered as a problem is found before the first byte is out.
    const first = await whole.pages.next();
    const stream = Readable.from(written(format, first, whole.pages), { objectMode: false });
    running.add(reply.raw);
    reply.raw.once('close', () => running.delete(reply.raw));
    stream.once('error', (error) => context.logger.warn({ err: error }, 'an export was torn off'));
    return reply
      .header('content-type', format.mediaType)
      .header('tidemark-definition', definition.id)
      .header('tidemark-generation', String(whole.pin.generation))
      .header('tidemark-as-of', formatTime(whole.asOfMs))
      .header('tidemark-currency', definition.currency)
      .send(stream);
  });
}

function chosen(formats: readonly ExportFormat[], accept: string | undefined): ExportFormat {
  const offered = formats.map(({ mediaType }) => mediaType);
  const type = preferred(accept, offered);
  const format = formats.find(({ mediaType }) => mediaType === type);
  if (format) return format;
  throw new ApiProblem('TIDEMARK_API_NOT_ACCEPTABLE', `The export is offered as ${offered.join(', ')}.`);
}

async function* written(
  format: ExportFormat,
  first: IteratorResult<readonly CustomerView[], void>,
  rest: AsyncIterable<readonly CustomerView[]>,
): AsyncGenerator<Uint8Array | string> {
  const writer = format.open();
  if (!first.done) yield* some(writer.page(first.value));
  for await (const page of rest) yield* some(writer.page(page));
  yield* some(writer.end());
}

/** An empty part would end a byte stream. */
function* some(part: Uint8Array | string): Generator<Uint8Array | string> {
  if (part.length > 0) yield part;
}
