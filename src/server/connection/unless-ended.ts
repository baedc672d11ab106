/** Lets code that waits for something else notice at once that its stream must end. */

/** Returns the result of `work`. Throws the reason of `ending` as soon as the stream must end. */
export function unlessEnded<T>(work: Promise<T>, ending: AbortSignal | undefined): Promise<T> {
  if (ending === undefined) return work;
  return new Promise((resolve, reject) => {
    const cancel = onEnding(ending, reject);
    work.then(resolve, reject).finally(cancel);
  });
}

/** Calls `onEnd` with the reason when the stream must end, or at once if it must already. The returned function stops that. */
export function onEnding(ending: AbortSignal | undefined, onEnd: (reason: unknown) => void): () => void {
  if (ending === undefined) return () => {};
  const onAbort = () => onEnd(ending.reason);
  if (ending.aborted) onAbort();
  else ending.addEventListener('abort', onAbort, { once: true });
  return () => ending.removeEventListener('abort', onAbort);
}
