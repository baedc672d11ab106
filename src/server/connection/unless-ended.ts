/** The end of a stream that may not go on, for whoever waits for something else meanwhile. */

/** What `work` comes to. Throws the reason for which the stream must end, once it must. */
export function unlessEnded<T>(work: Promise<T>, ending: AbortSignal | undefined): Promise<T> {
  if (ending === undefined) return work;
  return new Promise((resolve, reject) => {
    const cancel = onEnding(ending, reject);
    work.then(resolve, reject).finally(cancel);
  });
}

/** Calls `tell` with the reason when the stream must end, at once if it must already. The returned function takes it back. */
export function onEnding(ending: AbortSignal | undefined, tell: (reason: unknown) => void): () => void {
  if (ending === undefined) return () => {};
  const onAbort = () => tell(ending.reason);
  if (ending.aborted) onAbort();
  else ending.addEventListener('abort', onAbort, { once: true });
  return () => ending.removeEventListener('abort', onAbort);
}
