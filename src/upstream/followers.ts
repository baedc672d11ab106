/**
 * Groups calls by the signal that cancels them: the calls of an aggregate share one signal, and need only one listener on
 * it.
 */
import { Bag } from '../base/bag.js';
import { cancelled } from './failure.js';

export interface Follower {
  abort(error: unknown): void;
}

/** The calls that are aborted when their signal is. Requests of a connection may share a signal, so it may live long. */
export class Followers extends Bag<Follower> {
  /** True when the signal is aborted. Asking the signal itself costs as much as all other work at the start of a call. */
  isAborted = false;

  abort(): void {
    this.isAborted = true;
    for (const follower of this) follower.abort(cancelled());
  }
}

const FOLLOWERS = new WeakMap<AbortSignal, Followers>();

/** Returns the calls that are aborted together with the signal. A caller adds its call, and removes it once, at its end. */
export function followersOf(signal: AbortSignal): Followers {
  const known = FOLLOWERS.get(signal);
  if (known !== undefined) return known;
  const followers = new Followers();
  FOLLOWERS.set(signal, followers);
  if (signal.aborted) followers.isAborted = true;
  else signal.addEventListener('abort', () => followers.abort(), { once: true });
  return followers;
}
