/** What this process holds on to. Resident memory would say what garbage and the allocator keep, on a busy machine anything. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');

/** Node gives its collector away when asked. */
const collect: () => void = runInNewContext('gc');

const SAMPLE_MS = 100;

/** Bytes of objects and buffers, garbage too unless it was just collected. */
export function usedBytes(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Bytes of objects and buffers that something still refers to. */
export function heldBytes(): number {
  collect();
  // What is outside the heap is counted as gone one collection late.
  collect();
  return usedBytes();
}

/** The result of `work`, and how many bytes more than before were held at any time until it came. */
export async function mostHeld<Result>(
  work: () => Promise<Result>,
): Promise<{ readonly result: Result; readonly grownBytes: number }> {
  const before = heldBytes();
  let most = before;
  const sample = () => {
    most = Math.max(most, heldBytes());
  };
  const timer = setInterval(sample, SAMPLE_MS);
  try {
    const result = await work();
    sample();
    return { result, grownBytes: most - before };
  } finally {
    clearInterval(timer);
  }
}
