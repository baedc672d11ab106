/**
 * The two kinds of shells for which the demo prints commands. The commands need curl 7.68 or newer.
 *
 * bash and zsh:  curl -s -w '\n' -H 'content-type: application/json' -d '{"a": 1}' 'http://…'
 * PowerShell:    '{"a": 1}' | curl -s -w '\n' -H 'content-type: application/json' -d '@-' 'http://…'
 *
 * PowerShell before 7.3 removes the double quotes of an argument, so a body goes to curl's standard input there. `-w '\n'`
 * ends each answer with a line break: the gateway's JSON has none, and the prompt would follow on the same line.
 */

interface CurlRequest {
  /** The options of curl, quoted so that both kinds of shells accept them. */
  readonly options: readonly string[];
  /** A body without single quotes; undefined for a request without a body. */
  readonly body: string | undefined;
  /** The URLs, each in single quotes. */
  readonly urls: readonly string[];
}

export interface Shell {
  /** Returns a command that sets a variable for the commands that follow. */
  assign(name: string, value: string): string;
  curl(request: CurlRequest): string;
}

const CURL = "curl -s -w '\\n'";

/** The shells of Unix: bash, zsh and others. */
export const posixShell: Shell = {
  assign: (name, value) => `export ${name}=${value}`,
  curl: ({ options, body, urls }) =>
    [CURL, ...options, ...(body === undefined ? [] : [`-d '${body}'`]), ...urls].join(' '),
};

/** Returns the syntax of PowerShell. On Windows its `curl` may be another program, so the commands use `curl.exe` there. */
export function powerShell(platform: NodeJS.Platform): Shell {
  const curl = platform === 'win32' ? CURL.replace('curl', 'curl.exe') : CURL;
  return {
    assign: (name, value) => `$${name} = '${value}'`,
    curl: ({ options, body, urls }) =>
      [
        ...(body === undefined ? [curl] : [`'${body}' | ${curl}`]),
        ...options,
        ...(body === undefined ? [] : ["-d '@-'"]),
        ...urls,
      ].join(' '),
  };
}

/**
 * Returns the kind of shell that has started this process. PowerShell sets the variable `PSModulePath` for the processes that
 * it starts.
 */
export function callersShell(env: NodeJS.ProcessEnv, platform: NodeJS.Platform): Shell {
  return env.PSModulePath === undefined ? posixShell : powerShell(platform);
}
