/** One of two workers stops working: new connections go to the other one, and another worker takes its place. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isReplaced } from '../../support/processes.js';
import { until } from '../../support/until.js';
import { newConnections } from '../clients.js';
import { startGateway } from '../gateway.js';
import type { Row, Scenario } from '../scenario.js';
import { Tally } from '../tally.js';

/** Blocks a worker's main thread for good, at SIGUSR2. */
const ENDLESS = "if (process.send) process.on('SIGUSR2', () => { for (;;); });";

export const frozenWorker: Scenario = {
  name: 'frozen-worker',
  promise: 'a stopped worker is replaced, and every new connection is answered',
  isShort: false,
  async *run(isShort) {
    yield await frozen('SIGSTOP', 'SIGSTOP');
    if (!isShort) yield await frozen('an endless loop', 'SIGUSR2');
  },
};

async function frozen(what: string, signal: NodeJS.Signals): Promise<Row> {
  const gateway = await startGateway({ workers: 2, preload: ENDLESS });
  const tally = new Tally();
  const stop = new AbortController();
  const target = { port: gateway.port, tls: false, everyMs: 200, stop: stop.signal };
  const clients = Array.from({ length: 20 }, () => newConnections(target, tally));
  const readyz = async () => JSON.parse((await gateway.admin('/readyz')).text) as { workers: number; frozen: number };
  try {
    await sleep(1000);
    const [worker] = gateway.workers();
    const begun = Date.now();
    process.kill(worker!, signal);
    await until(async () => (await readyz()).frozen === 1, '/readyz says that a worker is frozen');
    const seenMs = Date.now() - begun;
    await until(() => isReplaced(gateway.pid, worker!, 2), 'two workers run again');
    await until(async () => (await readyz()).workers === 2, 'two workers serve');
    const replacedMs = Date.now() - begun;
    stop.abort();
    await Promise.all(clients);
    const { sent, answered, lostCount, longestMs } = tally;
    return {
      what: `${what}, 20 clients with new connections`,
      figures: {
        sent,
        answered,
        lost: lostCount,
        'longest ms': longestMs,
        'seen after ms': seenMs,
        'ended and replaced after ms': replacedMs,
      },
      // The requests that the worker was answering when it stopped are lost. Each client has at most one.
      wrong: lostCount > 20 ? tally.reasons : undefined,
    };
  } finally {
    await gateway.stop();
  }
}
