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

/** There are ten drains in all. */
const VARIANTS = [
  { tls: false, workers: 1, rounds: 3 },
  { tls: true, workers: 1, rounds: 2 },
  { tls: false, workers: 2, rounds: 3 },
  { tls: true, workers: 2, rounds: 2 },
];

export const drain: Scenario = {
  name: 'drain',
  promise: 'no request is lost, on connections of every kind',
  isShort: true,
  async *run(isShort) {
    const connections = isShort ? 60 : 200;
    for (const { tls, workers, rounds } of VARIANTS) {
      if (isShort && workers > 1) continue;
      const tally = new Tally();
      for (let round = 0; round < (isShort ? 1 : rounds); round++) {
        const gateway = await startGateway({ workers, tls, grace: `${GRACE_MS}ms` });
        tally.add(await drained(gateway, tls, EVERY_MS, (atEnd) => mixed(connections, atEnd)));
        tally.rounds++;
      }
      const processes = workers === 1 ? '1 process' : `${workers} workers`;
      yield rowOf(`${connections} connections, ${tls ? 'TLS' : 'plaintext'}, ${processes}`, tally);
    }
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
