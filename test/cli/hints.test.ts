/** Every reason of an error has a hint for the command line's user, and no text of the library names a command or option. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { hintFor } from '../../src/cli/hints.js';
import { commands } from '../../src/commands/index.js';
import type { ErrorReason } from '../../src/core/model/error-reasons.js';
import { DevstateError, deviceError } from '../../src/core/model/errors.js';

const REASONS = 'src/core/model/error-reasons.ts';
/** Its texts are arguments of redis-server. */
const REDIS_SERVER_ARGUMENTS = 'src/redis/private-server.ts';

const libraryFiles = ['src/core', 'src/redis', 'src/library'].flatMap((folder) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => join(folder, file)),
);
const reasons = literalsOf(readFileSync(REASONS, 'utf8'), 'ErrorReason');

describe('a reason', () => {
  test('is one of those that were read from the source', () => {
    expect(reasons.length).toBeGreaterThan(40);
    expect(reasons).toContain('NOT_REGISTERED' satisfies ErrorReason);
  });

  test.each(reasons)('%s has a hint of one line', (reason) => {
    expect(hintFor(errorWith(reason))).toMatch(/^\S.*\S$/);
  });

  test('is given to at least one error', () => {
    const givers = libraryFiles.filter((file) => file !== REASONS);
    const given = new Set(givers.flatMap((file) => literalsOf(source(file))));
    expect(reasons.filter((reason) => !given.has(reason))).toEqual([]);
  });
});

describe('the hint', () => {
  test('of the error itself comes before that of its reason', () => {
    const error = new DevstateError('USAGE', 'bad', { reason: 'READ_ONLY', hint: 'do this' });
    expect(hintFor(error)).toBe('do this');
  });

  test('is undefined without a reason', () => {
    expect(hintFor(new DevstateError('INTERNAL', 'bad'))).toBeUndefined();
  });

  test.each<[ErrorReason, DevstateError['details'], string]>([
    ['REGISTERED_LATER', { registeredAt: 0 }, 'it was registered at 1970-01-01T00:00:00.000Z'],
    [
      'BROKEN_DOCUMENT',
      { deviceId: 'd1' },
      'redis-cli HGETALL device:state:d1 shows what another program wrote',
    ],
    ['TLS_EXPECTED', { isCluster: false }, 'for a port with TLS use rediss://'],
    ['TLS_EXPECTED', { isCluster: true }, 'for a port with TLS use rediss-cluster://'],
  ])('of %s contains the details %o', (reason, details, hint) => {
    const error = new DevstateError('CONNECTION', 'bad', { reason, details });
    expect(hintFor(error)).toBe(hint);
    expect(hintFor(deviceError('d1', error))).toBe(hint);
  });
});

describe('texts of the library', () => {
  const names = commands.map(({ name }) => name).join('|');
  const commandLine = new RegExp(`--[a-z]|\\bdevstate (${names})\\b`);

  test('the search finds commands and options in each kind of literal', () => {
    const planted = `f('devstate get', "--url", \`use --url\`, \`\${a} --url \${b} devstate init\`, 'than devstate keeps')`;
    expect(literalsOf(planted).filter((text) => commandLine.test(text))).toEqual([
      'devstate get',
      '--url',
      'use --url',
      ' --url ',
      ' devstate init',
    ]);
  });

  test.each(libraryFiles.filter((file) => file !== REDIS_SERVER_ARGUMENTS))(
    '%s names no command or option',
    (file) => {
      expect(literalsOf(source(file)).filter((text) => commandLine.test(text))).toEqual([]);
    },
  );

  test('no error has a hint of its own', () => {
    expect(hasHint("usageError(f('a'), 'b')")).toBe(true);
    expect(hasHint("new DevstateError('USAGE', 'a', { hint: 'b' })")).toBe(true);
    expect(libraryFiles.filter((file) => hasHint(source(file)))).toEqual([]);
  });
});

function errorWith(reason: string): DevstateError {
  const details = { registeredAt: 0, deviceId: 'd1', isCluster: false };
  return new DevstateError('USAGE', 'bad', { reason: reason as ErrorReason, details });
}

function source(file: string): string {
  return readFileSync(file, 'utf8');
}

/** The texts of all string literals and parts of templates. @param typeName only of the type of this name */
function literalsOf(text: string, typeName?: string): string[] {
  const isNamed = (node: ts.Node) => ts.isTypeAliasDeclaration(node) && node.name.text === typeName;
  return ts
    .createSourceFile('file.ts', text, ts.ScriptTarget.Latest)
    .statements.filter((statement) => typeName === undefined || isNamed(statement))
    .flatMap(nodesOf)
    .flatMap((node) => (ts.isStringLiteral(node) || ts.isTemplateLiteralToken(node) ? [node.text] : []));
}

/** Whether an object has a property `hint`, or `usageError` is called with one. */
function hasHint(text: string): boolean {
  return nodesOf(ts.createSourceFile('file.ts', text, ts.ScriptTarget.Latest)).some((node) =>
    ts.isCallExpression(node)
      ? ts.isIdentifier(node.expression) && node.expression.text === 'usageError' && node.arguments.length > 1
      : ts.isPropertyAssignment(node) && ts.isIdentifier(node.name) && node.name.text === 'hint',
  );
}

/** The node and all below it. */
function nodesOf(node: ts.Node): ts.Node[] {
  const children: ts.Node[] = [];
  node.forEachChild((child) => void children.push(child));
  return [node, ...children.flatMap(nodesOf)];
}
