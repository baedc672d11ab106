/** Which server gets how many calls: weights, a canary, and servers of different speed. */

import { setTimeout as sleep } from 'node:timers/promises';
import { startUpstream, type TestUpstream } from '../../support/upstream.js';
import { startGateway } from '../gateway.js';
import { Load } from '../steady-load.js';
import { PROTO } from '../notes.js';
import type { Row, Scenario } from '../scenario.js';

const PER_SECOND = 200;
const SECONDS = 5;
const WEIGHT = 9;

interface Share {
  readonly what: string;
  /** The settings for the addresses of two servers. */
  settings(targets: readonly [string, string]): string;
  /** How many milliseconds the answers of each server take. */
  readonly delayMs: readonly [number, number];
  /** The share of the second server in percent: at least and at most. */
  readonly percent: readonly [number, number];
  readonly headersOf?: (index: number) => Record<string, string>;
}

const SHARES: readonly Share[] = [
  {
    what: `weights ${WEIGHT} to 1`,
    settings: ([one, two]) => `{ targets: [{ address: "${one}", weight: ${WEIGHT} }, "${two}"] }`,
    delayMs: [2, 2],
    percent: [9, 11],
  },
  {
    what: 'a canary, and its header in every fourth request',
    settings: ([one, two]) => `{ targets: ["${one}", { address: "${two}", when: { header: x-canary, value: "1" } }] }`,
    delayMs: [2, 2],
    percent: [25, 25],
    headersOf: (index): Record<string, string> => (index % 4 === 0 ? { 'x-canary': '1' } : {}),
  },
  {
    what: 'least_request, the second server ten times slower',
    settings: ([one, two]) => `{ targets: ["${one}", "${two}"], loadBalancing: least_request }`,
    delayMs: [20, 200],
    percent: [3, 20],
  },
  {
    what: 'round_robin, the second server ten times slower',
    settings: ([one, two]) => `{ targets: ["${one}", "${two}"] }`,
    delayMs: [20, 200],
    percent: [49, 51],
  },
];

export const shares: Scenario = {
  name: 'shares',
  promise: 'weights, canaries and least_request share the calls as they say',
  isShort: false,
  async *run() {
    for (const share of SHARES) yield await row(share);
  },
};

async function row({ what, settings, delayMs, percent, headersOf }: Share): Promise<Row> {
  const server = (delay: number): Promise<TestUpstream> => {
    const reply = { message: { text: 'done' }, delayMs: delay };
    return startUpstream(PROTO, { Get: reply, Make: reply });
  };
  const [one, two] = [await server(delayMs[0]), await server(delayMs[1])];
  const gateway = await startGateway({ upstream: settings([one.target, two.target]) });
  // The connections are there before the count begins.
  await sleep(500);
  const load = new Load(gateway.port, PER_SECOND, headersOf);
  await sleep(SECONDS * 1000);
  await load.stop();
  await gateway.stop();
  for (const { close } of [one, two]) await close();
  const [first, second] = [one.calls.length, two.calls.length];
  const share = (second * 100) / (first + second);
  const isRight = share >= percent[0] && share <= percent[1] && load.failures.length === 0;
  return {
    what,
    figures: { sent: load.sent, first, second, 'second %': share.toFixed(1), failed: load.failures.length },
    wrong: isRight ? undefined : `expected ${percent.join(' to ')} %, and no failure; ${load.reasons()}`,
  };
}
