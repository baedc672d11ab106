/** The messages between a primary and its workers (structured clone over the IPC channel). */
import type { Config } from '../config/config.js';
import type { CounterAnswer, CounterQuestion } from '../store/remote-counters.js';
import type { MetricValues } from '../telemetry/exposition.js';
import type { PackedFile } from './schema-parcel.js';
import type { UpstreamReports } from './upstream-status.js';

export type ToWorker =
  | { readonly kind: 'start'; readonly config: Config; readonly files: readonly PackedFile[] }
  /** The worker builds a snapshot beside the one that serves, and answers `prepared`. Then it gets `swap` or `discard`. */
  | { readonly kind: 'prepare'; readonly config: Config; readonly files: readonly PackedFile[] }
  | { readonly kind: 'swap' }
  | { readonly kind: 'discard' }
  /** The message comes with a connection, and the worker answers `taken`. */
  | { readonly kind: 'connection' }
  /** The worker ends each connection with its next answer, and still serves requests. */
  | { readonly kind: 'leave' }
  /** Says that no more connections come: the worker ends when those that it has are finished. */
  | { readonly kind: 'drain' }
  | { readonly kind: 'report'; readonly id: number }
  | { readonly kind: 'counted'; readonly answer: CounterAnswer };

export type ToPrimary =
  /** The worker listens to the channel from now on; earlier messages to it are lost. */
  | { readonly kind: 'here' }
  /** The worker can serve connections. */
  | { readonly kind: 'ready' }
  /** The worker has built the requested snapshot, or cannot build it because of `problem`. */
  | { readonly kind: 'prepared'; readonly problem: string | undefined }
  /** The worker serves the connection that it was sent last. */
  | { readonly kind: 'taken' }
  /** The worker has received SIGTERM. It asks the primary to send no more connections, and waits for `drain`. */
  | { readonly kind: 'leaving' }
  /** The worker could not start. */
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'reported'; readonly id: number; readonly report: WorkerReport }
  | { readonly kind: 'count'; readonly question: CounterQuestion };

export interface WorkerReport {
  readonly upstreams: UpstreamReports;
  readonly metrics: readonly MetricValues[];
}
