import { readFileSync, statSync } from 'node:fs';
import { Command, Option } from 'commander';
import { formatDiagnostic } from '../base/diagnostic.js';
import { unreadable } from '../base/unreadable.js';
import { type Allowance, AllowanceError, judge, MAX_ALLOW_BYTES, parseAllowances } from '../diff/allowances.js';
import { diff } from '../diff/diff.js';
import type { Finding } from '../diff/finding.js';
import { formatGithub, formatJson, formatText, summaryOf } from '../diff/print.js';
import type { Renames } from '../diff/side.js';
import { type LoadedSide, loadSide, parseSide, type SideArgument } from './diff-side.js';
import { EXIT_FAILURE, EXIT_OK, EXIT_USAGE, type SetExitCode, UsageError } from './exit.js';
import { repeatable } from './repeatable.js';
import { hasErrors } from './schema-options.js';

interface DiffFlags {
  readonly format: 'text' | 'json' | 'github';
  readonly allow?: string;
  readonly import: readonly string[];
  readonly map: readonly string[];
  readonly autoRoutes?: boolean;
  readonly all?: boolean;
  readonly strict?: boolean;
  readonly ignoreErrors?: boolean;
}

const FORMATS = { text: formatText, json: formatJson, github: formatGithub };

/** The `diff` command compares two versions of an API as REST clients see them. */
export function diffCommand(exit: SetExitCode): Command {
  const command = new Command('diff')
    .argument('<old>', 'the old version')
    .argument('<new>', 'the new version')
    .addOption(new Option('--format <format>', 'output format').choices(Object.keys(FORMATS)).default('text'))
    .option('--allow <file>', 'a YAML file with accepted changes and their reasons');
  repeatable(command, '--import <dir>', 'a folder that is searched for imports of both versions');
  repeatable(command, '--map <old=new>', 'a part of paths and packages that has another name in the new version');
  return command
    .option('--auto-routes', 'add the route POST /pkg.Service/Method for each method without a rule')
    .option('--all', 'print safe changes too')
    .option('--strict', 'exit with 1 also on risky changes and on unused entries of --allow')
    .option('--ignore-errors', 'compare what can be loaded if a version has errors')
    .addHelpText(
      'after',
      '\nExamples:\n  protogate diff git:main protos\n  protogate diff git:v1.4.0 protogate.yaml --allow accepted.yaml --format github\n  protogate diff old.binpb new.binpb --map v1beta1=v1',
    )
    .action(async (old: string, now: string, flags: DiffFlags) => exit(await runDiff(old, now, flags)));
}

async function runDiff(oldText: string, newText: string, flags: DiffFlags): Promise<number> {
  const allowances = flags.allow === undefined ? [] : readAllowances(flags.allow);
  const renames = renamesOf(flags.map);
  const [oldArgument, newArgument] = [parseSide(oldText), parseSide(newText)];
  const [oldPath, newPath] = [pathOf(oldArgument, newArgument), pathOf(newArgument, oldArgument)];
  const open: LoadedSide[] = [];
  const close = () => {
    for (const side of open) side.close();
  };
  // A signal must end the process by `exit`, so that its listeners remove the temporary folder of a revision.
  const interrupted = () => process.exit(EXIT_FAILURE);
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  try {
    const old = await loadSide(oldArgument, oldPath, flags);
    open.push(old);
    const now = await loadSide(newArgument, newPath, flags);
    open.push(now);
    if (old.hasConfig !== now.hasConfig) {
      throw new UsageError(
        'expected two config files, or two folders or descriptor sets, got one of each; a config changes the routes of its protos, so compare config with config',
      );
    }
    const isLoaded = [report(old, 'old', flags), report(now, 'new', flags)].every(Boolean);
    if (!isLoaded || old.side === undefined || now.side === undefined) return EXIT_USAGE;
    return printFindings(diff(old.side, now.side, renames).map(placed(old, now)), allowances, flags);
  } finally {
    process.off('SIGINT', interrupted).off('SIGTERM', interrupted);
    close();
  }
}

/** Prints the errors of a side. Returns false if this side cannot be compared. */
function report({ side, diagnostics }: LoadedSide, name: string, { ignoreErrors }: DiffFlags): boolean {
  const errors = diagnostics.filter(({ severity }) => severity === 'error');
  for (const error of errors) process.stderr.write(`${name}: ${formatDiagnostic(error)}\n`);
  if (!hasErrors(errors)) return true;
  if (ignoreErrors === true && side !== undefined) return true;
  const hint = side === undefined ? '' : '; --ignore-errors compares what can be loaded';
  process.stderr.write(`error: the ${name} version has errors${hint}\n`);
  return false;
}

/** Returns a function that replaces the temporary paths in a finding by the paths that users know. */
function placed(old: LoadedSide, now: LoadedSide): (finding: Finding) => Finding {
  return (finding) => ({
    ...finding,
    old: finding.old && old.shown(finding.old),
    new: finding.new && now.shown(finding.new),
  });
}

/** Prints the findings, and returns the exit code. */
function printFindings(findings: readonly Finding[], allowances: readonly Allowance[], flags: DiffFlags): number {
  const judged = judge(findings, allowances);
  const isShown = ({ severity }: Finding) => severity !== 'safe' || flags.all === true || flags.format === 'json';
  process.stdout.write(FORMATS[flags.format](judged.findings.filter(isShown)));
  for (const { change, subject, line } of judged.unused) {
    process.stderr.write(
      `${flags.allow}:${line}: warning: no change is accepted by ${change} of ${subject}; remove the entry\n`,
    );
  }
  process.stderr.write(`${summaryOf(judged.findings)}\n`);
  const open = judged.findings.filter(({ allowed }) => allowed === undefined);
  const breaks = open.some(({ severity }) => severity === 'breaking');
  const isStrict = flags.strict === true;
  const risks = isStrict && (judged.unused.length > 0 || open.some(({ severity }) => severity === 'risky'));
  return breaks || risks ? EXIT_FAILURE : EXIT_OK;
}

function pathOf({ path, text }: SideArgument, other: SideArgument): string {
  const found = path ?? other.path;
  if (found === undefined)
    throw new UsageError(`${text}: expected git:REV:PATH, because the other version has no path either`);
  return found;
}

function renamesOf(texts: readonly string[]): Renames {
  return new Map(
    texts.map((text) => {
      const match = /^([\w.-]+)=([\w.-]+)$/.exec(text);
      if (match === null) throw new UsageError(`--map: expected OLD=NEW, such as v1beta1=v1, got '${text}'`);
      return [match[1]!, match[2]!] as const;
    }),
  );
}

function readAllowances(file: string): readonly Allowance[] {
  try {
    if (statSync(file).size > MAX_ALLOW_BYTES) throw new UsageError(`${file}: expected at most 1 MiB`);
    return parseAllowances(readFileSync(file, 'utf8'));
  } catch (error) {
    if (error instanceof AllowanceError) throw new UsageError(`${file}:${error.line}: ${error.message}`);
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${file}: ${unreadable(error)}`);
  }
}
