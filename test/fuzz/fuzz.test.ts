/** A short run of the fuzzer. `npm run fuzz` runs longer ones. */
import test from 'ava';
import { casesOf } from '../support/draws.js';
import { startGateway } from '../support/gateway.js';
import { ANSWERS, API, CONFIG } from './api.js';
import { fuzz, tableOf } from './fuzz.js';

const REQUESTS = casesOf(1000);

test(`${REQUESTS} drawn requests: no 5xx of the gateway's own, one shape of errors, nothing of the inside, no hang`, async (t) => {
  t.timeout(120_000);
  const { port, send, gateway } = await startGateway(t, API, ANSWERS, { ...CONFIG, listen: { h2c: true } });
  // A busy machine may need longer than the second that `npm run fuzz` allows.
  const report = await fuzz({ port, firstSeed: 1, requests: REQUESTS, patienceMs: 20_000 });
  t.log(tableOf(report));
  t.deepEqual(report.findings, []);
  for (const kind of ['http1', 'http2', 'websocket']) t.true(report.counts.has(kind), kind);
  t.true((report.counts.get('http1')?.get(200) ?? 0) > REQUESTS / 20);
  t.is((await send('GET', '/v1/things/1')).status, 200);
  t.is(gateway.snapshots.inFlight, 0);
});
