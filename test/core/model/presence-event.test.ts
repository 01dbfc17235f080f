import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fieldName } from '../../../src/core/model/dialect.js';
import { decodeLogEntry, decodePresenceMessage } from '../../../src/core/model/presence-event.js';
import { DIALECTS } from '../../support/fleet.js';

const AT = 1_700_000_000_123;
const written = { node: '1700000000123', python: '1700000000.123' };

test.each(DIALECTS)('a message of another program in the %s dialect is decoded', (dialect) => {
  const message = `{"type": "presence", "${fieldName(dialect, 'id')}": "a:b", "status": "online", "timestamp": ${written[dialect]}}`;
  expect(decodePresenceMessage(message)).toEqual({
    id: null,
    type: 'presence',
    deviceId: 'a:b',
    deviceType: null,
    status: 'online',
    timestamp: AT,
    seq: null,
    reason: null,
    previousAt: null,
  });
});

test.each([
  '',
  'hello',
  '[]',
  'null',
  '{"type":"presence"}',
  '{"type":"presence","deviceId":"d1"}',
  '{"type":"presence","deviceId":7,"status":"online"}',
  '{"type":"presence","deviceId":"d1","status":"asleep"}',
  '{"type":"alarm","deviceId":"d1","status":"online","timestamp":1}',
])('%s is not a presence event', (message) => {
  expect(decodePresenceMessage(message)).toBeNull();
});

test('the decoders throw for no message and no log entry', () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (message) => void decodePresenceMessage(message)));
  fc.assert(fc.property(fc.array(fc.string()), (flat) => decodeLogEntry('1-0', flat).id === '1-0'));
});

test('a message with a seq is decoded with it; a time that is not a number gives 0', () => {
  const text =
    '{"type":"presence","deviceId":"d1","status":"offline","timestamp":"x","deviceType":"lamp","seq":4,"reason":"timeout"}';
  expect(decodePresenceMessage(text)).toMatchObject({ deviceType: 'lamp', seq: 4, timestamp: 0 });
});

test('all fields of a log entry are decoded', () => {
  const flat = `deviceId a:b deviceType lamp status offline timestamp ${AT} seq 2 reason timeout previous ${AT - 9}`;
  expect(decodeLogEntry('5-1', flat.split(' '))).toEqual({
    id: '5-1',
    type: 'presence',
    deviceId: 'a:b',
    deviceType: 'lamp',
    status: 'offline',
    timestamp: AT,
    seq: 2,
    reason: 'timeout',
    previousAt: AT - 9,
  });
});
