/** The exit codes of all commands, and the error for wrong usage. */

export const EXIT_OK = 0;
/** The command has found problems, or has failed. */
export const EXIT_FAILURE = 1;
export const EXIT_USAGE = 2;

export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export type SetExitCode = (code: number) => void;
