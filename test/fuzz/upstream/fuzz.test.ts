/** A short run of the fuzzer of what upstreams send. `npm run fuzz -- --upstream` runs longer ones. */
import test from 'ava';
import { casesOf } from '../../support/draws.js';
import { fuzzUpstream, linesOf } from './fuzz.js';

test('drawn header blocks, frames and answers: no crash, no hang, the same in pieces as whole', async (t) => {
  const counts = { hpack: casesOf(3000), frames: casesOf(1500), calls: casesOf(300) };
  // A busy machine may need long for what takes a millisecond.
  const report = await fuzzUpstream({ firstSeed: 1, counts, patienceMs: 20_000 });
  t.log(linesOf(report));
  t.deepEqual(report.findings, []);
  for (const result of ['hpack: decoded', 'hpack: refused', 'frames: read', 'frames: refused', 'calls: answered'])
    t.true((report.results.get(result) ?? 0) > casesOf(50), result);
});
