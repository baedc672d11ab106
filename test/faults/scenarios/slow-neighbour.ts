/** Two services behind one gateway. One of them hangs at its full concurrency, and the other one must not notice. */
import { startGateway } from '../gateway.js';
import { countBy, load, percentile } from '../load.js';
import { type Scenario, wrongOf } from '../scenario.js';
import { startService } from '../service.js';

const PER_SECOND = 100;
const MAX_CONCURRENT = 64;

export const slowNeighbour: Scenario = {
  name: 'slow-neighbour',
  promise: 'while one service hangs at its full concurrency, the p99 of another is at most 1.5 × or 5 ms above normal',
  isShort: false,
  async *run() {
    const [rounds, seconds] = [5, 4];
    const slow = await startService({ kind: 'answer', delayMs: 5 });
    const other = await startService({ kind: 'answer', delayMs: 5 });
    const gateway = await startGateway({
      upstreams: `
  slow: { target: "${slow.target}", services: [faults.v1.Notes], timeout: 2s, maxConcurrent: ${MAX_CONCURRENT} }
  other: { target: "${other.target}", services: [faults.v1.Others] }`,
      grace: '0s',
    });
    const round = async () => {
      const at = { port: gateway.port, perSecond: PER_SECOND, seconds };
      const [neighbours, shots] = await Promise.all([load(at), load({ ...at, path: (id) => `/v1/others/${id}` })]);
      const failed = countBy(shots, ({ status }) => status !== 200);
      return {
        p99: percentile(shots, 99),
        failed,
        busy: countBy(neighbours, ({ reason }) => reason === 'UPSTREAM_BUSY'),
      };
    };
    try {
      await round();
      const [normal, hanging]: [number[], number[]] = [[], []];
      let [failed, busy, mostAtOnce] = [0, 0, 0];
      for (let i = 0; i < rounds; i++) {
        await slow.behave({ kind: 'answer', delayMs: 5 });
        const before = await round();
        await slow.behave({ kind: 'hang' });
        await slow.counts();
        const after = await round();
        mostAtOnce = Math.max(mostAtOnce, (await slow.counts()).mostAtOnce);
        normal.push(before.p99);
        hanging.push(after.p99);
        failed += before.failed + after.failed;
        busy += after.busy;
      }
      const [usual, during] = [median(normal), median(hanging)];
      yield {
        what: `${PER_SECOND}/s each, maxConcurrent ${MAX_CONCURRENT}, ${rounds} rounds`,
        figures: {
          'p99 ms normal': usual,
          'p99 ms while it hangs': during,
          failed,
          'most calls on the service that hangs': mostAtOnce,
          'refused there': busy,
        },
        wrong: wrongOf({
          'the other service became slow': during > Math.max(usual * 1.5, usual + 5),
          'requests failed': failed > 0,
          'the limit did not hold': mostAtOnce > MAX_CONCURRENT,
          'the limit was never reached': busy === 0,
        }),
      };
    } finally {
      await gateway.stop();
      await Promise.all([slow.stop(), other.stop()]);
    }
  },
};

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
