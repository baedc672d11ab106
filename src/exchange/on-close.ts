/**
 * Runs tasks when an answer is over: its last byte was sent, or its connection is gone. All tasks of an answer share one
 * listener, because each listener of Node costs about as much as a whole stage of the pipeline.
 */
import type { ServerResponse } from 'node:http';

const TASKS = Symbol('tasks');

type Watched = ServerResponse & { [TASKS]?: (() => void)[] };

/** Runs `task` once, when the answer emits `close`. Tasks run in the order in which they were added. */
export function onClose(res: ServerResponse, task: () => void): void {
  const watched = res as Watched;
  const tasks = watched[TASKS];
  if (tasks !== undefined) {
    tasks.push(task);
    return;
  }
  watched[TASKS] = [task];
  res.on('close', run);
}

function run(this: Watched): void {
  const tasks = this[TASKS]!;
  this[TASKS] = [];
  for (const task of tasks) task();
}
