/** What a primary and its workers say to each other (structured clone over the IPC channel). */
import type { MetricObjectWithValues, MetricValue } from 'prom-client';
import type { Config } from '../config/config.js';
import type { CounterAnswer, CounterQuestion } from '../store/remote-counters.js';

export type ToWorker =
  | { readonly kind: 'start'; readonly config: Config; readonly schema: Uint8Array }
  | { readonly kind: 'drain' }
  | { readonly kind: 'report'; readonly id: number }
  | { readonly kind: 'counted'; readonly answer: CounterAnswer };

export type ToPrimary =
  /** It listens to this channel; what is said before is lost. */
  | { readonly kind: 'here' }
  | { readonly kind: 'listening'; readonly url: string }
  /** It can't start, and trying again would not help. */
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'reported'; readonly id: number; readonly report: WorkerReport }
  | { readonly kind: 'count'; readonly question: CounterQuestion };

export interface WorkerReport {
  /** Name → how its connection is. */
  readonly upstreams: ReadonlyMap<string, string>;
  readonly metrics: MetricObjectWithValues<MetricValue<string>>[];
}
