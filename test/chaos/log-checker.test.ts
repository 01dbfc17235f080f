/** The checker of the chaos test accepts a correct log, and finds each kind of error in a wrong one. */
import { describe, expect, test } from 'vitest';
import type { PresenceEvent } from '../../src/core/model/presence-event.js';
import { holdsIn } from '../support/chaos/hold-recorder.js';
import { findError, type Hold, type Operation, withUnansweredWithin } from '../support/chaos/log-checker.js';

const beat = (at: number, ttl: number, wasOffline: boolean): Operation => ({
  kind: 'beat',
  ttl,
  mayRepeat: false,
  sent: at - 1,
  done: at + 1,
  isFailed: false,
  reply: { at, expiresAt: at + ttl, wasOffline },
});
const unansweredBeat = (sent: number, done: number, ttl: number): Extract<Operation, { kind: 'beat' }> => ({
  kind: 'beat',
  ttl,
  mayRepeat: false,
  sent,
  done,
  isFailed: false,
});
const disconnect = (at: number, wasOnline: boolean): Operation => ({
  kind: 'disconnect',
  sent: at - 1,
  done: at + 1,
  isFailed: false,
  reply: { wasOnline },
});

/** Events from lines like `online heartbeat 1000` or, if logged later than it happened, `online heartbeat 1000@1200`. */
function log(...lines: string[]): PresenceEvent[] {
  let previousAt: number | null = null;
  return lines.map((line, i) => {
    const [status, reason, when = ''] = line.split(' ') as [
      PresenceEvent['status'],
      PresenceEvent['reason'],
      string,
    ];
    const [timestamp = 0, logged = timestamp] = when.split('@').map(Number);
    const event = {
      id: `${logged}-0`,
      type: 'presence',
      deviceId: 'd1',
      deviceType: 'lamp',
      status,
      timestamp,
    };
    const whole = { ...event, seq: i + 1, reason, previousAt } as PresenceEvent;
    previousAt = timestamp;
    return whole;
  });
}

/** A device that beats, expires, beats, disconnects, beats and expires. */
const OPERATIONS = [
  beat(1000, 1000, true),
  beat(1500, 1000, false),
  beat(5000, 1000, true),
  disconnect(5500, true),
  beat(6000, 1000, true),
];
const EVENT_LINES = [
  'online heartbeat 1000',
  'offline timeout 2500',
  'online heartbeat 5000',
  'offline disconnect 5500',
  'online heartbeat 6000',
  'offline timeout 7000',
];
const HOLD: Hold = { certain: [3000, 5200], possible: [3000, 5200] };

test('accepts the events that follow from the operations', () => {
  expect(findError(OPERATIONS, log(...EVENT_LINES), [], false)).toBeNull();
  expect(findError(OPERATIONS, log(...EVENT_LINES.slice(0, -1)), [], true)).toBeNull();
});

describe('finds', () => {
  test.each([
    ['a missing pair', [0, 3, 4, 5]],
    ['a missing pair at the end', [0, 1, 2, 3]],
    ['a missing last event', [0, 1, 2, 3, 4]],
    ['an extra pair', [0, 1, 2, 1, 2, 3, 4, 5]],
    ['a doubled event', [0, 1, 1, 2, 3, 4, 5]],
    ['an empty log', []],
  ])('%s', (_what, indexes) => {
    const lines = indexes.map((index) => EVENT_LINES[index] as string);
    expect(findError(OPERATIONS, log(...lines), [], false)).not.toBeNull();
  });

  test.each([
    ['a timeout before the deadline', 1, 'offline timeout 2000'],
    ['a timeout after the deadline', 1, 'offline timeout 2700'],
    ['a timeout logged before the deadline', 1, 'offline timeout 2500@2200'],
    ['a timeout logged after the next beat', 1, 'offline timeout 2500@5500'],
    ['a wrong reason', 3, 'offline timeout 5500'],
    ['a disconnect at another time', 3, 'offline disconnect 5600'],
    ['a heartbeat that was not sent', 2, 'online heartbeat 4990'],
  ])('%s', (_what, index, line) => {
    expect(findError(OPERATIONS, log(...EVENT_LINES.with(index, line)), [], false)).not.toBeNull();
  });

  test('a seq that does not rise by one, and a wrong previousAt', () => {
    const events = log(...EVENT_LINES);
    const [first, second, ...rest] = events as [PresenceEvent, PresenceEvent, ...PresenceEvent[]];
    expect(findError(OPERATIONS, [first, { ...second, seq: 3 }, ...rest], [], false)).toContain('seq 3');
    expect(findError(OPERATIONS, [first, { ...second, previousAt: 1 }, ...rest], [], false)).toContain(
      '1, not 1000',
    );
  });

  test('a timeout during a hold', () => {
    const held = EVENT_LINES.with(1, 'offline timeout 2500@4000');
    expect(findError(OPERATIONS, log(...held), [], false)).toBeNull();
    expect(findError(OPERATIONS, log(...held), [HOLD], false)).not.toBeNull();
  });
});

test('accepts an expired device that beats again without events during a hold only', () => {
  const silent = [EVENT_LINES[0], ...EVENT_LINES.slice(3)] as string[];
  expect(findError(OPERATIONS, log(...silent), [HOLD], false)).toBeNull();
  expect(findError(OPERATIONS, log(...silent), [], false)).not.toBeNull();
  expect(findError(OPERATIONS, log(...EVENT_LINES), [HOLD], false)).toBeNull(); // announced before the hold began
});

test('accepts an unanswered operation as executed or not executed', () => {
  const operations = [beat(1000, 1000, true), unansweredBeat(5000, 5100, 1000)];
  const expired = ['online heartbeat 1000', 'offline timeout 2000'];
  expect(findError(operations, log(...expired), [], false)).toBeNull();
  const done = [...expired, 'online heartbeat 5040', 'offline timeout 6040'];
  expect(findError(operations, log(...done), [], false)).toBeNull();
  expect(findError(operations, log(...done.with(3, 'offline timeout 6000')), [], false)).toBeNull(); // within the tolerance of a deadline read by the audit
  expect(findError(operations, log(...done.with(2, 'online heartbeat 5200')), [], false)).not.toBeNull();
  const prolonged = [beat(1000, 1000, true), unansweredBeat(1500, 1700, 1000)];
  expect(findError(prolonged, log('online heartbeat 1000', 'offline timeout 2650'), [], false)).toBeNull();
  expect(
    findError(prolonged, log('online heartbeat 1000', 'offline timeout 2900'), [], false),
  ).not.toBeNull();
});

test('accepts no event of an operation that failed', () => {
  const operations: Operation[] = [
    beat(1000, 1000, true),
    { ...unansweredBeat(5000, 5100, 1000), isFailed: true },
  ];
  const expired = ['online heartbeat 1000', 'offline timeout 2000'];
  expect(findError(operations, log(...expired), [], false)).toBeNull();
  const done = [...expired, 'online heartbeat 5040', 'offline timeout 6040'];
  expect(findError(operations, log(...done), [], false)).not.toBeNull();
});

test('accepts a heartbeat that was sent again as executed several times until its end', () => {
  const sentAgain = {
    ...unansweredBeat(1000, 2000, 100),
    mayRepeat: true,
    reply: { at: 1990, expiresAt: 2090, wasOffline: null },
  };
  const once = ['online heartbeat 1990', 'offline timeout 2090'];
  expect(findError([sentAgain], log(...once), [], false)).toBeNull();
  const twice = ['online heartbeat 1200', 'offline timeout 1300', ...once];
  expect(findError([sentAgain], log(...twice), [], false)).toBeNull();
  const late = [...once, 'online heartbeat 2500', 'offline timeout 2600'];
  expect(findError([sentAgain], log(...late), [], false)).not.toBeNull();
  const unanswered = { ...unansweredBeat(1000, 2000, 100), mayRepeat: true };
  expect(findError([unanswered], log(...twice), [], false)).toBeNull();
  expect(findError([{ ...unanswered, mayRepeat: false }], log(...twice), [], false)).not.toBeNull();
});

test('accepts an operation that a failover may have lost as executed or not executed', () => {
  const shortLog = log(...EVENT_LINES.slice(0, 3), 'offline timeout 6000'); // as if everything after the third heartbeat was lost
  expect(findError(OPERATIONS, shortLog, [], false)).not.toBeNull();
  expect(findError(withUnansweredWithin(OPERATIONS, [5499, 6001]), shortLog, [], false)).toBeNull();
  expect(
    findError(withUnansweredWithin(OPERATIONS, [5499, 6001]), log(...EVENT_LINES), [], false),
  ).toBeNull();
  expect(findError(withUnansweredWithin(OPERATIONS, [6002, 9000]), shortLog, [], false)).not.toBeNull();
});

describe('the holds that samples of the pulse show', () => {
  const sample = (at: number, holdUntil: number) => ({ sentAt: at, answeredAt: at + 1, holdUntil });

  test('are certain from the sample that shows them first to their end', () => {
    expect(holdsIn([sample(100, 0), sample(300, 900), sample(500, 900), sample(1000, 900)], [])).toEqual([
      { certain: [301, 900], possible: [100, 900] },
    ]);
  });

  test('begin with the outage between two samples', () => {
    const outage = { began: [120, 140] as const, ended: 280 };
    expect(holdsIn([sample(100, 0), sample(300, 900)], [outage])).toEqual([
      { certain: [140, 900], possible: [120, 900] },
    ]);
  });

  test('that a failover lost are certain up to the last sample that shows them', () => {
    expect(holdsIn([sample(100, 0), sample(300, 900), sample(500, 900), sample(700, 0)], [])).toEqual([
      { certain: [301, 500], possible: [100, 900] },
    ]);
  });
});
