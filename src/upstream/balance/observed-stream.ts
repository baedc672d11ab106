/** This module reports the end of a stream of messages. */

/**
 * Returns a stream with the same messages. `onEnd` is called once when it ends: with the error if it failed, and with undefined
 * if it ended normally or its consumer stopped reading.
 */
export function observedStream(
  messages: AsyncIterable<Uint8Array>,
  onEnd: (error: unknown) => void,
): AsyncIterableIterator<Uint8Array, undefined> {
  const source = messages[Symbol.asyncIterator]();
  let isOver = false;
  const end = (error: unknown) => {
    if (isOver) return;
    isOver = true;
    onEnd(error);
  };
  const stream: AsyncIterableIterator<Uint8Array, undefined> = {
    [Symbol.asyncIterator]: () => stream,
    async next() {
      try {
        const result = await source.next();
        if (result.done !== true) return result;
        end(undefined);
        return { done: true, value: undefined };
      } catch (error) {
        end(error);
        throw error;
      }
    },
    async return() {
      end(undefined);
      await source.return?.();
      return { done: true, value: undefined };
    },
  };
  return stream;
}
