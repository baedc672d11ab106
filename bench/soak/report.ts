/** This module writes the report of the long load: what was sent, what was wrong, how much memory was used, and what is left over. */
import { megabytes } from '../peers/table.js';
import { median } from '../rounds.js';
import type { Requests } from './requests.js';

/** The most growth of memory between the second and the last quarter of the time. A little is due to garbage. */
const MOST_GROWTH = { share: 0.1, bytes: 16e6 };
/** In a shorter time memory still grows to what the load needs, so its growth is no failure. */
const JUDGED_FROM_SECONDS = 120;
const LAST_MINUTES = 10;

/** Counts of the streams and connections that are still open after the last request. */
export interface LeftOver {
  /** Gauges of the gateway by their names, without those of processes. */
  readonly gauges: ReadonlyMap<string, number>;
  /** The connections of clients that the gateway has. */
  readonly clients: number;
  /** The streams and connections that the upstream has. Only connections may stay. */
  readonly upstreamStreams: number;
  readonly upstreamConnections: number;
}

export interface Finding {
  readonly lines: readonly string[];
  /** One sentence for each thing that is not as it must be. */
  readonly wrong: readonly string[];
}

export function ofRequests({ counts, total, wrong, totalWrong }: Requests, seconds: number): Finding {
  const counted = (count: number, text: string) => `${String(count).padStart(9)} ${text}`;
  const time = (at: Date) => at.toISOString().slice(11, 19);
  const unexpected = wrong.map(({ kind, reason, count, firstAt, lastAt }) => {
    const when = count === 1 ? `at ${time(firstAt)}` : `from ${time(firstAt)} to ${time(lastAt)}`;
    return counted(count, `${kind}: ${reason}, ${when}`);
  });
  return {
    lines: [
      'requests:',
      ...[...counts].map(([name, count]) => counted(count, name)),
      counted(total, `in all, ${(total / seconds).toFixed(0)} in a second`),
      `unexpected answers: ${totalWrong}`,
      ...unexpected,
    ],
    wrong: totalWrong === 0 ? [] : [`${totalWrong} of ${total} answers were unexpected`],
  };
}

/** `samples` has the resident memory of each second. */
export function ofMemory(samples: readonly number[]): Finding {
  const minutes: number[] = [];
  for (let at = 0; at < samples.length; at += 60) minutes.push(median(samples.slice(at, at + 60)));
  const shown = (bytes: number) => (bytes / 1e6).toFixed(0);
  const last = minutes.slice(-LAST_MINUTES).map(shown).join(' ');
  const quarter = Math.floor(samples.length / 4);
  const [before, after] = [median(samples.slice(quarter, 2 * quarter)), median(samples.slice(-quarter))];
  const quarters = `${megabytes(before)} in the second quarter, ${megabytes(after)} in the last one`;
  const grows = after > before * (1 + MOST_GROWTH.share) + MOST_GROWTH.bytes;
  return {
    lines: [
      `memory by minute (MB): first ${shown(minutes[0]!)}, median ${shown(median(minutes))}, last ones ${last}`,
      `memory: ${quarters}, at most ${megabytes(Math.max(...samples))}`,
    ],
    wrong: grows && samples.length >= JUDGED_FROM_SECONDS ? [`expected flat memory, got ${quarters}`] : [],
  };
}

export function ofLeftOver({ gauges, clients, upstreamStreams, upstreamConnections }: LeftOver): Finding {
  const wrong = [...gauges].filter(([, value]) => value !== 0).map(([name, value]) => `${name} is still ${value}`);
  if (clients > 0) wrong.push(`${clients} connections of clients are still open`);
  if (upstreamStreams > 0) wrong.push(`${upstreamStreams} streams are still open at the upstream`);
  const shown = [...gauges].map(([name, value]) => `${name} ${value}`);
  return {
    lines: [
      `at the end: ${shown.join(', ')}`,
      `connections at the end: ${clients} of clients, ${upstreamConnections} to the upstream with ${upstreamStreams} streams`,
    ],
    wrong,
  };
}
