/** Cases for the rows that both migration pages have. */
import { type Case, told } from './rows.js';

export const BOTH_PAGES: Readonly<Record<string, Case>> = {
  'maps in a query': async (t, { gateway }) => {
    const { send, upstream } = await gateway();
    await send('GET', '/v1/items?labels[env]=x');
    t.deepEqual(upstream.last().request, { labels: { env: 'x' } });
  },
  'texts of UNKNOWN, INTERNAL and DATA_LOSS': async (t, { gateway }) => {
    for (const [expose, text] of [
      [[], /^500 the service failed/],
      [['UNKNOWN'], /^500 plain Go error$/],
    ] as const) {
      const { send, upstream } = await gateway({ errors: { expose: [...expose] } });
      upstream.script('GetItem', { status: { code: 2, message: 'plain Go error' } });
      t.regex(told(await send('GET', '/v1/items/1')), text);
      for (const code of [13, 15]) {
        upstream.script('GetItem', { status: { code, message: 'row 7 of table users' } });
        t.regex(told(await send('GET', '/v1/items/1')), /^500 the service failed/);
      }
    }
  },
  'HTTP statuses of gRPC codes': async (t, { gateway }) => {
    const { send, upstream } = await gateway();
    const statuses: number[] = [];
    for (let code = 1; code <= 16; code++) {
      upstream.script('GetItem', { status: { code, message: 'no' } });
      statuses.push((await send('GET', '/v1/items/1')).status);
    }
    t.deepEqual(statuses, [499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401]);
  },
  HttpBody: async (t, { gateway }) => {
    const { send, upstream } = await gateway();
    const csv = await send('GET', '/v1/download/a');
    t.deepEqual([csv.headers['content-type'], csv.text], ['text/csv', 'a,b']);
    await send('POST', '/v1/upload/a', { body: 'a,b', headers: { 'content-type': 'text/csv' } });
    t.deepEqual(upstream.last().request, { name: 'a', file: { content_type: 'text/csv', data: Buffer.from('a,b') } });
  },
  'routes of one shape': async (t, { check }) => {
    const found = await check(['A(Ask → Item) get: "/v1/{name}"', 'B(Ask → Item) get: "/v1/{some}"']);
    t.is(found.length, 1);
    t.regex(found[0]!, /^error: GET \/v1\/\*: .*Shop\/A \(.*test\.proto.*Shop\/B \(.*test\.proto/);
  },
};
