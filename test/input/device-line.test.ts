import { describe, expect, it } from 'vitest';
import { parseHeartbeatLine, parseRegisterLine } from '../../src/input/device-line.js';

const silent = () => {};
const refusal = (message: string) =>
  expect.objectContaining({ code: 'USAGE', message: expect.stringContaining(message) });

/** A line of `get -o ndjson`. */
const PRINTED =
  '{"deviceId":"d1","deviceType":"sensor","status":"online","lastSeen":1,"registeredAt":1,"expiresAt":null,"reportedState":{"t":1.10},"desiredState":{},"metadata":{"v":0.10},"reportedVersion":1,"reportedAt":1,"desiredVersion":0,"desiredAt":null,"presenceSeq":1,"presenceAt":1,"heartbeatTtl":null}';

describe('a register line', () => {
  it.each([
    ['{"deviceId":"d1","deviceType":"sensor"}', {}, { id: 'd1', type: 'sensor' }],
    ['{"deviceId":"d1"}', { type: 'gateway' }, { id: 'd1', type: 'gateway' }],
    ['{"deviceId":"d1","deviceType":"sensor"}', { type: 'gateway' }, { id: 'd1', type: 'sensor' }],
    [
      '{"deviceId":"d1","deviceType":"s","metadata":{"n": 1.10, "__proto__": 1},"heartbeatTtl":5000}',
      { ttl: 9 },
      { id: 'd1', type: 's', metadataJson: '{"n":1.10,"__proto__":1}', ttl: 5000 },
    ],
    ['{"deviceId":"d1","deviceType":"s"}', { ttl: 9 }, { id: 'd1', type: 's', ttl: 9 }],
    [PRINTED, {}, { id: 'd1', type: 'sensor', metadataJson: '{"v":0.10}' }],
  ])('%s', (text, defaults, line) => {
    expect(parseRegisterLine(text, defaults, silent)).toStrictEqual(line);
  });

  it.each([
    ['{', 'bad JSON'],
    ['[]', 'expected a JSON object'],
    ['{}', 'no deviceType'],
    ['{"deviceType":"s"}', 'no deviceId'],
    ['{"deviceId":7,"deviceType":"s"}', 'deviceId must be a string, not a number'],
    ['{"deviceId":"","deviceType":"s"}', 'must not be empty'],
    ['{"deviceId":"d1","deviceType":"s","metadata":[]}', 'metadata must be an object, not an array'],
    ['{"deviceId":"d1","deviceType":"s","heartbeatTtl":"5s"}', 'heartbeatTtl must be a number'],
    ['{"deviceId":"d1","deviceType":"s","heartbeatTtl":0}', 'at least 1 ms'],
    ['{"deviceId":"d1","deviceType":"s","heartbeatTtl":1e400}', 'whole number of milliseconds'],
    ['{"deviceId":"d1","deviceType":"s","merge":true}', 'unknown field "merge"'],
    ['{"deviceId":"d1","deviceType":"s","__proto__":1}', 'unknown field "__proto__"'],
    ['{"id":"d1"}', 'unknown field "id"'],
  ])('%s is refused', (text, message) => {
    expect(() => parseRegisterLine(text, {}, silent)).toThrowError(refusal(message));
  });
});

describe('a heartbeat line', () => {
  it.each([
    ['{"deviceId":"d1"}', {}, { id: 'd1' }],
    ['{"deviceId":"d1"}', { ttl: 9, merge: true }, { id: 'd1', ttl: 9 }],
    [
      '{"deviceId":"d1","reportedState":{"t":1e3},"merge":false,"heartbeatTtl":1}',
      { ttl: 9, merge: true },
      { id: 'd1', reportedJson: '{"t":1e3}', ttl: 1 },
    ],
    [PRINTED, {}, { id: 'd1', reportedJson: '{"t":1.10}' }],
  ])('%s', (text, defaults, line) => {
    expect(parseHeartbeatLine(text, defaults, silent)).toStrictEqual(line);
  });

  it.each([
    ['{"deviceId":"d1","merge":1}', 'merge must be true or false, not a number'],
    ['{"deviceId":"d1","reportedState":"x"}', 'reportedState must be an object, not a string'],
    ['{"deviceId":"d1","ttl":1}', 'unknown field "ttl"'],
    ['{"deviceId":"-"}', '"-" is not a device id'],
  ])('%s is refused', (text, message) => {
    expect(() => parseHeartbeatLine(text, {}, silent)).toThrowError(refusal(message));
  });

  it('prints a notice for duplicate keys', () => {
    const notices: string[] = [];
    parseHeartbeatLine('{"deviceId":"a","deviceId":"b"}', {}, (notice) => notices.push(notice));
    expect(notices).toEqual(['duplicate key "deviceId": the last one wins']);
  });
});
