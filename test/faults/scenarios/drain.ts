/** SIGTERM under load. Every request that was sent on an open connection gets its whole answer. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Client,
  events,
  halfSent,
  http2,
  http2Parallel,
  idleUntil,
  keepAlive,
  newConnections,
  pipelined,
  webSockets,
} from '../clients.js';
import { type FaultGateway, startGateway } from '../gateway.js';
import type { Row, Scenario } from '../scenario.js';
import { Tally } from '../tally.js';

const GRACE_MS = 1000;
const EVERY_MS = 1000;
/** Idle clients send their request around the end of the grace, within so many milliseconds. */
const IDLE_MS = 500;

/** Shares of a hundred connections. */
const MIX: readonly (readonly [number, Client | 'idle'])[] = [
  [24, keepAlive],
  [8, newConnections],
  [10, pipelined],
  [10, halfSent],
  [20, 'idle'],
  [12, http2],
  [4, http2Parallel],
  [6, events],
  [6, webSockets],
];

export const drain: Scenario = {
  name: 'drain',
  promise: 'no request is lost, on connections of every kind',
  isShort: true,
  async *run(isShort) {
    const [connections, rounds] = isShort ? [60, 2] : [200, 10];
    const rows = new Map<string, Tally>();
    for (let round = 0; round < rounds; round++) {
      const tls = round % 2 === 1;
      const workers = round % 4 < 2 ? 1 : 2;
      const what = `${connections} connections, ${tls ? 'TLS' : 'plaintext'}, ${workers === 1 ? '1 process' : '2 workers'}`;
      const tally = rows.get(what) ?? new Tally();
      rows.set(what, tally);
      const gateway = await startGateway({ workers, tls, grace: `${GRACE_MS}ms` });
      tally.add(await drained(gateway, tls, EVERY_MS, (atEnd) => mixed(connections, atEnd)));
      tally.rounds++;
    }
    for (const [what, tally] of rows) yield rowOf(what, tally);
  },
};

export const drainClosedLoop: Scenario = {
  name: 'drain-closed-loop',
  promise: 'no request is lost, of clients that send the next one as soon as they have an answer',
  isShort: false,
  async *run() {
    const tally = new Tally();
    for (let round = 0; round < 10; round++) {
      const gateway = await startGateway({ workers: 1 + (round % 2), grace: `${GRACE_MS}ms` });
      tally.add(await drained(gateway, false, 0, () => Array.from({ length: 8 }, () => keepAlive)));
      tally.rounds++;
    }
    yield rowOf('8 connections', tally);
  },
};

function rowOf(what: string, tally: Tally): Row {
  const { rounds, sent, answered, refused, repeatable, lostCount, longestMs } = tally;
  return {
    what,
    figures: {
      drains: rounds,
      sent,
      answered,
      lost: lostCount,
      repeatable,
      'refused connections': refused,
      'longest ms': longestMs,
    },
    wrong: lostCount > 0 ? tally.reasons : undefined,
  };
}

/** `atEnd` resolves shortly before the end of the grace. */
function mixed(connections: number, atEnd: Promise<unknown>): Client[] {
  return MIX.flatMap(([share, client]) =>
    Array.from({ length: Math.round((share * connections) / 100) }, () =>
      client === 'idle' ? idleUntil(() => atEnd.then(() => sleep(Math.random() * IDLE_MS))) : client,
    ),
  );
}

/** Drains a gateway under the load of clients. Resolves when it has ended. */
async function drained(
  gateway: FaultGateway,
  tls: boolean,
  everyMs: number,
  clientsOf: (atEnd: Promise<unknown>) => Client[],
): Promise<Tally> {
  const tally = new Tally();
  const stop = new AbortController();
  let graceEnds = () => {};
  const atEnd = new Promise<void>((resolve) => {
    graceEnds = resolve;
  });
  const target = { port: gateway.port, tls, everyMs, stop: stop.signal };
  const clients = clientsOf(atEnd).map((client) => client(target, tally));
  await sleep(1500 + Math.random() * 500);
  setTimeout(graceEnds, GRACE_MS - 300);
  const code = await gateway.stop();
  stop.abort();
  await Promise.all(clients);
  if (code !== 0) tally.lose(`the gateway ended with ${code}`);
  return tally;
}
