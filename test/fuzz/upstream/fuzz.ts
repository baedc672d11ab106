/** Fuzzes everything that reads what an upstream sends, and counts the results. */
import { usedBytes } from '../../support/memory.js';
import { DrawnUpstream } from './calls.js';
import { tryFrames, tryHpack, type Verdict } from './readers.js';

export interface UpstreamFuzzSettings {
  readonly firstSeed: number;
  /** The number of cases of each kind. */
  readonly counts: { readonly hpack: number; readonly frames: number; readonly calls: number };
  /** The most time of a call that can get no more answer, in milliseconds. */
  readonly patienceMs: number;
}

export interface UpstreamReport {
  /** The number of cases of each kind and result. */
  readonly results: ReadonlyMap<string, number>;
  readonly findings: readonly string[];
  /** The longest case of the readers, in milliseconds. */
  readonly longestMs: number;
  /** The most bytes that a case of the readers allocated, garbage included. */
  readonly mostBytes: number;
}

/** A case of a reader may allocate a MiB, and this many bytes for each byte that it gets. */
const BYTES_PER_BYTE = 100;

export async function fuzzUpstream({ firstSeed, counts, patienceMs }: UpstreamFuzzSettings): Promise<UpstreamReport> {
  const results = new Map<string, number>();
  const findings: string[] = [];
  let longestMs = 0;
  let mostBytes = 0;
  const note = (kind: string, seed: number, { result, fault }: Verdict) => {
    results.set(`${kind}: ${result}`, (results.get(`${kind}: ${result}`) ?? 0) + 1);
    if (fault !== undefined) findings.push(`${kind} ${seed}: ${fault}`);
  };
  for (const [kind, tryOne] of [
    ['hpack', tryHpack],
    ['frames', tryFrames],
  ] as const)
    for (let seed = firstSeed; seed < firstSeed + counts[kind]; seed++) {
      let got = 0;
      const before = usedBytes();
      const begun = performance.now();
      const verdict = tryOne(seed, (bytes) => {
        got += bytes;
      });
      longestMs = Math.max(longestMs, performance.now() - begun);
      const allocated = usedBytes() - before;
      note(kind, seed, verdict);
      mostBytes = Math.max(mostBytes, allocated);
      if (allocated > 1024 * 1024 + BYTES_PER_BYTE * got)
        findings.push(`${kind} ${seed}: ${allocated} bytes for an input of ${got}`);
    }
  const upstream = new DrawnUpstream();
  await upstream.start();
  for (let seed = firstSeed; seed < firstSeed + counts.calls; seed++)
    note('calls', seed, await upstream.try(seed, patienceMs));
  upstream.close();
  return { results, findings, longestMs, mostBytes };
}

/** Returns the counts as lines. */
export function linesOf({ results }: UpstreamReport): string {
  return [...results.entries()]
    .toSorted(([a], [b]) => a.localeCompare(b))
    .map(([result, count]) => `${String(count).padStart(9)}  ${result}`)
    .join('\n');
}
