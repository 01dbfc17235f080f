import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Keyspace } from '../../../src/core/model/keyspace.js';
import { COMMON_ARGS } from '../../../src/core/store/script-descriptor.js';
import { expectedTypes, scriptKeys } from '../../../src/core/store/script-keys.js';
import { deviceParameters, generatePrelude } from '../../../src/core/store/script-prelude.js';
import {
  DISCONNECT,
  HEARTBEAT_FAST,
  REGISTER,
  SCRIPTS,
  SET_DESIRED,
  SETTLE,
  UNREGISTER,
} from '../../../src/core/store/scripts.js';

const header = (name: string) =>
  readFileSync(`src/core/store/lua/${name}.lua`, 'utf8').split(/^(?!--)/m, 1)[0] ?? '';

/** `-- KEYS   a b | c d` as [[a, b], [c, d]]. */
function declared(name: string, what: 'KEYS' | 'ARGV'): [once: string[], eachDevice: string[]] {
  const line = new RegExp(`^-- ${what} +(.*)$`, 'm').exec(header(name))?.[1] ?? '';
  const [once = '', each = ''] = line.split('|');
  const words = (text: string) => text.split(' ').filter((word) => word !== '');
  return [words(once), words(each)];
}

test('there is a descriptor for each Lua file', () => {
  const files = readdirSync('src/core/store/lua').filter((name) => name.endsWith('.lua'));
  expect(SCRIPTS.map(({ name }) => `${name}.lua`).sort()).toEqual(files.sort());
});

describe.each(SCRIPTS.map((script) => [script.name, script] as const))('%s.lua', (name, script) => {
  test('the header lists the keys of the descriptor', () => {
    expect(declared(name, 'KEYS')).toEqual([script.keys, script.deviceKeys]);
  });

  test('the header lists the arguments of the descriptor after the common arguments', () => {
    expect(declared(name, 'ARGV')).toEqual([[...COMMON_ARGS, ...script.args], script.deviceArgs]);
  });

  test('the header says what the script does, replies and announces', () => {
    const text = header(name);
    expect(text).toMatch(new RegExp(`^-- ${name}: \\w`));
    expect(text).toMatch(/^-- Reply +\S/m);
    expect(text).toMatch(/^-- Events +\S/m);
  });

  test('all includes are replaced', () => {
    expect(script.source).not.toContain('@include');
  });

  const code = script.source.slice(generatePrelude(script).length).replace(/--.*/g, '');

  test('the descriptor declares exactly the commands that the source calls', () => {
    const calls = [...code.matchAll(/\bp?call\('([A-Z]+)'/g)].map(([, command]) => command);
    expect([...new Set(script.commands)].sort()).toEqual([...new Set(calls)].sort());
    expect(code.match(/\bredis\.p?call\((?!'[A-Z]+')/g)).toBeNull();
  });

  test('the source sends the probes if and only if the descriptor declares some', () => {
    expect(code.match(/\bprobeKeys\(\)/g) ?? []).toHaveLength(script.probes.length > 0 ? 1 : 0);
  });

  test('the source uses generated names, not positions of KEYS and ARGV', () => {
    expect(code.match(/\b(KEYS|ARGV)\b/g)).toBeNull();
  });

  test('if it handles many devices, its function for a device has the parameters of the descriptor', () => {
    const handler = /(?<!function )\beachDevice(?:OrSkip)?\((\w+), /.exec(code)?.[1];
    const parameters = new RegExp(`^local function ${handler}\\(([^)]*)\\)`, 'm').exec(code)?.[1];
    expect(parameters?.split(/,\s*/)).toEqual(
      script.devices === 'many' ? deviceParameters(script) : undefined,
    );
  });
});

test('the prelude declares a local for each key and argument', () => {
  const prelude = generatePrelude({ ...UNREGISTER, keys: ['types', 'pulse'] });
  expect(prelude.split('\n').slice(2, 4)).toEqual([
    'local typesKey, pulseKey, stateKey, heartbeatKey, typeKey, reportedHistoryKey, desiredHistoryKey, presenceHistoryKey = ' +
      'KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8]',
    'local testTime, notAfter, permissionCheck, dialectName, channel, logCap, maxFieldBytes, layout, longestTtl, holdTtls, id, deviceType, anyType = ' +
      'ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8], ARGV[9], ARGV[10], ARGV[11], ARGV[12], ARGV[13]',
  ]);
});

test('the prelude asks for each command with the first key of its type, and as many arguments as it needs', () => {
  expect(generatePrelude(SET_DESIRED)).toContain(
    "{'TIME'}, {'GET', KEYS[1]}, {'HMGET', KEYS[2], ''}, {'HSTRLEN', KEYS[2], '', isUnsent = maxFieldBytes == '0'}, " +
      "{'LINDEX', KEYS[3], ''}, {'LTRIM', KEYS[3], '', ''}, {'RPUSH', KEYS[3], '', isUnsent = desiredCap == '0'}, " +
      "{'HSET', KEYS[2], '', ''}, {'PUBLISH', channel, ''}",
  );
});

test('the prelude reads the keys and arguments of each device in turn', () => {
  expect(generatePrelude(HEARTBEAT_FAST)).toContain(
    [
      'local deviceCount = (#ARGV - 11) / 2',
      'local function deviceIterator(handle)',
      '  local KEYS, ARGV, k, a = KEYS, ARGV, 2, 9',
      '  return function()',
      '    k, a = k + 2, a + 2',
      '    return handle(KEYS[k + 1], KEYS[k + 2], ARGV[a + 1], ARGV[a + 2])',
      '  end',
      'end',
    ].join('\n'),
  );
  expect(generatePrelude(DISCONNECT)).not.toContain('deviceCount');
});

test('keys are in the order of the descriptor, those of devices after each other', () => {
  const keys = new Keyspace('n');
  expect(scriptKeys(SETTLE, keys, [{ id: 'a:b' }, { id: 'c' }])).toEqual([
    'n:devices:online',
    'n:devices:activity',
    'n:devices:presence:log',
    'n:devices:pulse',
    'n:devices:layout',
    'n:device:state:a:b',
    'n:device:heartbeat:a:b',
    'n:device:history:presence:a:b',
    'n:device:state:c',
    'n:device:heartbeat:c',
    'n:device:history:presence:c',
  ]);
  expect(scriptKeys(REGISTER, keys, [{ id: 'a', type: 'new', oldType: 'old' }]).slice(4)).toEqual([
    'n:device:state:a',
    'n:devices:type:new',
    'n:devices:type:old',
  ]);
  expect(expectedTypes(SETTLE, 1)).toEqual([
    'set',
    'zset',
    'stream',
    'string',
    'string',
    'hash',
    'string',
    'list',
  ]);
});
