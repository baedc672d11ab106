/**
 * Reports the state of the process to systemd, for `Type=notify` and `Type=notify-reload` (sd_notify(3)). Node cannot send
 * datagrams to a unix socket, so the program `systemd-notify` sends them. Without `NOTIFY_SOCKET` in the environment nothing
 * is sent.
 */
import { execFile } from 'node:child_process';
import type { Log } from '../telemetry/log.js';

export interface ServiceManager {
  /**
   * Reports that the gateway serves, or that a reload has ended. `status` is the text that `systemctl status` shows.
   */
  ready(status: string): void;
  /** Reports that a reload has begun. */
  reloading(): void;
  /** Reports that the gateway drains. */
  stopping(): void;
}

const SEND_MS = 5000;

export function serviceManager(log: Log, env: NodeJS.ProcessEnv = process.env): ServiceManager {
  let last = Promise.resolve();
  let hasFailed = false;

  /** Sends one message after the other, because their order has a meaning. */
  function send(...message: readonly string[]): void {
    if ((env.NOTIFY_SOCKET ?? '') !== '') last = last.then(() => sendNow(message));
  }

  function sendNow(message: readonly string[]): Promise<void> {
    return new Promise((resolve) => {
      execFile('systemd-notify', message, { env, timeout: SEND_MS }, (error) => {
        if (error !== null && !hasFailed) log.warn({ err: error }, 'systemd cannot be notified');
        hasFailed ||= error !== null;
        resolve();
      });
    });
  }

  return {
    ready: (status) => send('READY=1', `STATUS=${status}`),
    // On Linux `hrtime` is CLOCK_MONOTONIC, as systemd demands.
    reloading: () => send('RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`),
    stopping: () => send('STOPPING=1'),
  };
}
