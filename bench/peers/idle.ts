/** Compares the gateways at rest: how fast they are ready, their memory, and what a connection costs that waits for its next request. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Responses } from '../load/responses.js';
import { inTurns, median } from '../rounds.js';
import type { Comparison } from './cost.js';
import type { Gateway } from './gateways.js';
import { serve } from './measure.js';
import { residentBytes } from './pinned.js';
import { SMALL_PATH } from './shop.js';
import { megabytes, table } from './table.js';

const CONNECTIONS = 1000;
/** The number of connections that are opened before, so that buffers and code that all connections share are there. */
const FIRST = 200;
/** The time that the gateway has to rest after its start, and after connections were opened. */
const REST_MS = 1500;

interface Idle {
  readonly readyMs: number;
  readonly idleBytes: number;
  readonly perConnectionBytes: number;
}

export async function compareIdle({ gateways, upstream, rounds }: Comparison): Promise<string> {
  const measure = async (gateway: Gateway): Promise<Idle> => {
    const serving = await serve(gateway, { upstream });
    try {
      await sleep(REST_MS);
      const idleBytes = residentBytes(serving.pid);
      const first = await open(serving.port, FIRST);
      await sleep(REST_MS);
      const before = residentBytes(serving.pid);
      const all = [...first, ...(await open(serving.port, CONNECTIONS))];
      await sleep(REST_MS);
      const perConnectionBytes = (residentBytes(serving.pid) - before) / CONNECTIONS;
      for (const socket of all) socket.destroy();
      return { readyMs: serving.readyMs, idleBytes, perConnectionBytes };
    } finally {
      await serving.stop();
    }
  };
  const kilobytes = (bytes: number) => `${(bytes / 1e3).toFixed(1)} KB`;
  const shown = ({ perConnectionBytes }: Idle) => `idle ${kilobytes(perConnectionBytes)} a connection`;
  const results = await inTurns(gateways, rounds, measure, shown);
  const rows = [...results].map(([name, all]) => {
    const middle = (key: keyof Idle) => median(all.map((one) => one[key]));
    const perConnection = middle('perConnectionBytes');
    return [name, `${middle('readyMs').toFixed(0)} ms`, megabytes(middle('idleBytes')), kilobytes(perConnection)];
  });
  const heads = ['', 'ready after', 'RSS idle', `RSS of each of ${CONNECTIONS} idle connections`];
  return `### \`idle\`: at rest\n\n${table(heads, rows)}\n`;
}

/** Opens connections one after the other; each sends one request and then rests. */
async function open(port: number, count: number): Promise<Socket[]> {
  const sockets: Socket[] = [];
  for (let i = 0; i < count; i++) {
    const socket = connect(port, '127.0.0.1');
    sockets.push(socket.on('error', () => {}));
    await once(socket, 'connect');
    await new Promise<void>((resolve, reject) => {
      const responses = new Responses((status) => {
        if (status === 200) resolve();
        else reject(new Error(`expected 200, got ${status}`));
      });
      socket
        .on('data', (chunk: Buffer) => responses.push(chunk))
        .write(`GET ${SMALL_PATH} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n`);
    });
  }
  return sockets;
}
