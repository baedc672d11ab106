/** The commands of the demo, for each kind of shell. */
import test from 'ava';
import { callersShell, posixShell } from '../../src/demo/shell.js';

const request = {
  options: ['-X PATCH', `-H 'content-type: application/json'`],
  body: '{"a": 1}',
  urls: [`'http://127.0.0.1:1/v1/a?$fields=b'`],
};

test('a shell of Unix gets export lines, and the body as an argument', (t) => {
  const shell = callersShell({}, 'linux');
  t.is(shell, posixShell);
  t.is(shell.assign('KEY', 'pg_1'), 'export KEY=pg_1');
  t.is(
    shell.curl(request),
    `curl -s -w '\\n' -X PATCH -H 'content-type: application/json' -d '{"a": 1}' 'http://127.0.0.1:1/v1/a?$fields=b'`,
  );
});

test('PowerShell gets its own variables, curl.exe on Windows, and the body on standard input', (t) => {
  const shell = callersShell({ PSModulePath: 'C:\\Modules' }, 'win32');
  t.is(shell.assign('KEY', 'pg_1'), `$KEY = 'pg_1'`);
  t.is(
    shell.curl(request),
    `'{"a": 1}' | curl.exe -s -w '\\n' -X PATCH -H 'content-type: application/json' -d '@-' 'http://127.0.0.1:1/v1/a?$fields=b'`,
  );
  t.is(
    shell.curl({ ...request, options: [], body: undefined }),
    `curl.exe -s -w '\\n' 'http://127.0.0.1:1/v1/a?$fields=b'`,
  );
  t.regex(callersShell({ PSModulePath: '/modules' }, 'linux').curl(request), /^'\{"a": 1\}' \| curl -s /);
});
