/**
 * The metrics of a process: CPU, memory, garbage collection, and how late the event loop is. A process has them once, however
 * many gateways run in it, because each set of them observes the whole process.
 */
import { collectDefaultMetrics, type Registry } from 'prom-client';

/** How often the delay of the event loop is sampled, in milliseconds. */
const SAMPLE_MS = 20;

export function collectProcessMetrics(registry: Registry): void {
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: SAMPLE_MS });
}
