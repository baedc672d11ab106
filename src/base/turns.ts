/** This module divides the event loop among long tasks: in each turn of the loop, only one of them continues. */

const waiting: (() => void)[] = [];

/** Pauses a long task. Resolves in a later turn of the event loop, after the tasks that were paused before have continued. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    waiting.push(resolve);
    if (waiting.length === 1) setImmediate(giveTurn);
  });
}

function giveTurn(): void {
  waiting.shift()?.();
  if (waiting.length > 0) setImmediate(giveTurn);
}
