/** Calls by the signal that cancels them: those of an aggregate share one, and so one listener. */
import { cancelled } from '../failure.js';

export interface Follower {
  abort(error: unknown): void;
}

const FOLLOWERS = new WeakMap<AbortSignal, Set<Follower>>();

/** Whoever is in the set when the signal is aborted is aborted. */
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
