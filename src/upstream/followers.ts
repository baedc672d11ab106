/**
 * Groups calls by the signal that cancels them: the calls of an aggregate share one signal, and need only one listener on
 * it.
 */
import { cancelled } from './failure.js';

export interface Follower {
  abort(error: unknown): void;
}

/** The calls that are aborted when their signal is. */
export class Followers extends Set<Follower> {
  /** True when the signal is aborted. Asking the signal itself costs as much as all other work at the start of a call. */
  isAborted = false;
}

const FOLLOWERS = new WeakMap<AbortSignal, Followers>();

/** Returns the calls that are aborted together with the signal. A caller adds its call, and removes it at its end. */
export function followersOf(signal: AbortSignal): Followers {
  const known = FOLLOWERS.get(signal);
  if (known !== undefined) return known;
  const followers = new Followers();
  FOLLOWERS.set(signal, followers);
  const abort = () => {
    followers.isAborted = true;
    for (const follower of followers) follower.abort(cancelled());
  };
  if (signal.aborted) followers.isAborted = true;
  else signal.addEventListener('abort', abort, { once: true });
  return followers;
}
