/** Counts how many calls each server gets: with weights, with a canary, and with servers of different speed. */

import { setTimeout as sleep } from 'node:timers/promises';
import { startGateway } from '../gateway.js';
import { countBy, load } from '../load.js';
import { type Row, type Scenario, wrongOf } from '../scenario.js';
import { startService } from '../service.js';

const PER_SECOND = 200;
const SECONDS = 5;
const WEIGHT = 9;

interface Share {
  readonly what: string;
  /** The settings for the addresses of two servers. */
  settings(targets: readonly [string, string]): string;
  /** The milliseconds that the answers of each server take. */
  readonly delayMs: readonly [number, number];
  /** The share of the second server in percent: at least and at most. */
  readonly percent: readonly [number, number];
  /** The header of a second load, a third as large. */
  readonly headers?: Readonly<Record<string, string>>;
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
    headers: { 'x-canary': '1' },
  },
  {
    what: 'least_request, the second server ten times slower',
    settings: ([one, two]) => `{ targets: ["${one}", "${two}"], loadBalancing: least_request }`,
    delayMs: [100, 1000],
    // It is 9 % on an idle machine. On a busy one the fast server is slower, too.
    percent: [5, 35],
  },
  {
    what: 'round_robin, the second server ten times slower',
    settings: ([one, two]) => `{ targets: ["${one}", "${two}"] }`,
    delayMs: [100, 1000],
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

async function row({ what, settings, delayMs, percent, headers }: Share): Promise<Row> {
  const [one, two] = await Promise.all(delayMs.map((delay) => startService({ kind: 'answer', delayMs: delay })));
  const gateway = await startGateway({ upstreams: `{ a: ${settings([one!.target, two!.target])} }`, grace: '0s' });
  try {
    const { port } = gateway;
    // The connections are there before the count begins.
    await sleep(500);
    for (const service of [one!, two!]) await service.counts();
    const loads =
      headers === undefined
        ? [load({ port, perSecond: PER_SECOND, seconds: SECONDS })]
        : [
            load({ port, perSecond: (PER_SECOND * 3) / 4, seconds: SECONDS }),
            load({ port, perSecond: PER_SECOND / 4, seconds: SECONDS, headers }),
          ];
    const shots = (await Promise.all(loads)).flat();
    const failed = countBy(shots, ({ status }) => status !== 200);
    const [first, second] = [(await one!.counts()).calls, (await two!.counts()).calls];
    const share = (second * 100) / (first + second);
    const [least, most] = percent;
    return {
      what,
      figures: { sent: shots.length, first, second, 'second %': share.toFixed(1), failed },
      wrong: wrongOf({
        [`expected ${least} to ${most} %`]: share < least || share > most,
        [`${failed} requests failed`]: failed > 0,
      }),
    };
  } finally {
    await gateway.stop();
    for (const service of [one!, two!]) await service.stop();
  }
}
