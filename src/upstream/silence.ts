/** Whether it says anything of a connection that not a byte came on it until a call's deadline. */
import type { Deadline } from '../call/deadline.js';

/** After so long a call has waited in vain, whoever set its deadline. */
const LATE_MS = 1000;

/** False where the deadline was the client's own and short. `begunAt`: milliseconds since the epoch. */
export function isTelling({ at, owner }: Deadline, begunAt: number): boolean {
  return owner !== 'client' || at - begunAt >= LATE_MS;
}
