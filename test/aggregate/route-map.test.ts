/** The output of the commands for the demo's aggregates. docs-samples.test.ts runs the samples of docs/aggregates.md. */
import { join } from 'node:path';
import test from 'ava';
import { parseConfig } from '../../src/config/parse.js';
import { type Plan, plan } from '../../src/gateway/plan.js';
import { describePlan } from '../../src/report/plan-tree.js';
import { formatTable, routeRows } from '../../src/report/route-map.js';
import { ROOT } from '../support/run.js';

const { config } = parseConfig({ version: 1, schema: { protos: [join(ROOT, 'protos/demo')] } });
let planned: Plan;

test.before(async () => {
  planned = await plan(config!);
});

test('check says how many calls each aggregate makes at most', (t) => {
  const said = new Map(planned.aggregates.map((one) => [one.method.name, describePlan(one)]));
  t.is(said.get('GetDashboard'), 'at most 4 calls (64 are allowed), in 2 rounds');
  t.is(said.get('GetOrderPage'), 'at most 3 calls (64 are allowed), in 3 rounds');
});

test('routes marks aggregates, with what they call', (t) => {
  const rows = routeRows(planned.routes);
  t.deepEqual(rows.find(({ rpc }) => rpc === 'shop.v1.Pages/GetOrderPage')?.aggregate, {
    calls: ['shop.v1.Orders/GetOrder', 'shop.v1.Catalog/BatchGetProducts'],
    maxCalls: 3,
  });
  t.is(rows.filter(({ aggregate }) => aggregate !== undefined).length, 5);
  t.regex(formatTable(rows), /shop\.v1\.Pages\/GetOrderPage +aggregate: at most 3 calls/);
});
