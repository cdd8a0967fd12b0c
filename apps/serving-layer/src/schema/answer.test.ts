import { expect, test } from 'vitest';
import { z } from 'zod';
import { order, profile, ticket } from '../testing/sample-shop.ts';
import { serve } from '../testing/served.ts';
import { answerSchemas } from './answer.ts';

test('answers are as their schemas say, field for field', async () => {
  const { get, app, shop } = await serve();
  const day = '2024-05-20T00:00:00Z';
  await shop.publish(1, {
    full: [order('o1', '10.00', day), ticket('t1', 'high', day), ticket('t2', 'high', day), profile('vip')],
    none: [],
  });
  await shop.fold('full', { epoch: 1, partition: 0, offset: 12n }, [
    { event_type: 'order_cancelled', order_id: 'o1', total_amount: '10.00', order_date: day },
    { event_type: 'email_open', campaign_id: 'c1', event_date: day },
    { event_type: 'refund_issued', refund_id: 'r1', order_id: 'o1', amount: '3.00' },
  ]);
  const answers = answerSchemas(shop.definition);
  const strictly = (schema: z.ZodType, body: unknown) => expect(z.safeParse(schema, body).error).toBeUndefined();
  for (const id of ['full', 'none']) strictly(answers.customer, (await get(`/v1/customers/${id}`)).body);
  strictly(answers.ranking, (await get('/v1/customers?sort=tickets_total&limit=1')).body);
  const payload = JSON.stringify({ customer_ids: ['none', 'full', 'x'] });
  const headers = { 'content-type': 'application/json' };
  strictly(
    answers.batch,
    (await app.inject({ method: 'POST', url: '/v1/customers:batchGet', payload, headers })).json(),
  );
});
