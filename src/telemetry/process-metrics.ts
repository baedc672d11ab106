/**
 * The metrics of a process: CPU, memory, garbage collection, and how late the event loop is. They observe the whole process, so
 * a process collects them only once, even if several gateways run in it.
 */
import { collectDefaultMetrics, type Registry } from 'prom-client';

export function collectProcessMetrics(registry: Registry): void {
  collectDefaultMetrics({ register: registry });
}
