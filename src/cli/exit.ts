/** Exit codes of every command (the contract): and the error that means "wrong usage". */

export const EXIT_OK = 0;
/** Findings, or the work failed. */
export const EXIT_FAILURE = 1;
export const EXIT_USAGE = 2;

export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export type SetExitCode = (code: number) => void;
