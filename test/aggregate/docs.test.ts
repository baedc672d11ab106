/** Runs the samples of docs/aggregates.md as they are written there. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { protoFolder, startGateway } from '../support/gateway.js';
import { protogate, ROOT } from '../support/run.js';
import { pages } from './pages.js';

const text = await readFile(join(ROOT, 'docs/aggregates.md'), 'utf8');
const samples = [...text.matchAll(/```proto\n([\s\S]*?)```/g)].map(([, sample = '']) => sample);
const rpcs = samples.map((sample) => sample.slice(0, sample.indexOf('\nmessage')));
const messages = samples.map((sample) => sample.slice(sample.indexOf('\nmessage')));
const protos = pages(`service Pages {\n${rpcs.join('\n')}\n}\n${messages.join('\n')}`);

test('check has nothing to say of the samples but what they cost', async (t) => {
  const folder = await protoFolder(t, protos);
  const { stdout, stderr, exitCode } = await protogate(['check', '--protos', folder]);
  t.is(exitCode, 0);
  t.is(stdout.trim().split('\n').length, 1, stdout);
  t.true(stderr.includes('shop.v1.Pages/GetDashboard: at most 22 calls of 64, in 2 rounds\n'), stderr);
  t.true(stderr.includes('shop.v1.Pages/GetOrderPage: at most 3 calls of 64, in 3 rounds\n'), stderr);
});

test('explain prints the plan that the page shows, and calls nothing', async (t) => {
  const folder = await protoFolder(t, protos);
  const { stdout } = await protogate(['explain', 'GET', '/v1/customers/1/dashboard', '--protos', folder]);
  const shown = /```\n(plan {6}[\s\S]*?)```/.exec(text)?.[1] ?? 'no plan';
  t.true(stdout.includes(shown), stdout);
});

test('routes marks aggregates, with what they call', async (t) => {
  const folder = await protoFolder(t, protos);
  const { stdout } = await protogate(['routes', '--protos', folder, '--format', 'json']);
  const rows = JSON.parse(stdout) as { rpc: string; aggregate?: object }[];
  t.deepEqual(rows.find(({ rpc }) => rpc === 'shop.v1.Pages/GetDashboard')?.aggregate, {
    calls: ['shop.v1.Customers/GetCustomer', 'shop.v1.Orders/ListOrders', 'shop.v1.Catalog/GetProduct'],
    maxCalls: 22,
  });
  t.is(rows.filter(({ aggregate }) => aggregate !== undefined).length, 2);
  const table = await protogate(['routes', '--protos', folder]);
  t.regex(table.stdout, /shop\.v1\.Pages\/GetDashboard +aggregate: at most 22 calls/);
});

test('the samples answer', async (t) => {
  const { send } = await startGateway(t, protos, {
    GetOrder: { message: { title: 'Big', items: [{ product_id: 'a' }] } },
  });
  t.is((await send('GET', '/v1/customers/1/dashboard')).status, 200);
  const { json, headers } = await send('GET', '/v1/orders/1/page');
  t.deepEqual(json.lines, [{ item: { productId: 'a' } }]);
  t.is(headers['x-protogate-partial'], 'lines[0].product');
});
