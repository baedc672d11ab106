/** Runs `wrk`, a load generator in C, beside the gateway: a number of connections, each with one request after the other. */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startOn } from './pinned.js';
import type { Case } from './shop.js';

/** Resolves to the number of requests. Rejects if one of them failed. */
export async function wrk(
  folder: string,
  port: number,
  { path, body, connections }: Pick<Case, 'path' | 'body' | 'connections'>,
  seconds: number,
  headers: Readonly<Record<string, string>> = {},
): Promise<number> {
  const script = join(folder, 'post.lua');
  if (body !== undefined) {
    const lua = `wrk.method = "POST"\nwrk.headers["content-type"] = "application/json"\nwrk.body = [==[${body}]==]\n`;
    writeFileSync(script, lua);
  }
  const args = [
    ...['-t', '1', '-c', String(connections), '-d', `${seconds}s`, '--timeout', '20s'],
    ...Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]),
    ...(body === undefined ? [] : ['-s', script]),
    `http://127.0.0.1:${port}${path}`,
  ];
  const { child } = startOn('others', ['wrk', ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout!.on('data', (chunk) => {
    text += chunk;
  });
  await once(child, 'close');
  const requests = Number(/(\d+) requests in/.exec(text)?.[1] ?? 0);
  if (requests === 0 || /Non-2xx|Socket errors/.test(text))
    throw new Error(`expected only answers of 200, got\n${text}`);
  return requests;
}
