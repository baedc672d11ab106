/** The export of traces is a Resource: a reload that does not change its settings keeps the spans that wait for the export. */
import { type Lease, settingsKey } from '../base/resources.js';
import type { Config } from '../config/config.js';
import type { Log } from '../telemetry/log.js';
import { Tracing } from '../telemetry/tracing.js';
import type { Series } from './series.js';

export function openTracing(
  settings: Config['tracing'],
  lease: Lease,
  { log, series }: { readonly log: Log; readonly series: Series },
): Tracing | undefined {
  if (settings === undefined) return undefined;
  const options = { log, exported: series.spans('exported'), failed: series.spans('failed') };
  return lease.acquire(settingsKey('tracing', settings), () => new Tracing(settings, options));
}
