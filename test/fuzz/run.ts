/**
 * `npm run fuzz -- [--requests 20000] [--seed 1]`: drawn requests against a gateway, over HTTP/1.1, HTTP/2 and WebSockets.
 * Exits with 1 if an answer is a 5xx of the gateway's own, has another shape than other errors, shows something of the
 * inside, or takes longer than a second. A finding is reproduced with its seed and `--requests 1`.
 *
 * `npm run fuzz -- --upstream`: drawn header blocks and frames against their readers, and a tenth as many drawn answers
 * against calls. Exits with 1 if a reader throws another error than its own, reads pieces in another way than the whole,
 * needs more memory than 1 MiB and 100 bytes for each byte, or keeps memory, or if a call does not end.
 */
import { parseArgs } from 'node:util';
import { startGateway } from '../support/gateway.js';
import { heldBytes } from '../support/memory.js';
import { startedHere } from '../support/started-here.js';
import { ANSWERS, API, CONFIG } from './api.js';
import { fuzz, tableOf } from './fuzz.js';
import { fuzzUpstream, linesOf } from './upstream/fuzz.js';

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '20000' },
    seed: { type: 'string', default: '1' },
    upstream: { type: 'boolean', default: false },
  },
});
const requests = Number(values.requests);
const firstSeed = Number(values.seed);
const start = performance.now();
process.exit((await (values.upstream ? ofUpstreams() : ofClients())) ? 0 : 1);

async function ofClients(): Promise<boolean> {
  const { teardown, end } = startedHere();
  const { port, send } = await startGateway({ teardown }, API, ANSWERS, {
    ...CONFIG,
    listen: { h2c: true },
  });
  const report = await fuzz({
    port,
    firstSeed,
    requests,
    patienceMs: 1000,
    onProgress: (done) => done % 5000 === 0 && process.stderr.write(`${done} of ${requests}\n`),
  });
  const { status } = await send('GET', '/v1/things/1');
  process.stdout.write(`${requests} requests from seed ${firstSeed} on, in ${seconds()} s\n${tableOf(report)}\n`);
  for (const { kind, seed, verdict } of report.findings) process.stdout.write(`${kind} ${seed}: ${verdict}\n`);
  process.stdout.write(`${report.findings.length} findings; a good request behind them gets ${status}\n`);
  await end();
  return report.findings.length === 0 && status === 200;
}

async function ofUpstreams(): Promise<boolean> {
  const counts = { hpack: requests, frames: requests, calls: Math.ceil(requests / 10) };
  const settings = { firstSeed, counts, patienceMs: 1000 };
  if (requests > 1) await fuzzUpstream({ ...settings, counts: { hpack: 1000, frames: 1000, calls: 1000 } });
  const before = heldBytes();
  const report = await fuzzUpstream(settings);
  const grown = (heldBytes() - before) / 1024 / 1024;
  process.stdout.write(`cases from seed ${firstSeed} on, in ${seconds()} s\n${linesOf(report)}\n`);
  for (const finding of report.findings) process.stdout.write(`${finding}\n`);
  process.stdout.write(
    `${report.findings.length} findings; the longest case of a reader took ${report.longestMs.toFixed(1)} ms, the largest allocated ${Math.ceil(report.mostBytes / 1024)} KiB; ${grown.toFixed(1)} MiB more held than before\n`,
  );
  return report.findings.length === 0 && grown < 10;
}

function seconds(): string {
  return ((performance.now() - start) / 1000).toFixed(1);
}
