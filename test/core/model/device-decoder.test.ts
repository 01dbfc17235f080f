import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodePacked, type PttlReading, recordDecoder } from '../../../src/core/model/device-decoder.js';
import type { FieldName } from '../../../src/core/model/dialect.js';
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

  const decode = (fields: Map<FieldName, string | null>, ttl: PttlReading) =>
    recordDecoder(dialect, [...fields.keys()])('d1', [...fields.values()], ttl);

  test('all fields of a record are decoded', () => {
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

  test('the status depends only on the heartbeat key', () => {
    const status = (pttl: number) => {
      const device = decode(values, { pttl, now: AT });
      return [device.status, device.expiresAt];
    };
    expect(status(-2)).toEqual(['offline', null]);
    expect(status(-1)).toEqual(['online', null]);
    expect(status(0)).toEqual(['online', AT]);
  });

  test('absent fields of a record are decoded as null, 0 or {}', () => {
    expect(decode(new Map(), { pttl: -2, now: AT })).toMatchObject({
      deviceType: null,
      status: 'offline',
      lastSeen: null,
      registeredAt: null,
      presenceSeq: 0,
      presenceAt: null,
      reportedJson: '{}',
      desiredJson: '{}',
      metadataJson: '{}',
      heartbeatTtl: null,
      reportedVersion: 0,
    });
  });
});

test('absent or invalid numbers of the field devstate are 0', () => {
  expect(decodePacked(null)).toEqual([0, 0, 0, 0, 0, 0, 0]);
  expect(decodePacked('1 2 x -4 5')).toEqual([1, 2, 0, 0, 5, 0, 0]);
  fc.assert(
    fc.property(
      fc.string(),
      (text) => decodePacked(text).every((n) => n >= 0) && decodePacked(text).length === 7,
    ),
  );
});
