/**
 * The metrics of a process: CPU, memory, garbage collection, and how late the event loop is. A process has them once, however
 * many gateways run in it, because each set of them observes the whole process.
 */
import { collectDefaultMetrics, type Registry } from 'prom-client';

export function collectProcessMetrics(registry: Registry): void {
  collectDefaultMetrics({ register: registry });
}
