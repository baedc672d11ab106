/** Decides whether the connection of a call may be dead because the call received nothing until its deadline. */
import type { Deadline } from '../call/deadline.js';

/**
 * A call that has waited so many milliseconds for its first byte shows that the connection may be dead, even if the client has
 * set the deadline.
 */
const LATE_MS = 1000;

/**
 * Returns true if the connection may be dead. Returns false if the client itself has set a deadline of less than a second.
 * `begunAt` is in milliseconds since the epoch.
 */
export function isTelling({ at, owner }: Deadline, begunAt: number): boolean {
  return owner !== 'client' || at - begunAt >= LATE_MS;
}
