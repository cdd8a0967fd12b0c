import { parseJson } from '@tidemark/contracts';
import type { FastifyInstance } from 'fastify';
import { ApiProblem } from './problem.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Takes bodies as JSON alone, and strictly: valid UTF-8, nested no deeper than events may be, no key twice. */
export function acceptJson(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => {
    let text: string;
    try {
      text = utf8.decode(typeof body === 'string' ? Buffer.from(body) : body);
    } catch (cause) {
      done(new ApiProblem('TIDEMARK_API_INVALID_BODY', 'The body is not UTF-8.', { cause }));
      return;
    }
    const parsed = parseJson(text);
    if (parsed.ok) done(null, parsed.value);
    else done(new ApiProblem('TIDEMARK_API_INVALID_BODY', `The body can't be used: ${parsed.reason}.`));
  });
}
