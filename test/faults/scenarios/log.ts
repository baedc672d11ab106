/** Nobody reads the log, or it can't be written: every request is answered, and memory stays bounded. */
import { closeSync, openSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { keepAlive } from '../clients.js';
import { type FaultGateway, type GatewayOptions, startGateway } from '../gateway.js';
import type { Row, Scenario } from '../scenario.js';
import { Tally } from '../tally.js';

/** More lines than a pipe and what waits for it can hold. */
const MANY_LINES = 5000;
/**
 * A process may grow by so much more than with a log that is read, because of garbage that is not collected yet. A process
 * that kept the lines of `LOAD.whole` requests would grow by about 80 MiB more.
 */
const MORE_MIB = 48;
const LOAD = { short: 300, some: 8000, whole: 150_000 };

export const log: Scenario = {
  name: 'log',
  promise: 'no request waits for the log or is lost with it, what is not written is counted, memory stays bounded',
  isShort: true,
  async *run(isShort) {
    const requests = isShort ? LOAD.short : LOAD.whole;
    for (const workers of isShort ? [1] : [1, 2]) {
      const processes = workers === 1 ? '1 process' : '2 workers';
      const control = await served(`pipes that are read, ${processes}`, requests, { workers });
      yield control;
      const mostMiB = Number(control.figures['MiB more']) + MORE_MIB * workers;
      yield await served(`pipes that nobody reads, ${processes}`, requests, { isRead: false, workers }, mostMiB);
    }
    const some = isShort ? LOAD.short : LOAD.some;
    yield await served('pipes whose reader is gone', some, { isRead: false }, undefined, ({ child }) => {
      child.stdout!.destroy();
      child.stderr!.destroy();
    });
    const full = openSync('/dev/full', 'w');
    try {
      yield await served('a full disk from the start on', some, { stdio: [full, full] });
    } finally {
      closeSync(full);
    }
  },
};

async function served(
  what: string,
  requests: number,
  options: GatewayOptions,
  mostMiB = Number.POSITIVE_INFINITY,
  after: (gateway: FaultGateway) => void = () => {},
): Promise<Row> {
  const gateway = await startGateway({ grace: '0s', ...options });
  const tally = new Tally();
  const stop = new AbortController();
  try {
    after(gateway);
    const target = { port: gateway.port, tls: false, everyMs: 0, stop: stop.signal };
    const clients = Array.from({ length: 20 }, () => keepAlive(target, tally));
    while (tally.sent < requests / 10) await sleep(50);
    const before = gateway.memory();
    while (tally.sent < requests) await sleep(50);
    const grown = gateway.memory() - before;
    stop.abort();
    await Promise.all(clients);
    const dropped = Number(/^protogate_log_dropped_total (\d+)$/m.exec((await gateway.admin('/metrics')).text)?.[1]);
    const begun = Date.now();
    const code = await gateway.stop();
    const { sent, answered, lostCount, longestMs } = tally;
    const mayWait = options.stdio === undefined && (options.isRead !== false || sent < MANY_LINES);
    const isCounted = dropped > 0 || mayWait;
    return {
      what,
      figures: {
        sent,
        answered,
        lost: lostCount,
        'longest ms': longestMs,
        'lines dropped': dropped,
        'MiB more': grown,
        'ended in ms': Date.now() - begun,
      },
      wrong:
        lostCount > 0 || code !== 0 || grown > mostMiB || !isCounted ? `exit ${code}, ${tally.reasons}` : undefined,
    };
  } finally {
    stop.abort();
    if (gateway.child.exitCode === null && gateway.child.signalCode === null) await gateway.stop();
  }
}
