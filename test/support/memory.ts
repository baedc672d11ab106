/**
 * Measures the memory that this process still refers to. Resident memory would include garbage and what the allocator
 * keeps, which varies on a busy machine.
 */
import { type HeapProfiler, Session } from 'node:inspector/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');

/** Node exposes its garbage collector with this flag. */
const collect: (options?: { readonly type: 'minor' }) => void = runInNewContext('gc');

const SAMPLE_MS = 100;

/** Returns the bytes of objects and buffers, including garbage that was not collected yet. */
export function usedBytes(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Returns the bytes of objects and buffers that something still refers to. */
export function heldBytes(): number {
  collect();
  // Memory outside the heap is counted as free only when the next collection begins, also one of the young generation alone.
  collect({ type: 'minor' });
  return usedBytes();
}

/**
 * Runs `work`. Returns its result, and how many bytes more than before were held at most while it ran. A number below
 * `limitBytes` may count garbage too: collecting it ten times a second would cost more than all that a test does. A
 * test calls `runAlone` first, so that no other test of the process runs meanwhile.
 */
export async function mostHeld<Result>(
  work: () => Promise<Result>,
  limitBytes: number,
): Promise<{ readonly result: Result; readonly grownBytes: number }> {
  const before = heldBytes();
  let most = 0;
  const sample = () => {
    const used = usedBytes() - before;
    most = Math.max(most, used < limitBytes ? used : heldBytes() - before);
  };
  const timer = setInterval(sample, SAMPLE_MS);
  try {
    const result = await work();
    sample();
    return { result, grownBytes: most };
  } finally {
    clearInterval(timer);
  }
}

const ROUNDS = 40;
const ROUNDS_PER_COLLECTION = 10;

/**
 * Runs `round` many times, with a collection of the young generation now and then. Returns the bytes per round that functions
 * with the name have allocated and that were not collected, although they may be garbage by then.
 */
export async function promotedBytes(round: () => Promise<unknown>, name: string): Promise<number> {
  const session = new Session();
  session.connect();
  try {
    // These collections move objects that already exist to the old generation, so they are not counted.
    for (let i = 0; i < 3; i++) collect({ type: 'minor' });
    await session.post('HeapProfiler.startSampling', {
      samplingInterval: 2048,
      includeObjectsCollectedByMajorGC: true,
      includeObjectsCollectedByMinorGC: false,
    });
    for (let i = 1; i <= ROUNDS; i++) {
      await round();
      if (i % ROUNDS_PER_COLLECTION === 0) collect({ type: 'minor' });
    }
    const { profile } = await session.post('HeapProfiler.stopSampling');
    return allocatedBy(name, profile.head) / ROUNDS;
  } finally {
    session.disconnect();
  }
}

function allocatedBy(name: string, node: HeapProfiler.SamplingHeapProfileNode): number {
  const own = node.callFrame.functionName === name ? node.selfSize : 0;
  return node.children.reduce((sum, child) => sum + allocatedBy(name, child), own);
}
