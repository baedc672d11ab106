/** docs/errors.md shows an answer of the gateway. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { startGateway } from '../support/gateway.js';
import { LIBRARY } from '../support/protos.js';
import { ROOT } from '../support/run.js';

test('the first sample of docs/errors.md is what the gateway answers', async (t) => {
  const page = await readFile(join(ROOT, 'docs/errors.md'), 'utf8');
  const [, sample = ''] = /```json\n([\s\S]*?)```/.exec(page) ?? [];
  const { send } = await startGateway(t, LIBRARY);
  const { status, json } = await send('GET', '/v1/shelves/1/books?page_size=many');
  t.is(status, 400);
  t.deepEqual(json, JSON.parse(sample));
});
