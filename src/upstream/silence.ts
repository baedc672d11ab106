/** Decides whether a call that received nothing until its deadline is a sign that its connection is dead. */
import type { Deadline } from '../call/deadline.js';

/** A call that has waited this long for its first byte is such a sign, no matter who set its deadline. */
const LATE_MS = 1000;

/** Returns false if the client itself set a short deadline. `begunAt` is in milliseconds since the epoch. */
export function isTelling({ at, owner }: Deadline, begunAt: number): boolean {
  return owner !== 'client' || at - begunAt >= LATE_MS;
}
