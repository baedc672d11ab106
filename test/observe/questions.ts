/**
 * Checks the page of operators' questions with the metrics and the log of a real run: each metric that it names has series with
 * the labels that it names, each log field and entry is in the log, and each command for the log prints something.
 */
import { spawnSync } from 'node:child_process';
import { LOG_ENTRIES, LOG_FIELDS } from '../../src/telemetry/log-entries.js';

export interface Run {
  /** The text of docs/operating.md. */
  readonly page: string;
  /** The folder that has the log as `gateway.log`, and its text. */
  readonly folder: string;
  readonly log: string;
  /** Asks Prometheus. Returns the labels of each series. */
  readonly query: (promql: string) => Promise<readonly Readonly<Record<string, string>>[]>;
  readonly check: (isRight: boolean, what: string) => void;
}

/** No run has these: memory that is nearly used up. */
const WITHOUT = new Set(['OUT_OF_MEMORY']);

export async function checkQuestions(run: Run): Promise<void> {
  const { page, log } = run;
  const lines = log
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
  const rows = [...page.matchAll(/^\| (.+\?) +\| (.*) \| (.*) \|$/gm)];
  run.check(rows.length > 10, `docs/operating.md: ${rows.length} questions`);
  for (const [, question = '', metrics = '', fields = ''] of rows) {
    await checkMetrics(run, question.trim(), metrics);
    for (const [, text = ''] of fields.matchAll(/`([^`]+)`/g)) {
      if (WITHOUT.has(text)) continue;
      const isThere = lines.some((line) =>
        Object.hasOwn(LOG_FIELDS, text) ? line[text] !== undefined : line.msg === text || line.reason === text,
      );
      const isKnown = Object.hasOwn(LOG_ENTRIES, text) || Object.hasOwn(LOG_FIELDS, text) || /^[A-Z_]+$/.test(text);
      run.check(isThere && isKnown, `${question.trim()} log: ${text}`);
    }
  }
  for (const [, command = ''] of page.matchAll(/```sh \(needs jq and a log\)\n([\s\S]*?)```/g)) {
    // No request of the run takes a second.
    const text = command.replace('> 1000', '> 50');
    const { stdout, stderr } = spawnSync('bash', ['-c', text], { cwd: run.folder, encoding: 'utf8' });
    run.check(stdout.trim() !== '' && stderr === '', `${command.trim()}: ${stderr || stdout.split('\n')[0]}`);
  }
}

/** Checks a cell such as "`protogate_errors_total` by `reason`, `route`". */
async function checkMetrics({ query, check }: Run, question: string, cell: string): Promise<void> {
  const [names = '', labels = ''] = cell.split(' by ');
  const wanted = [...labels.matchAll(/`(\w+)`/g)].map(([, label = '']) => label);
  for (const [, text = ''] of names.matchAll(/`([^`]+)`/g)) {
    const isHistogram = text.includes('_duration_seconds') || text === 'protogate_overhead_seconds';
    const found = await query(isHistogram ? `${text}_count` : text);
    const isRight = found.length > 0 && wanted.every((label) => found.some((one) => one[label] !== undefined));
    check(isRight, `${question} metric: ${text} by ${wanted.join(', ') || 'nothing'}: ${found.length} series`);
  }
}
