/** One of two workers ends under load: by SIGTERM it finishes what it has, by SIGKILL it loses only that. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isReplaced } from '../../support/processes.js';
import { until } from '../../support/until.js';
import { type Client, halfSent, http2, http2Parallel, keepAlive, newConnections, pipelined } from '../clients.js';
import { startGateway } from '../gateway.js';
import type { Row, Scenario } from '../scenario.js';
import { Tally } from '../tally.js';

const MIX: readonly (readonly [number, Client])[] = [
  [20, keepAlive],
  [10, newConnections],
  [8, pipelined],
  [8, halfSent],
  [10, http2],
  [4, http2Parallel],
];

export const replacedWorker: Scenario = {
  name: 'replaced-worker',
  promise: 'a worker that is told to end loses no request; one that is killed loses what it was serving',
  isShort: true,
  async *run(isShort) {
    const rounds = isShort ? 1 : 5;
    yield await replaced('SIGTERM', false, rounds);
    if (isShort) return;
    yield await replaced('SIGTERM', true, rounds);
    yield await replaced('SIGKILL', false, rounds);
  },
};

async function replaced(signal: 'SIGTERM' | 'SIGKILL', tls: boolean, rounds: number): Promise<Row> {
  const gateway = await startGateway({ workers: 2, tls });
  const tally = new Tally();
  const stop = new AbortController();
  const target = { port: gateway.port, tls, everyMs: 300, stop: stop.signal };
  const clients = MIX.flatMap(([count, client]) => Array.from({ length: count }, () => client(target, tally)));
  let longestMs = 0;
  try {
    await sleep(1000);
    for (let round = 0; round < rounds; round++) {
      const [ended] = gateway.workers();
      const begun = Date.now();
      process.kill(ended!, signal);
      await until(() => isReplaced(gateway.pid, ended!, 2), 'two workers run again');
      await until(async () => JSON.parse((await gateway.admin('/readyz')).text).workers === 2, 'two workers serve');
      longestMs = Math.max(longestMs, Date.now() - begun);
      tally.rounds++;
      await sleep(500);
    }
    stop.abort();
    await Promise.all(clients);
  } finally {
    await gateway.stop();
  }
  const { sent, answered, lostCount, refused } = tally;
  // Each client can lose what it has under way, which is three requests with pipelining and five over HTTP/2.
  const most = signal === 'SIGTERM' ? 0 : rounds * (48 + 2 * 8 + 10 + 5 * 4);
  return {
    what: `${signal}, 60 connections, ${tls ? 'TLS' : 'plaintext'}`,
    figures: { workers: tally.rounds, sent, answered, lost: lostCount, 'longest ms until it was replaced': longestMs },
    wrong: lostCount > most || refused > 0 ? `${tally.reasons}, ${refused} connections refused` : undefined,
  };
}
