/** Load at a fixed rate: a request is sent when its time has come, however many answers are missing. */
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Load {
  readonly port: number;
  readonly perSecond: number;
  readonly seconds: number;
  readonly method?: string;
  /** Each request has an id of its own. */
  readonly path?: (id: string) => string;
  readonly body?: (id: string) => string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Shot {
  /** The time at which the request was sent, in milliseconds since the load began. */
  readonly atMs: number;
  readonly ms: number;
  /** The HTTP status; 0 if there was no answer. */
  readonly status: number;
  readonly retryAfter: string | undefined;
  /** The reason of an error of the gateway; empty otherwise. */
  readonly reason: string;
}

let ids = 0;

export async function load(options: Load): Promise<readonly Shot[]> {
  const { perSecond, seconds } = options;
  const agent = new Agent({ keepAlive: true });
  const begun = performance.now();
  const shots: Promise<Shot>[] = [];
  const count = Math.round(perSecond * seconds);
  for (let sent = 0; sent < count; ) {
    const due = Math.min(count, Math.floor(((performance.now() - begun) / 1000) * perSecond) + 1);
    for (; sent < due; sent++) shots.push(shoot(options, agent, begun));
    await sleep(Math.max(1, 500 / perSecond));
  }
  const all = await Promise.all(shots);
  agent.destroy();
  return all;
}

function shoot(options: Load, agent: Agent, begun: number): Promise<Shot> {
  const { port, method = 'GET', path = (id) => `/v1/notes/${id}`, body, headers } = options;
  const id = `n${ids++}`;
  const sentAt = performance.now();
  return new Promise((resolve) => {
    const done = (status: number, retryAfter?: string, text = '') =>
      resolve({
        atMs: sentAt - begun,
        ms: performance.now() - sentAt,
        status,
        retryAfter,
        reason: /"reason":"(\w+)"/.exec(text)?.[1] ?? '',
      });
    const type = body === undefined ? {} : { 'content-type': 'application/json' };
    const sent = request(
      { host: '127.0.0.1', port, path: path(id), method, agent, headers: { ...headers, ...type } },
      (res) => {
        const chunks: Buffer[] = [];
        res.on('data', (chunk: Buffer) => chunks.push(chunk));
        res.on('error', () => done(0));
        res.on('end', () => done(res.statusCode ?? 0, res.headers['retry-after'], String(Buffer.concat(chunks))));
      },
    );
    sent.on('error', () => done(0));
    sent.end(body?.(id));
  });
}

/** Returns the value below which `percent` of the times are, in milliseconds; 0 if there are none. */
export function percentile(shots: readonly Pick<Shot, 'ms'>[], percent: number): number {
  const sorted = shots.map(({ ms }) => ms).toSorted((a, b) => a - b);
  const value = sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))] ?? 0;
  return Math.round(value * 10) / 10;
}

export function countBy<T>(shots: readonly T[], is: (shot: T) => boolean): number {
  return shots.filter(is).length;
}

/** Returns the first five requests that were not answered with 200: status, reason and times. */
export function failuresIn(shots: readonly Shot[]): string {
  return shots
    .filter(({ status }) => status !== 200)
    .map(
      ({ status, reason, atMs, ms }) =>
        `${status} ${reason} sent after ${Math.round(atMs)} ms, ended after ${Math.round(ms)} ms`,
    )
    .slice(0, 5)
    .join('; ');
}
