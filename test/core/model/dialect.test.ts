import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decodeInstant,
  decodeLogEntry,
  decodePacked,
  decodePresenceMessage,
  dialectOrder,
  type FieldName,
  fieldName,
  type Liveness,
  recordDecoder,
} from '../../../src/core/model/dialect.js';
import { DIALECTS } from '../../support/fleet.js';

const AT = 1_700_000_000_123;
const written = { node: '1700000000123', python: '1700000000.123' };

describe.each(DIALECTS)('the %s dialect', (dialect) => {
  const values = new Map<FieldName, string | null>([
    ['type', 'lamp'],
    ['lastSeen', written[dialect]],
    ['registered', written[dialect]],
    ['reported', '{"on":true}'],
    ['desired', '{"on":false}'],
    ['metadata', ''],
    ['devstate', `3 ${AT} 2 ${AT - 1} 5 ${AT - 2} 30000`],
  ]);

  const decode = (fields: Map<FieldName, string | null>, liveness: Liveness) =>
    recordDecoder(dialect, [...fields.keys()])('d1', [...fields.values()], liveness);

  test('reads a record', () => {
    expect(decode(values, { pttl: 500, now: AT })).toEqual({
      deviceId: 'd1',
      deviceType: 'lamp',
      status: 'online',
      lastSeen: AT,
      registeredAt: AT,
      expiresAt: AT + 500,
      reportedJson: '{"on":true}',
      desiredJson: '{"on":false}',
      metadataJson: '{}',
      reportedVersion: 3,
      reportedAt: AT,
      desiredVersion: 2,
      desiredAt: AT - 1,
      presenceSeq: 5,
      presenceAt: AT - 2,
      heartbeatTtl: 30_000,
    });
  });

  test('takes the status from the heartbeat key alone', () => {
    const status = (pttl: number) => {
      const device = decode(values, { pttl, now: AT });
      return [device.status, device.expiresAt];
    };
    expect(status(-2)).toEqual(['offline', null]);
    expect(status(-1)).toEqual(['online', null]);
    expect(status(0)).toEqual(['online', AT]);
  });

  test('reads a record that others left incomplete', () => {
    expect(decode(new Map(), { pttl: -2, now: AT })).toMatchObject({
      ...{
        deviceType: null,
        status: 'offline',
        lastSeen: null,
        registeredAt: null,
        presenceSeq: 0,
        presenceAt: null,
      },
      ...{
        reportedJson: '{}',
        desiredJson: '{}',
        metadataJson: '{}',
        heartbeatTtl: null,
        reportedVersion: 0,
      },
    });
  });

  test('reads instants in its unit, and what is none as never', () => {
    expect(decodeInstant(dialect, written[dialect])).toBe(AT);
    for (const text of ['0', '', null, undefined, '-5', 'soon', 'NaN', '1e400']) {
      expect(decodeInstant(dialect, text)).toBeNull();
    }
  });

  test('reads another program’s presence message', () => {
    const message = `{"type": "presence", "${fieldName(dialect, 'id')}": "a:b", "status": "online", "timestamp": ${written[dialect]}}`;
    expect(decodePresenceMessage(message)).toEqual({
      ...{ id: null, type: 'presence', deviceId: 'a:b', deviceType: null, status: 'online', timestamp: AT },
      ...{ seq: null, reason: null, previousAt: null },
    });
  });
});

test('a record is looked for in the fleet’s dialect first', () => {
  expect(dialectOrder('node')).toEqual(['node', 'python']);
  expect(dialectOrder('python')).toEqual(['python', 'node']);
});

test('the packed field: absent or broken parts are 0', () => {
  expect(decodePacked(null)).toEqual([0, 0, 0, 0, 0, 0, 0]);
  expect(decodePacked('1 2 x -4 5')).toEqual([1, 2, 0, 0, 5, 0, 0]);
  fc.assert(
    fc.property(
      fc.string(),
      (text) => decodePacked(text).every((n) => n >= 0) && decodePacked(text).length === 7,
    ),
  );
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
])('%s is no presence message', (message) => {
  expect(decodePresenceMessage(message)).toBeNull();
});

test('no message and no log entry makes the decoders fail', () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (message) => void decodePresenceMessage(message)));
  fc.assert(fc.property(fc.array(fc.string()), (flat) => decodeLogEntry('1-0', flat).id === '1-0'));
});

test('a message of devstate carries its seq; its time may be unknown', () => {
  const text =
    '{"type":"presence","deviceId":"d1","status":"offline","timestamp":"x","deviceType":"lamp","seq":4,"reason":"timeout"}';
  expect(decodePresenceMessage(text)).toMatchObject({ deviceType: 'lamp', seq: 4, timestamp: 0 });
});

test('a log entry has the same fields in every dialect', () => {
  const flat = `deviceId a:b deviceType lamp status offline timestamp ${AT} seq 2 reason timeout previous ${AT - 9}`;
  expect(decodeLogEntry('5-1', flat.split(' '))).toEqual({
    ...{ id: '5-1', type: 'presence', deviceId: 'a:b', deviceType: 'lamp', status: 'offline', timestamp: AT },
    ...{ seq: 2, reason: 'timeout', previousAt: AT - 9 },
  });
});
