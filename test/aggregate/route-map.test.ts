/** What the commands say of the demo's aggregates. docs-samples.test.ts runs the samples of docs/aggregates.md. */
import { join } from 'node:path';
import test from 'ava';
import { protogate, ROOT } from '../support/run.js';

const PROTOS = join(ROOT, 'protos/demo');

test('check says how many calls each aggregate makes at most', async (t) => {
  const { stderr } = await protogate(['check', '--protos', PROTOS]);
  t.true(stderr.includes('shop.v1.Pages/GetDashboard: at most 4 calls of 64, in 2 rounds\n'), stderr);
  t.true(stderr.includes('shop.v1.Pages/GetOrderPage: at most 3 calls of 64, in 3 rounds\n'), stderr);
});

test('routes marks aggregates, with what they call', async (t) => {
  const { stdout } = await protogate(['routes', '--protos', PROTOS, '--format', 'json']);
  const rows = JSON.parse(stdout) as { rpc: string; aggregate?: object }[];
  t.deepEqual(rows.find(({ rpc }) => rpc === 'shop.v1.Pages/GetOrderPage')?.aggregate, {
    calls: ['shop.v1.Orders/GetOrder', 'shop.v1.Catalog/BatchGetProducts'],
    maxCalls: 3,
  });
  t.is(rows.filter(({ aggregate }) => aggregate !== undefined).length, 4);
  const table = await protogate(['routes', '--protos', PROTOS]);
  t.regex(table.stdout, /shop\.v1\.Pages\/GetOrderPage +aggregate: at most 3 calls/);
});
