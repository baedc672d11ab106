/**
 * Groups calls by the signal that cancels them: the calls of an aggregate share one signal, and need only one listener on
 * it.
 */
import { cancelled } from './failure.js';

export interface Follower {
  abort(error: unknown): void;
}

const FOLLOWERS = new WeakMap<AbortSignal, Set<Follower>>();

/** Returns the set of calls that are aborted together with the signal. A caller adds its call, and removes it at its end. */
export function followersOf(signal: AbortSignal): Set<Follower> {
  const known = FOLLOWERS.get(signal);
  if (known !== undefined) return known;
  const followers = new Set<Follower>();
  FOLLOWERS.set(signal, followers);
  signal.addEventListener(
    'abort',
    () => {
      for (const follower of followers) follower.abort(cancelled());
    },
    { once: true },
  );
  return followers;
}
