/** The wait of a call that cannot be sent to any member yet. */
import type { Clock } from '../../base/clock.js';
import type { CallRequest } from '../../call/call.js';
import type { Member } from './member.js';

/**
 * Resolves when a member is connected, when all have failed to connect, or when the call is cancelled or its deadline passes.
 * It also adds a function to `waiting`, and resolves when that function is called.
 */
export function whenFirst(
  { signal, deadline }: Pick<CallRequest, 'signal' | 'deadline'>,
  clock: Clock,
  waiting: Set<() => void>,
  members: readonly Pick<Member, 'connect'>[],
): Promise<void> {
  return new Promise((resolve) => {
    const cancelTimer = deadline === undefined ? undefined : clock.after(Math.max(0, deadline.at - clock.now()), end);
    signal.addEventListener('abort', end, { once: true });
    waiting.add(end);
    if (members.length > 0) Promise.any(members.map((member) => member.connect())).then(end, end);

    function end(): void {
      cancelTimer?.();
      signal.removeEventListener('abort', end);
      waiting.delete(end);
      resolve();
    }
  });
}
