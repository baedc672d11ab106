/**
 * Finds out whether the memory of this process is nearly used up. V8 ends a process whose heap has reached its limit
 * (`--max-old-space-size`), and a container that has reached its own limit is killed, so requests must be refused before that.
 */
import { getHeapSpaceStatistics, getHeapStatistics } from 'node:v8';

export interface MemoryUse {
  readonly usedBytes: number;
  readonly limitBytes: number;
}

/** The shares of the limit at which memory becomes short (`above`) and stops being short (`below`). */
const SHORT = { above: 0.9, below: 0.85 };
const LOOK_EVERY_MS = 100;
/**
 * The bytes in V8's heap limit that are for young objects (three semi-spaces). They are subtracted, because only old objects
 * use up the heap.
 */
const YOUNG_BYTES = 48 * 1024 * 1024;
const YOUNG = /^new_/;

/**
 * Returns how much of V8's heap is used by old objects, and how much of the container's memory is used if it is limited. V8
 * collects garbage at the latest half-way between the live objects and the limit, so a use of 90 % is not garbage.
 */
export function memoryUse(): readonly MemoryUse[] {
  const { heap_size_limit, total_heap_size, external_memory } = getHeapStatistics();
  const old = getHeapSpaceStatistics().filter(({ space_name }) => !YOUNG.test(space_name));
  const usedBytes = old.reduce((sum, { space_used_size }) => sum + space_used_size, 0);
  const heap = { usedBytes, limitBytes: Math.max(heap_size_limit - YOUNG_BYTES, heap_size_limit / 2) };
  const limitBytes = process.constrainedMemory();
  // If there is no limit, Node returns 0 or a number that is larger than any memory.
  if (!(limitBytes > 0 && limitBytes < Number.MAX_SAFE_INTEGER)) return [heap];
  return [heap, { usedBytes: total_heap_size + external_memory, limitBytes }];
}

export class MemoryWatch {
  private short = false;
  private lookAt = 0;

  /** `onChange` is called with true when memory becomes short, and with false when it no longer is. */
  constructor(
    private readonly onChange: (isShort: boolean) => void,
    private readonly read: () => readonly MemoryUse[] = memoryUse,
  ) {}

  /**
   * Returns true if memory is short. The result may be 100 ms old. `now` is the time on the monotonic clock in milliseconds.
   */
  isShort(now: number): boolean {
    if (now < this.lookAt) return this.short;
    this.lookAt = now + LOOK_EVERY_MS;
    const most = Math.max(...this.read().map(({ usedBytes, limitBytes }) => usedBytes / limitBytes));
    const short = most > (this.short ? SHORT.below : SHORT.above);
    if (short !== this.short) {
      this.short = short;
      this.onChange(short);
    }
    return short;
  }
}
