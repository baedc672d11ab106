/** Sends drawn requests of all kinds to a gateway, several at a time, and counts the results. */

import { tryHttp1 } from './http1.js';
import { Http2Client } from './http2.js';
import type { Outcome } from './outcome.js';
import { tryWebSocket } from './websocket.js';

export interface Finding {
  readonly kind: Outcome['kind'];
  readonly seed: number;
  readonly verdict: string;
}

export interface Report {
  /** The number of requests by their kind and by the status or close code that they got. */
  readonly counts: ReadonlyMap<string, ReadonlyMap<number, number>>;
  readonly findings: readonly Finding[];
}

export interface FuzzSettings {
  readonly port: number;
  readonly firstSeed: number;
  readonly requests: number;
  /** The most time of an answer, in milliseconds. A request whose answer takes longer is sent once more, alone. */
  readonly patienceMs: number;
  readonly onProgress?: (done: number) => void;
}

const AT_ONCE = 16;

export async function fuzz({ port, firstSeed, requests, patienceMs, onProgress }: FuzzSettings): Promise<Report> {
  const http2 = new Http2Client(`http://127.0.0.1:${port}`);
  const counts = new Map<string, Map<number, number>>();
  const suspects: Finding[] = [];
  let next = 0;
  const attempt = (kind: Outcome['kind'], seed: number): Promise<Outcome> => {
    if (kind === 'http1') return tryHttp1(port, seed, patienceMs);
    return kind === 'http2' ? http2.try(seed, patienceMs) : tryWebSocket(port, seed, patienceMs);
  };
  async function worker(): Promise<void> {
    while (next < requests) {
      const index = next++;
      const seed = firstSeed + index;
      const { kind, status = 0, verdict } = await attempt(kindOf(index), seed);
      const byStatus = counts.get(kind) ?? new Map<number, number>();
      byStatus.set(status, (byStatus.get(status) ?? 0) + 1);
      counts.set(kind, byStatus);
      if (verdict !== undefined) suspects.push({ kind, seed, verdict });
      onProgress?.(index + 1);
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  const findings: Finding[] = [];
  for (const { kind, seed } of suspects) {
    const { verdict } = await attempt(kind, seed);
    if (verdict !== undefined) findings.push({ kind, seed, verdict });
  }
  await http2.close();
  return { counts, findings };
}

/** Three of five requests are HTTP/1.1, one is HTTP/2, one a WebSocket. */
function kindOf(index: number): Outcome['kind'] {
  const turn = index % 5;
  if (turn === 3) return 'http2';
  return turn === 4 ? 'websocket' : 'http1';
}

/** The counts as a table: a line for each kind. */
export function tableOf({ counts }: Report): string {
  const lines: string[] = [];
  for (const [kind, byStatus] of counts) {
    const all = [...byStatus.values()].reduce((sum, count) => sum + count, 0);
    const parts = [...byStatus]
      .sort(([a], [b]) => a - b)
      .map(([status, count]) => `${status === 0 ? 'ended' : status}: ${count}`);
    lines.push(`${kind.padEnd(10)} ${String(all).padStart(7)}   ${parts.join('  ')}`);
  }
  return lines.join('\n');
}
