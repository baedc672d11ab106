/**
 * `npm run fuzz -- [--requests 20000] [--seed 1]`: drawn requests against a gateway, over HTTP/1.1, HTTP/2 and WebSockets.
 * Exits with 1 if an answer is a 5xx of the gateway's own, has another shape than other errors, shows something of the
 * inside, or takes longer than a second. A finding is reproduced with its seed and `--requests 1`.
 */
import { parseArgs } from 'node:util';
import { startGateway } from '../support/gateway.js';
import { startedHere } from '../support/started-here.js';
import { ANSWERS, API, CONFIG } from './api.js';
import { fuzz, tableOf } from './fuzz.js';

const { values } = parseArgs({
  options: { requests: { type: 'string', default: '20000' }, seed: { type: 'string', default: '1' } },
});
const requests = Number(values.requests);
const firstSeed = Number(values.seed);
const { teardown, end } = startedHere();
const { port, send } = await startGateway({ teardown }, API, ANSWERS, {
  ...CONFIG,
  listen: { h2c: true },
});
const start = performance.now();
const report = await fuzz({
  port,
  firstSeed,
  requests,
  patienceMs: 1000,
  onProgress: (done) => done % 5000 === 0 && process.stderr.write(`${done} of ${requests}\n`),
});
const seconds = (performance.now() - start) / 1000;
const { status } = await send('GET', '/v1/things/1');
process.stdout.write(
  `${requests} requests from seed ${firstSeed} on, in ${seconds.toFixed(1)} s\n${tableOf(report)}\n`,
);
for (const { kind, seed, verdict } of report.findings) process.stdout.write(`${kind} ${seed}: ${verdict}\n`);
process.stdout.write(`${report.findings.length} findings; a good request behind them gets ${status}\n`);
await end();
process.exit(report.findings.length > 0 || status !== 200 ? 1 : 0);
