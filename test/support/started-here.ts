/** Collects what was started outside of a test, and ends it in reverse order. */
import type { Teardown } from './gateway.js';

export function startedHere(): Teardown & { readonly end: () => Promise<void> } {
  const tasks: (() => void | Promise<void>)[] = [];
  return {
    teardown: (task) => void tasks.push(task),
    async end() {
      for (const task of tasks.reverse()) await task();
    },
  };
}
