/** Namespaces: none can make a key that a device id of another fleet also makes, and every way to give one checks it. */
import { Redis } from 'ioredis';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Keyspace } from '../../../src/core/model/keyspace.js';
import { validNamespace } from '../../../src/core/model/namespace.js';
import { DeviceStateManager, OfflineDetector } from '../../../src/index.js';

const RESERVED = ['device', 'devices', 'device:state', 'a:device', 'a:devices:b', 'device:heartbeat:x'];
const REFUSED = [
  ...RESERVED,
  ...['{a}', 'a{', '}a', 'a b', ' ', 'a:', ':', 'a\nb', 'a\u0085', 'a\ud83d'],
  7 as unknown as string,
];

test.each(['acme', 'acme:eu', 'Device', 'devices2', 'my-device', 'a*b', 'é', ':a'])('%s is valid', (name) => {
  expect(validNamespace(name)).toBe(name);
});

test.each(REFUSED)('%j is refused', (name) => {
  expect(() => validNamespace(name)).toThrow(expect.objectContaining({ code: 'USAGE' }));
});

test('with the segment "device" two fleets would have the same key', () => {
  expect(new Keyspace('device:state').state('x')).toBe(new Keyspace().state('device:state:x'));
});

describe.each(REFUSED)('the library is given %j', (namespace) => {
  test.each([DeviceStateManager, OfflineDetector])('%o refuses it', (Class) => {
    const client = new Redis({ lazyConnect: true });
    onTestFinished(() => client.disconnect());
    expect(() => new Class(client, { namespace })).toThrow(expect.objectContaining({ code: 'USAGE' }));
  });
});
