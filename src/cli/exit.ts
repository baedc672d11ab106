/** The exit codes of all commands, and the error for wrong usage. */

export const EXIT_OK = 0;
/** The exit code of a command that has found problems, or that has failed. */
export const EXIT_FAILURE = 1;
export const EXIT_USAGE = 2;

export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export type SetExitCode = (code: number) => void;
