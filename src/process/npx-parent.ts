/**
 * This module notices that the `npx` which started this process is gone. `npx` runs a command in a shell, and neither of
 * them passes a signal on: `kill` of the process that somebody has started would end both and leave the gateway behind.
 */
import type { Clock } from '../base/clock.js';

const LOOK_EVERY_MS = 500;

/** Says which process has started this one, and whether it still runs. */
export interface Started {
  readonly env: NodeJS.ProcessEnv;
  /** Returns the id of the parent process. It changes when the parent ends. */
  readonly parentId: () => number;
}

/** The id of the parent when this module was loaded. */
const FIRST_PARENT = process.ppid;
const BY_THIS_PROCESS: Started = { env: process.env, parentId: () => process.ppid };

/**
 * Calls `onGone` once when `npx protogate` has started this process and its shell ends. Returns a function that stops
 * looking. Processes that were started in any other way are not looked after, because they may outlive their parent.
 */
export function afterNpx(
  clock: Clock,
  onGone: () => void,
  { env, parentId }: Started = BY_THIS_PROCESS,
  first = FIRST_PARENT,
): () => void {
  if (env.npm_lifecycle_event !== 'npx' || !/^'?protogate'?(\s|$)/.test(env.npm_lifecycle_script ?? ''))
    return () => {};
  let cancel = clock.after(LOOK_EVERY_MS, look);
  return () => cancel();

  function look(): void {
    if (parentId() !== first) return onGone();
    cancel = clock.after(LOOK_EVERY_MS, look);
  }
}
