/** The messages between a primary and its workers (structured clone over the IPC channel). */
import type { MetricObjectWithValues, MetricValue } from 'prom-client';
import type { Config } from '../config/config.js';
import type { CounterAnswer, CounterQuestion } from '../store/remote-counters.js';

export type ToWorker =
  | { readonly kind: 'start'; readonly config: Config; readonly schema: Uint8Array }
  | { readonly kind: 'drain' }
  | { readonly kind: 'report'; readonly id: number }
  | { readonly kind: 'counted'; readonly answer: CounterAnswer };

export type ToPrimary =
  /** The worker listens to the channel from now on; earlier messages to it are lost. */
  | { readonly kind: 'here' }
  | { readonly kind: 'listening'; readonly url: string }
  /** The worker could not start. */
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'reported'; readonly id: number; readonly report: WorkerReport }
  | { readonly kind: 'count'; readonly question: CounterQuestion };

export interface WorkerReport {
  /** The state of each upstream's connection, by the name of the upstream. */
  readonly upstreams: ReadonlyMap<string, string>;
  readonly metrics: MetricObjectWithValues<MetricValue<string>>[];
}
