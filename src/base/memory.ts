/**
 * Tells whether the memory of this process is nearly used up. V8 ends a process whose heap has reached its limit
 * (`--max-old-space-size`), and a container that has reached its own limit is killed, so work must be refused before that.
 */
import { getHeapSpaceStatistics, getHeapStatistics } from 'node:v8';

export interface MemoryUse {
  readonly usedBytes: number;
  readonly limitBytes: number;
}

/** Memory is short from `above` of the limit on, until less than `below` of it is used. */
const SHORT = { above: 0.9, below: 0.85 };
const LOOK_EVERY_MS = 100;
/** V8's limit of the heap includes three semi-spaces for young objects, which have no part in running out of memory. */
const YOUNG_BYTES = 48 * 1024 * 1024;
const YOUNG = /^new_/;

/**
 * Returns the use of old objects in V8's heap, and of the container's memory if it is limited. V8 collects garbage at the
 * latest half-way between what was alive and the limit, so a use of nine tenths is not garbage.
 */
export function memoryUse(): readonly MemoryUse[] {
  const { heap_size_limit, total_heap_size, external_memory } = getHeapStatistics();
  const old = getHeapSpaceStatistics().filter(({ space_name }) => !YOUNG.test(space_name));
  const usedBytes = old.reduce((sum, { space_used_size }) => sum + space_used_size, 0);
  const heap = { usedBytes, limitBytes: Math.max(heap_size_limit - YOUNG_BYTES, heap_size_limit / 2) };
  const limitBytes = process.constrainedMemory();
  // Without a limit Node returns 0, or more than any machine has.
  if (!(limitBytes > 0 && limitBytes < Number.MAX_SAFE_INTEGER)) return [heap];
  return [heap, { usedBytes: total_heap_size + external_memory, limitBytes }];
}

export class MemoryWatch {
  private short = false;
  private lookAt = 0;

  /** `onChange` is called when memory becomes short, and when it no longer is. */
  constructor(
    private readonly onChange: (isShort: boolean) => void,
    private readonly read: () => readonly MemoryUse[] = memoryUse,
  ) {}

  /** Returns whether memory is short, as it was at most 100 ms ago. `now` is the time on the monotonic clock. */
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
