import { createHash, randomBytes } from 'node:crypto';
import { Command } from 'commander';
import { Document, Scalar } from 'yaml';
import { expiryProblem, nameProblem, parseExpiry, scopeProblem } from '../policy/access/key-file.js';
import { EXIT_OK, type SetExitCode, UsageError } from './exit.js';
import { repeatable } from './repeatable.js';

interface KeygenFlags {
  readonly consumer: string;
  readonly plan?: string;
  readonly scope: readonly string[];
  readonly expires?: string;
}

/**
 * The `keygen` command makes an API key. It prints the entry for `keys.yaml` to standard output, so that `>>` can append it to
 * the file, and the key itself to standard error. The key is not stored.
 */
export function keygenCommand(exit: SetExitCode): Command {
  const command = new Command('keygen')
    .requiredOption('--consumer <name>', 'the name of the caller, under which upstreams, rate limits and logs know it')
    .option('--plan <name>', 'the plan with the rate limits of the caller')
    .option(
      '--expires <when>',
      'when the key expires: 2027-01-01 (the start of that day, UTC) or 2027-01-01T12:00:00Z',
    );
  return repeatable(command, '--scope <scope>', 'a scope that the key has')
    .addHelpText(
      'after',
      '\nExample:\n  protogate keygen --consumer acme --plan free --scope orders.read >> keys.yaml' +
        "\n  # a new keys.yaml begins with the line 'keys:'; the entry is added below it",
    )
    .action((flags: KeygenFlags) => {
      refuseWrong(flags);
      // The key has 256 random bits, so it cannot be guessed, and a digest without salt or stretching is enough.
      const key = `pg_${randomBytes(32).toString('base64url')}`;
      process.stdout.write(entryLine(key, flags));
      process.stderr.write(
        `This is the key. It is shown only once and stored nowhere; give it to the client.\n${key}\n`,
      );
      exit(EXIT_OK);
    });
}

function refuseWrong({ consumer, plan, scope, expires }: KeygenFlags): void {
  refuse('--consumer', nameProblem(consumer));
  if (plan !== undefined) refuse('--plan', nameProblem(plan));
  for (const one of scope) refuse('--scope', scopeProblem(one));
  if (expires === undefined) return;
  refuse('--expires', expiryProblem(expires));
  const past = (parseExpiry(expires) ?? 0) <= Date.now();
  refuse('--expires', past ? `expected a time in the future, got ${expires}` : undefined);
}

function refuse(flag: string, problem: string | undefined): void {
  if (problem !== undefined) throw new UsageError(`${flag}: ${problem}`);
}

/** Returns one item of the list in `keys.yaml`, as one line that can be appended to the file. */
function entryLine(key: string, { consumer, plan, scope, expires }: KeygenFlags): string {
  const sha256 = new Scalar(createHash('sha256').update(key).digest('hex'));
  sha256.type = Scalar.QUOTE_DOUBLE;
  const entry = {
    sha256,
    consumer,
    ...(plan === undefined ? {} : { plan }),
    ...(scope.length === 0 ? {} : { scopes: scope }),
    ...(expires === undefined ? {} : { expires }),
  };
  const yaml = new Document(entry).toString({ collectionStyle: 'flow', lineWidth: 0 });
  return `  - ${yaml}`;
}
