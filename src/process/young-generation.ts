/**
 * Keeps V8's young generation small while modules are loaded, which would make it grow to its largest size (16 MiB, and as
 * much again to copy into). An idle process would keep that. Under load it grows as usual, because then it saves CPU time.
 */
import { setFlagsFromString } from 'node:v8';

export function keepYoungGenerationSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}

export function letYoungGenerationGrow(): void {
  setFlagsFromString('--semi-space-growth-factor=2');
}
