/** A service that fails everything, behind retries: it must not get a multiple of its load. */
import { setTimeout as sleep } from 'node:timers/promises';
import { startGateway } from '../gateway.js';
import { load } from '../load.js';
import { type Row, type Scenario, wrongOf } from '../scenario.js';
import { startService } from '../service.js';

export const retryStorm: Scenario = {
  name: 'retry-storm',
  promise: 'at most 1.2 × the normal load and one call a second more; a POST is sent once',
  isShort: true,
  async *run(isShort) {
    const seconds = isShort ? 3 : 20;
    for (const perSecond of [20, 1000]) yield await storm('GET', perSecond, seconds);
    yield await storm('POST', 200, seconds / 2);
  },
};

async function storm(method: 'GET' | 'POST', perSecond: number, seconds: number): Promise<Row> {
  const service = await startService({ kind: 'answer' });
  const retry = '{ maxAttempts: 4, codes: [UNAVAILABLE] }';
  const gateway = await startGateway({
    upstreams: `{ a: { target: "${service.target}", retry: ${retry} } }`,
    grace: '0s',
  });
  const post = { method, path: () => '/v1/notes', body: (id: string) => JSON.stringify({ id }) };
  try {
    await load({ port: gateway.port, perSecond: 20, seconds: 0.2 });
    await service.behave({ kind: 'status', code: 14 });
    await service.counts();
    const shots = await load({ port: gateway.port, perSecond, seconds, ...(method === 'POST' ? post : {}) });
    await sleep(200);
    const { calls, mostAlike } = await service.counts();
    const most = method === 'POST' ? shots.length : 1.2 * shots.length + Math.max(seconds, 10);
    return {
      what: `${method}, ${perSecond}/s, 4 attempts, every call fails`,
      figures: {
        sent: shots.length,
        'reached the service': calls,
        ratio: (calls / shots.length).toFixed(3),
        'most with one id': mostAlike,
      },
      wrong: wrongOf({
        'too many calls': calls > most,
        'a call is missing': calls < shots.length,
        'no call was sent again': method === 'GET' && calls === shots.length,
        'a POST was sent twice': method === 'POST' && mostAlike > 1,
      }),
    };
  } finally {
    await gateway.stop();
    await service.stop();
  }
}
