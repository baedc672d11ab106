/** This module shares the event loop among tasks that take long: in each turn of the loop one of them does its next part. */

const waiting: (() => void)[] = [];

/** Resolves when the event loop has had a turn and all tasks that waited before have done their next part. */
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
