import { describe, expect, test } from 'vitest';
import { readDevice } from '../../../src/core/query/read-devices.js';
import { register } from '../../../src/core/registry/register.js';
import { setDesired } from '../../../src/core/shadow/desired.js';
import { cli, text } from '../../support/cli.js';
import { listen, openFleet, snapshot } from '../../support/fleet.js';
import type { TestBackend } from '../../support/redis.js';
import { APPENDIX_A } from '../../support/rfc7396.js';

export function setDesiredSuite(redis: TestBackend): void {
  const devstate = cli(redis);
  const unreachable = cli('redis://127.0.0.1:1');

  describe('usage errors, reported before anything is sent', () => {
    test.each<[argv: string[], printed: string]>([
      [[], "! devstate: missing required argument 'id'\n! hint: devstate set-desired --help\n"],
      [['d1'], "! devstate: missing required argument 'document'\n! hint: devstate set-desired --help\n"],
      [['d1', '[1]'], '! devstate: expected a JSON object, not an array\n'],
      [['d1', '"s"'], '! devstate: expected a JSON object, not a string\n'],
      [
        ['d1', '5'],
        '! devstate: "5": not KEY=VALUE\n! hint: a document is KEY=VALUE..., a JSON object, @FILE or -\n',
      ],
      [['d1', '{"a":1,}'], "! devstate: bad JSON: Quoted object key expected but got '}' at position 7\n"],
      [['d1', '{"a":1} x'], "! devstate: bad JSON: Expected end of input but got 'x' at position 8\n"],
      [['d1', 'a:=x'], '! devstate: "a:=x": bad JSON: JSON value expected but got \'x\' at position 0\n'],
      [
        ['d1', 'x={a:1}'],
        '! devstate: "x={a:1}": bad JSON: Quoted object key expected but got \'a\' at position 1\n',
      ],
      [['d1', '=1'], '! devstate: "=1": a key must not be empty\n'],
      [['d1', 'a..b=1'], '! devstate: "a..b=1": a key must not be empty\n'],
      [['d1', 'a=1', 'a.b=2'], '! devstate: "a.b=2": "a" already has a value that is not an object\n'],
      [
        ['d1', '{"a":1}', 'b=2'],
        '! devstate: "{\\"a\\":1}" is a whole document and cannot be combined with other arguments\n',
      ],
      [['d1', '@/no/file'], '! devstate: cannot read "/no/file": no such file\n'],
      [
        ['d1', 'a=1', '--if-version', '-1'],
        '! devstate: --if-version: a version is a whole number; 0 means no desired state yet\n',
      ],
      [
        ['d1', 'a=1', '--if-version', 'x'],
        '! devstate: --if-version: a version is a whole number; 0 means no desired state yet\n',
      ],
      [
        ['d1', 'a=1', '--fields', 'patch'],
        '! devstate: no field "patch"; there are deviceId, desiredState, version, changed\n',
      ],
    ])('%j', async (rest, printed) => {
      expect(await unreachable.session(['set-desired', ...rest])).toBe(`${printed}exit 2\n`);
    });
  });

  describe('what it prints', () => {
    test.each<[argv: string, printed: string]>([
      ['set-desired d1 a=1', 'd1 desired version 1\n'],
      ['set-desired two b=1', 'two unchanged\n'],
      ['set-desired two b=1.0', 'two unchanged\n'],
      ['set-desired two c=null', 'two unchanged\n'],
      ['set-desired two b=null', 'two desired version 3\n'],
      ['set-desired d1 a=1 -o name', 'd1\n'],
      [
        'set-desired two a.deep=0.10 --json',
        text`
        {
          "deviceId": "two",
          "desiredState": {
            "b": 1,
            "a": {
              "deep": 0.10
            }
          },
          "version": 3,
          "changed": true
        }
      `,
      ],
      [
        'set-desired two b=1 -o ndjson',
        '{"deviceId":"two","desiredState":{"b":1},"version":2,"changed":false}\n',
      ],
      [
        'set-desired two a=2 --replace -o ndjson',
        '{"deviceId":"two","desiredState":{"a":2},"version":3,"changed":true}\n',
      ],
      [
        'set-desired two {} --replace -o ndjson',
        '{"deviceId":"two","desiredState":{},"version":3,"changed":true}\n',
      ],
      ['set-desired two a=2 --fields version,desiredState.a', 'VERSION   DESIREDSTATE.A\n3         2\n'],
      ['set-desired d1 a=1 --if-version 0', 'd1 desired version 1\n'],
      ['set-desired two a=1 --if-version 2', 'two desired version 3\n'],
      [
        'set-desired two a=1 --if-version 1',
        text`
        ! devstate: device "two" has desired version 2, not 1
        ! hint: devstate get ID shows what it is now
        exit 6
      `,
      ],
      [
        'set-desired two b=1 --if-version 1 -q',
        '! devstate: device "two" has desired version 2, not 1\nexit 6\n',
      ],
      [
        'set-desired two a=1 --if-version 0 --json -q',
        '! {"error":{"code":"CONFLICT","message":"device \\"two\\" has desired version 2, not 0"}}\nexit 6\n',
      ],
      ['set-desired nope a=1 -q', '! devstate: device "nope" is not registered\nexit 3\n'],
      [
        'set-desired d1 {"a":1,"a":2} -o ndjson',
        '{"deviceId":"d1","desiredState":{"a":2},"version":1,"changed":true}\n! duplicate key "a": the last one wins\n',
      ],
    ])('%s', async (argv, printed) => {
      const fleet = await openFleet(redis);
      await register(fleet, 'd1', 'lamp');
      await register(fleet, 'two', 'lamp');
      await setDesired(fleet, 'two', { a: true });
      await setDesired(fleet, 'two', { a: null, b: 1 } as never);
      expect(await devstate.session(argv)).toBe(printed);
    });

    test('reads the document from standard input and from a file', async () => {
      await register(await openFleet(redis), 'd1', 'lamp');
      expect(await devstate.session('set-desired d1 -', { stdin: '\n {"a": 1e400}\n' })).toBe(
        'd1 desired version 1\n',
      );
      expect(await devstate.session('set-desired d1 @test/e2e/fixtures/desired.json -o ndjson')).toBe(
        '{"deviceId":"d1","desiredState":{"a":1e400,"from":"a file"},"version":2,"changed":true}\n',
      );
    });
  });

  describe('what it does', () => {
    test('publishes the whole state, the patch and the version; nothing if nothing changed', async () => {
      await register(await openFleet(redis), 'd1', 'lamp');
      const { heard, settled } = await listen(redis);
      for (const document of [
        '{"a":{"b":1}}',
        'a.c=12345678901234567890',
        'a.c=12345678901234567890',
        'a.b=null',
      ]) {
        await devstate.run(['set-desired', 'd1', document]);
      }
      await settled();
      expect(heard.map(([channel, message]) => [channel, message.replace(/\b\d{13}\b/, 'MS')])).toEqual(
        [
          ['{"a":{"b":1}}', '{"a":{"b":1}}'],
          ['{"a":{"b":1,"c":12345678901234567890}}', '{"a":{"c":12345678901234567890}}'],
          ['{"a":{"c":12345678901234567890}}', '{"a":{"b":null}}'],
        ].map(([whole, patch], i) => [
          'device:d1:commands',
          `{"type":"state_update","desiredState":${whole},"timestamp":MS,"version":${i + 1},"patch":${patch}}`,
        ]),
      );
    });

    test('a conflict writes nothing', async () => {
      const fleet = await openFleet(redis);
      await register(fleet, 'd1', 'lamp');
      await setDesired(fleet, 'd1', { a: true });
      const before = await snapshot(fleet.redis);
      expect((await devstate.run('set-desired d1 a=false --if-version 7')).exit).toBe(6);
      expect(await snapshot(fleet.redis)).toEqual(before);
    });
  });

  describe('RFC 7396, Appendix A', () => {
    test.each(APPENDIX_A)('%s + %s = %s', async (target, patch, result) => {
      const fleet = await openFleet(redis);
      await register(fleet, 'd1', 'lamp');
      // Written directly, because a merge of devstate never leaves a null.
      await fleet.redis.hset(fleet.keys.state('d1'), { desiredState: target });
      const { desiredState } = (await devstate.json(['set-desired', 'd1', patch])) as {
        desiredState: unknown;
      };
      expect(desiredState).toEqual(JSON.parse(result));
      expect((await readDevice(fleet, 'd1')).desiredJson).toBe(result);
    });

    test.each([
      ['["c"]', 'expected a JSON object, not an array'],
      ['"bar"', 'expected a JSON object, not a string'],
      ['null', '"null": not KEY=VALUE'],
    ])('the patch %s is refused', async (patch, message) => {
      const { exit, stderr } = await unreachable.run(['set-desired', 'd1', patch]);
      expect(exit).toBe(2);
      expect(stderr.split('\n')[0]).toBe(`devstate: ${message}`);
    });
  });
}
