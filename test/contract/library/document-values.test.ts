/**
 * Values of callers that are not JSON: each is refused with USAGE and its path, in every method that takes a document,
 * and nothing is stored. JSON.stringify would make null of many of them, which in a merge deletes a key.
 */
import { beforeEach, describe, expect, test } from 'vitest';
import { DeviceStateManager } from '../../../src/index.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();
let manager: DeviceStateManager;

beforeEach(async () => {
  manager = new DeviceStateManager(await redis.client());
  await manager.registerDevice('b', 'lamp', { kept: 1 });
  await manager.deviceHeartbeat('b', { kept: 1 });
  await manager.setDesiredState('b', { kept: 1 });
});

const INVALID_DATE = new Date('no date');
const circular: { a: object } = { a: {} };
circular.a = circular;
const deep = (levels: number): object => (levels === 1 ? { v: 1 } : { v: deep(levels - 1) });

/** Values of a key `kept`, with the rest of the error's message. */
const WRONG: [name: string, value: unknown, message: string][] = [
  ['NaN, as of Number("21,5")', Number('21,5'), 'at "kept": NaN is not JSON'],
  ['Infinity', Number.POSITIVE_INFINITY, 'at "kept": Infinity is not JSON'],
  ['an invalid Date', INVALID_DATE, 'at "kept": an invalid Date is not JSON'],
  ['an object whose toJSON returns null', { toJSON: () => null }, 'at "kept": a value of the type Object'],
  ['an object whose toJSON returns NaN', { toJSON: () => Number.NaN }, 'at "kept": NaN is not JSON'],
  [
    'an object whose toJSON returns undefined',
    { toJSON: () => undefined },
    'at "kept": undefined is not JSON',
  ],
  ['undefined in an array', [1, undefined], 'at "kept.1": undefined is not JSON'],
  ['a hole in an array', new Array(2), 'at "kept.0": undefined is not JSON'],
  ['NaN in an array in an object', { x: [[Number.NaN]] }, 'at "kept.x.0.0": NaN is not JSON'],
  ['a function', () => 1, 'at "kept": a value of the type function is not JSON'],
  ['a symbol', Symbol('s'), 'at "kept": a value of the type symbol is not JSON'],
  ['a Map', new Map([['a', 1]]), 'at "kept": a value of the type Map is not JSON'],
  ['a Set', new Set([1]), 'at "kept": a value of the type Set is not JSON'],
  ['a regular expression', /a/, 'at "kept": a value of the type RegExp is not JSON'],
  ['an error', new Error('e'), 'at "kept": a value of the type Error is not JSON'],
  ['a boxed number', new Number(Number.NaN), 'at "kept": a value of the type Number is not JSON'],
  ['a promise', Promise.resolve(1), 'at "kept": a value of the type Promise is not JSON'],
  ['bytes', new Uint8Array(2), 'at "kept": a value of the type Uint8Array is not JSON'],
  ['a value inside itself', circular, 'at "kept.a": it is inside itself'],
  ['33 levels', deep(32), ': nested too deeply'],
  ['5,000 levels', deep(5000), ': nested too deeply'],
  ['half a character', 'a\ud83d', 'half a character'],
  ['half a character in a key', { '\ud83d': 1 }, 'half a character'],
  [
    'a getter that throws',
    Object.defineProperty({}, 'x', { enumerable: true, get: () => fail() }),
    'it is broken',
  ],
  [
    'an object whose toJSON throws null',
    {
      toJSON() {
        throw null;
      },
    },
    'reading it failed',
  ],
  ['a revoked proxy', revokedProxy(), 'proxy'],
];

function fail(): never {
  throw new Error('it is broken');
}

function revokedProxy(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

test.each(WRONG)('%s is refused', async (_name, value, message) => {
  const document = { kept: value };
  const calls = [
    manager.registerDevice('b', 'lamp', document),
    manager.deviceHeartbeat('b', document),
    manager.deviceHeartbeat('b', document, { merge: true }),
    manager.setDesiredState('b', document),
    manager.setDesiredState('b', document, { replace: true }),
    manager.registerDevices([{ deviceId: 'b', deviceType: 'lamp', metadata: document }]).then(rejectFirst),
    manager.deviceHeartbeats([{ deviceId: 'b', reportedState: document, merge: true }]).then(rejectFirst),
  ];
  const refusal = { code: 'USAGE', message: expect.stringContaining(message) };
  await Promise.all(calls.map((call) => expect(call).rejects.toMatchObject(refusal)));
  expect(await manager.getDeviceState('b')).toMatchObject({
    metadataJson: '{"kept":1}',
    reportedJson: '{"kept":1}',
    desiredJson: '{"kept":1}',
    reportedVersion: 1,
    desiredVersion: 1,
  });
});

function rejectFirst([result]: readonly unknown[]): void {
  throw result;
}

test.each([[Number.NaN], [0], [''], [false]])('%j in place of a document is refused', async (value) => {
  const document = value as unknown as object;
  await expect(manager.registerDevice('b', 'lamp', document)).rejects.toMatchObject({ code: 'USAGE' });
  await expect(manager.deviceHeartbeat('b', document)).rejects.toMatchObject({ code: 'USAGE' });
  await expect(manager.deviceHeartbeat('b', document, { merge: true })).rejects.toMatchObject({
    code: 'USAGE',
  });
});

test('a revoked proxy in place of a document is refused', async () => {
  await expect(manager.setDesiredState('b', revokedProxy())).rejects.toMatchObject({ code: 'USAGE' });
});

describe('what JSON can hold is stored', () => {
  class Reading {
    t = 1;
    #secret = 2;
    get secret() {
      return this.#secret;
    }
  }
  test.each<[value: unknown, json: string]>([
    [null, '{}'],
    [undefined, '{}'],
    [{ a: undefined, b: 1 }, '{"v":{"b":1}}'],
    [[null, [], {}], '{"v":[null,[],{}]}'],
    [new Date(0), '{"v":"1970-01-01T00:00:00.000Z"}'],
    [new Reading(), '{"v":{"t":1}}'],
    [Object.create(null), '{"v":{}}'],
    [JSON.parse('{"__proto__":1}'), '{"v":{"__proto__":1}}'],
    [12345678901234567890n, '{"v":12345678901234567890}'],
    [-0, '{"v":0}'],
    [1e21, '{"v":1e+21}'],
    [5e-324, '{"v":5e-324}'],
    ['\ud83d\ude00\ufffd', '{"v":"\ud83d\ude00\ufffd"}'],
    [deep(31), JSON.stringify({ v: deep(31) })],
  ])('%o', async (value, json) => {
    await manager.registerDevice('c', 'lamp');
    expect((await manager.setDesiredState('c', { v: value })).desiredJson).toBe(json);
  });

  test('the same object twice, beside itself', async () => {
    const part = { a: 1 };
    await manager.deviceHeartbeat('b', { x: part, y: [part, part] });
    expect((await manager.getDeviceState('b'))?.reportedJson).toBe('{"x":{"a":1},"y":[{"a":1},{"a":1}]}');
  });
});
