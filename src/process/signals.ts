/**
 * This module handles the signals of a process that serves. SIGTERM and SIGINT drain it. SIGHUP reloads config and
 * schema. But SIGHUP drains the process if there is nothing to reload, or if it was started on a terminal that is now closed,
 * so that no process is left behind. For the same reason it is drained when the `npx` that started it is gone.
 */
import { isatty } from 'node:tty';
import type { Clock } from '../base/clock.js';
import type { Log } from '../telemetry/log.js';
import { afterNpx } from './npx-parent.js';

/** The standard streams that were a terminal at the start. A terminal that was closed is no longer recognised as one. */
const TERMINALS = [0, 1, 2].filter((fd) => isatty(fd));
/** The time after a SIGHUP until the terminal is looked for again. A shell that ends sends the signal while it still exists. */
const LOOK_AGAIN_MS = 500;

/** True if a SIGHUP has come before {@link stopOnSignal} was called. */
let isRemembered = false;
let onHangup = () => {
  isRemembered = true;
};

/** Remembers each SIGHUP from now on, until {@link stopOnSignal} is called. By default SIGHUP ends a process. */
export function rememberHangups(): void {
  process.on('SIGHUP', () => onHangup());
}

export interface Stop extends SignalHandlers {
  readonly log: Log;
  /** Lets running requests finish, and closes everything. Called once. */
  readonly stop: () => Promise<unknown>;
}

/** Handles all signals. Resolves when a signal has ended the gateway. */
export async function stopOnSignal({ reload, clock, log, stop }: Stop): Promise<void> {
  const signal = await onSignals({ reload, clock });
  log.info({ signal }, 'draining');
  const startedAt = clock.monotonic();
  await stop();
  log.info({ durationMs: Math.round(clock.monotonic() - startedAt) }, 'stopped');
  endWithTerminal(signal);
}

interface SignalHandlers {
  /** Called for each SIGHUP that asks for a reload, also for one that came earlier. Undefined if there is nothing to reload. */
  readonly reload: (() => void) | undefined;
  readonly clock: Clock;
}

/**
 * Resolves with the first signal that drains the gateway. After that, a SIGTERM or SIGINT ends the process at once, which is
 * Node's default. So does a SIGHUP if there is nothing to reload or the terminal is gone; otherwise SIGHUP is still handled.
 */
function onSignals({ reload, clock }: SignalHandlers): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    const end = (signal: NodeJS.Signals) => {
      stopLooking();
      for (const one of ['SIGTERM', 'SIGINT']) process.off(one, end);
      if (reload === undefined || isTerminalGone()) process.removeAllListeners('SIGHUP');
      resolve(signal);
    };
    const stopLooking = afterNpx(clock, () => end('SIGTERM'));
    process.on('SIGTERM', end);
    process.on('SIGINT', end);
    onHangup = () => {
      if (reload === undefined || isTerminalGone()) return end('SIGHUP');
      reload();
      if (TERMINALS.length > 0) clock.after(LOOK_AGAIN_MS, () => isTerminalGone() && end('SIGHUP'));
    };
    if (process.listenerCount('SIGHUP') === 0) rememberHangups();
    if (isRemembered) onHangup();
    isRemembered = false;
  });
}

function isTerminalGone(): boolean {
  return TERMINALS.length > 0 && !TERMINALS.some((fd) => isatty(fd));
}

/**
 * Kills the process after a SIGHUP if it was started on a terminal: Node 20 crashes or hangs on exit when it can't restore
 * a terminal that is gone. Everything is closed by now.
 */
function endWithTerminal(signal: NodeJS.Signals): void {
  if (signal === 'SIGHUP' && TERMINALS.length > 0) process.kill(process.pid, 'SIGKILL');
}
