import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** Returns the ids of the processes that a process has started: the workers of a gateway. */
export function childrenOf(pid: number): number[] {
  // Small images have no ps, and systems other than Linux have no /proc.
  if (!existsSync('/proc/self/stat')) {
    const found = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' }).trim().split('\n');
    return found
      .map((line) => line.trim().split(/\s+/).map(Number))
      .flatMap(([one = 0, parent]) => (parent === pid ? [one] : []));
  }
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && parentOf(name) === pid)
    .map(Number);
}

/**
 * True if `count` children run and `ended` is not one of them. The list is read once, because it may change between two
 * reads.
 */
export function isReplaced(parent: number, ended: number, count: number): boolean {
  const children = childrenOf(parent);
  return children.length === count && !children.includes(ended);
}

/** Returns the parent's id; undefined when the process has ended meanwhile. */
function parentOf(name: string): number | undefined {
  try {
    const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined;
  }
}
