/**
 * Groups calls by the AbortSignal that cancels them: the calls of an aggregate share one signal, and one listener on the signal
 * is enough for all of them.
 */
import { Bag } from '../base/bag.js';
import { cancelled } from './failure.js';

export interface Follower {
  abort(error: unknown): void;
}

/**
 * The calls that are aborted when their signal is aborted. All requests of a client connection may share one signal, so a call
 * must be removed when it ends.
 */
export class Followers extends Bag<Follower> {
  /**
   * True when the signal was aborted. Reading `aborted` of the signal itself costs as much as all other work at the start of a
   * call.
   */
  isAborted = false;

  abort(): void {
    this.isAborted = true;
    for (const follower of this) follower.abort(cancelled());
  }
}

const FOLLOWERS = new WeakMap<AbortSignal, Followers>();

/** Returns the calls that are aborted with the signal. A caller adds its call, and must remove it once when the call ends. */
export function followersOf(signal: AbortSignal): Followers {
  const known = FOLLOWERS.get(signal);
  if (known !== undefined) return known;
  const followers = new Followers();
  FOLLOWERS.set(signal, followers);
  if (signal.aborted) followers.isAborted = true;
  else signal.addEventListener('abort', () => followers.abort(), { once: true });
  return followers;
}
