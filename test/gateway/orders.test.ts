/** The drawing in docs/request.md names the stages and layers of the code, in the order of the code. */
import { readFile } from 'node:fs/promises';
import test from 'ava';
import { systemClock } from '../../src/base/clock.js';
import type { CallRequest, Interceptor } from '../../src/call/call.js';
import type { Middleware } from '../../src/exchange/exchange.js';
import { type CallLayers, callOrder, NO_LAYERS } from '../../src/gateway/call-order.js';
import { type RouteStages, routeOrder } from '../../src/gateway/route-order.js';
import { beforeMatch } from '../../src/server/pipeline.js';
import { Snapshots } from '../../src/server/snapshots.js';
import { createLog } from '../../src/telemetry/log.js';
import { createMetrics } from '../../src/telemetry/metrics.js';

/** Returns the titles in the part of the drawing that names `file`. */
async function drawn(file: string): Promise<readonly string[]> {
  const text = await readFile('docs/request.md', 'utf8');
  const lines = text.split(`${file}\n`)[1]?.split('\n') ?? [];
  const titles = lines.map((line) => line.slice(6, 24).trim());
  return titles.slice(0, titles.indexOf(''));
}

/** Turns `limitByAddress` into `limit by address`. A bundle appends a number to functions of the same name. */
function words(name: string): string {
  if (name.startsWith('own: ')) return name;
  return name.replace(/\d+$/, '').replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

function middlewareNamed(name: string): Middleware {
  return Object.defineProperty(async () => {}, 'name', { value: name }) as Middleware;
}

test('the pipeline before the match is the one that is drawn', async (t) => {
  const custom = [middlewareNamed('own: beforeMatch')];
  const snapshots = new Snapshots({} as never);
  const { shed, requests } = createMetrics();
  const shedding = { isShortOfMemory: () => false, counter: shed };
  const telling = { log: createLog({}), requests };
  const stages = beforeMatch({ snapshots, telling, clock: systemClock, shedding, custom });
  t.deepEqual(
    stages.map(({ name }) => words(name)),
    await drawn('src/server/pipeline.ts'),
  );
});

test('the chain of a route is the one that is drawn', async (t) => {
  const names = ['follow', 'limitByCaller', 'authorize', 'limitByAddress', 'authenticate', 'addresses', 'deprecated'];
  const stages = Object.fromEntries(names.map((name) => [name, middlewareNamed(name)]));
  const all = { ...stages, afterAuth: [middlewareNamed('own: afterAuth')] } as unknown as RouteStages;
  t.deepEqual(
    routeOrder(all).map(({ name }) => words(name)),
    await drawn('src/gateway/route-order.ts'),
  );
});

test('the layers of a call are those that are drawn', async (t) => {
  const met: string[] = [];
  const layer =
    (name: string): Interceptor =>
    (next) =>
    (request) => {
      met.push(name);
      return next(request);
    };
  const transport = async () => {
    met.push('transport');
    return { headers: [], message: new Uint8Array(0), trailers: [], notes: {} };
  };
  const named = Object.keys(NO_LAYERS).map((name) => [name, layer(words(name))] as const);
  const layers = { ...Object.fromEntries(named), interceptors: [layer('own: interceptors')] } as unknown as CallLayers;
  await callOrder(transport, layers)({} as CallRequest);
  t.deepEqual(met, await drawn('src/gateway/call-order.ts'));
});
