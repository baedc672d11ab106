/** A service whose every fiftieth answer is slow, with and without second calls. */
import { startGateway } from '../gateway.js';
import { countBy, load, percentile, type Shot } from '../load.js';
import { type Row, type Scenario, wrongOf } from '../scenario.js';
import { startService } from '../service.js';

const PER_SECOND = 200;

export const hedging: Scenario = {
  name: 'hedging',
  promise: 'halves the p99 of a service whose every fiftieth answer is slow, with at most a fifth more calls',
  isShort: true,
  async *run(isShort) {
    const rounds = isShort ? 3 : 7;
    const plain = await run('', rounds);
    yield plain.row;
    const hedged = await run(', hedge: { after: 50ms }', rounds);
    yield {
      ...hedged.row,
      wrong: wrongOf({
        'the p99 is not halved': hedged.p99 > plain.p99 / 2,
        'there were too many calls': hedged.calls > 1.2 * hedged.sent + 10,
        'a request failed': hedged.failed > 0,
      }),
    };
  },
};

/** The p99 is the median of several rounds, because a pause of this machine makes one of them slow. */
async function run(settings: string, rounds: number) {
  const service = await startService({ kind: 'answer', delayMs: 5, slow: { every: 50, ms: 500 } });
  const gateway = await startGateway({ upstreams: `{ a: { target: "${service.target}"${settings} } }`, grace: '0s' });
  try {
    await load({ port: gateway.port, perSecond: PER_SECOND, seconds: 1 });
    await service.counts();
    const each: (readonly Shot[])[] = [];
    for (let round = 0; round < rounds; round++) {
      each.push(await load({ port: gateway.port, perSecond: PER_SECOND, seconds: 2 }));
    }
    const { calls } = await service.counts();
    const shots = each.flat();
    const p99s = each.map((some) => percentile(some, 99)).toSorted((a, b) => a - b);
    const [sent, p99] = [shots.length, p99s[Math.floor(rounds / 2)]!];
    const failed = countBy(shots, ({ status }) => status !== 200);
    const row: Row = {
      what: settings === '' ? 'no hedge' : 'hedge after 50 ms',
      figures: {
        sent,
        'reached the service': calls,
        failed,
        'p50 ms': percentile(shots, 50),
        'p99 ms, median of rounds': p99,
      },
    };
    return { row, sent, calls, failed, p99 };
  } finally {
    await gateway.stop();
    await service.stop();
  }
}
