/** What it says of a connection when not a byte came on it until a call's deadline. */
import type { Deadline } from '../call/deadline.js';

/** Answers that take longer are late, whatever the upstream does. */
const LATE_MS = 1000;

/** False: it says nothing, for the deadline was the client's own and short. `begunAt`: milliseconds since the epoch. */
export function isTelling({ at, owner }: Deadline, begunAt: number): boolean {
  return owner !== 'client' || at - begunAt >= LATE_MS;
}
