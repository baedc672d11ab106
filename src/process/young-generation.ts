/**
 * Keeps V8's young generation small while modules are loaded, which would make it grow to its largest size (16 or 32 MiB,
 * by the version of Node, and as much again to copy into). An idle process would keep that memory. Under load it grows as
 * usual, because then it saves CPU time. As an argument of `node` the flag has no effect: V8 replaces it when it makes its heap.
 */
import { setFlagsFromString } from 'node:v8';

export function keepYoungGenerationSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}

export function letYoungGenerationGrow(): void {
  setFlagsFromString('--semi-space-growth-factor=2');
}
