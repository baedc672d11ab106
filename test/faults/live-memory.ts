/**
 * The memory that a gateway's processes still use after a full garbage collection. Resident memory alone cannot show a leak:
 * the engine lets garbage pile up until a limit that grows with it, and keeps the pages.
 */
import { until } from '../support/until.js';
import type { FaultGateway } from './gateway.js';

/** JavaScript for `preload` of the gateway. It answers SIGUSR2 on standard error. */
export const COLLECTS = `
import { writeSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');
process.on('SIGUSR2', () => {
  collect();
  const { heapUsed, external } = process.memoryUsage();
  writeSync(2, 'live memory of ' + process.pid + ': ' + (heapUsed + external) + ' bytes\\n');
});`;

export interface Memory {
  /** The V8 heap and the buffers outside of it, of all processes, in MiB. */
  readonly liveMiB: number;
  /** The resident memory of all processes after the collection, in MiB. */
  readonly residentMiB: number;
}

/** Collects the garbage of each process. The gateway must have been started with {@link COLLECTS}. */
export async function memoryAfterCollection(gateway: FaultGateway): Promise<Memory> {
  let bytes = 0;
  for (const pid of [gateway.pid, ...gateway.workers()]) {
    const from = gateway.stderr().length;
    const answer = () => new RegExp(`live memory of ${pid}: (\\d+) bytes`).exec(gateway.stderr().slice(from))?.[1];
    process.kill(pid, 'SIGUSR2');
    await until(() => answer() !== undefined, `process ${pid} reports its live memory`);
    bytes += Number(answer());
  }
  return { liveMiB: Math.round(bytes / 104857.6) / 10, residentMiB: gateway.memory() };
}
