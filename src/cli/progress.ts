/** Shows the progress of long work on one line of a terminal. Shows nothing if the output is not a terminal. */

export interface Progress {
  readonly update: (done: number, total: number) => void;
  readonly done: () => void;
}

const SHOW_AFTER_MS = 500;

export function progressLine(title: string): Progress {
  if (!process.stderr.isTTY) return { update: () => {}, done: () => {} };
  const startedAt = performance.now();
  let shown = '';
  return {
    update(done, total) {
      if (performance.now() - startedAt < SHOW_AFTER_MS) return;
      const text = `${title}: ${Math.floor((100 * done) / Math.max(total, 1))} % of ${total} files`;
      if (text === shown) return;
      shown = text;
      process.stderr.write(`\r${text}`);
    },
    done() {
      if (shown !== '') process.stderr.write(`\r${' '.repeat(shown.length)}\r`);
    },
  };
}
