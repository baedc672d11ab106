/** Tries the cases of all families, one after the other, and counts them. */
import type { Teardown } from '../support/gateway.js';
import { admin } from './families/admin.js';
import { bodies, uploads } from './families/bodies.js';
import { cors } from './families/cors.js';
import { framing } from './families/framing.js';
import { headerLines, hosts, requestLines } from './families/heads.js';
import { http2Fields, http2Frames, http2OverTls } from './families/http2.js';
import { jsonFields, jsonTexts, jsonValues } from './families/json.js';
import { binaryMetadata, identity, timeouts } from './families/metadata.js';
import { paths } from './families/paths.js';
import { queries, queryValues } from './families/queries.js';
import { tokens } from './families/tokens.js';
import { upstreams } from './families/upstreams.js';
import { frames, handshakes } from './families/websockets.js';
import type { Case, Family } from './family.js';

export const FAMILIES: readonly Family[] = [
  framing,
  requestLines,
  hosts,
  headerLines,
  binaryMetadata,
  timeouts,
  identity,
  paths,
  queries,
  queryValues,
  jsonValues,
  jsonTexts,
  jsonFields,
  bodies,
  uploads,
  tokens,
  cors,
  handshakes,
  frames,
  http2Fields,
  http2Frames,
  http2OverTls,
  admin,
  upstreams,
];

export interface Wrong {
  readonly family: string;
  readonly fact: string;
  readonly verdict: string;
}

export interface Tried {
  readonly counts: ReadonlyMap<string, number>;
  readonly wrong: readonly Wrong[];
}

export interface TableSettings {
  readonly families: readonly Family[];
  /** Only each case with a number that this number divides is tried. */
  readonly each: number;
  readonly onFamily?: (name: string, count: number, wrong: number, ms: number) => void;
}

export async function tryTable(t: Teardown, { families, each, onFamily }: TableSettings): Promise<Tried> {
  const counts = new Map<string, number>();
  const wrong: Wrong[] = [];
  for (const { name, cases } of families) {
    const begunAt = performance.now();
    // Tables of neighbours overlap.
    const all = [...new Map((await cases(t, each > 1)).map((one) => [one.fact, one])).values()];
    const chosen = all.filter((_, index) => index % each === 0);
    const before = wrong.length;
    const onWrong = (fact: string, verdict: string) => void wrong.push({ family: name, fact, verdict });
    const lanes = new Set(chosen.map(({ lane = 0 }) => lane));
    const inLane = (lane: number) => chosen.filter((one) => (one.lane ?? 0) === lane);
    await Promise.all([...lanes].map((lane) => tryInTurn(inLane(lane), onWrong)));
    counts.set(name, chosen.length);
    onFamily?.(name, chosen.length, wrong.length - before, performance.now() - begunAt);
  }
  return { counts, wrong };
}

async function tryInTurn(cases: readonly Case[], onWrong: (fact: string, verdict: string) => void): Promise<void> {
  for (const one of cases) {
    // A machine that is busy with something else can be slow once.
    const verdict = (await one.attempt()) && (await one.attempt());
    if (verdict !== undefined) onWrong(one.fact, verdict);
  }
}
