/**
 * Runs tasks when an answer has ended: its last byte was sent, or its connection was closed. All tasks of an answer share one
 * listener, because each listener of Node costs about as much as a whole stage of the pipeline.
 */
import type { ServerResponse } from 'node:http';

const LAST = Symbol('last task');

/** A task and the tasks before it. An array would take more memory than this linked list. */
interface Task {
  readonly before: Task | undefined;
  readonly run: () => void;
}

type Watched = ServerResponse & { [LAST]?: Task | undefined };

/** Runs `task` once, when the answer emits `close`. Tasks run in the order in which they were added. */
export function onClose(res: ServerResponse, task: () => void): void {
  const watched = res as Watched;
  const before = watched[LAST];
  // `once` would make a function and an object for each answer, and a second `close` finds no task.
  if (before === undefined) res.on('close', runAll);
  watched[LAST] = { before, run: task };
}

function runAll(this: Watched): void {
  const last = this[LAST];
  this[LAST] = undefined;
  if (last !== undefined) runInOrder(last);
}

function runInOrder({ before, run }: Task): void {
  if (before !== undefined) runInOrder(before);
  run();
}
