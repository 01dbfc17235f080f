/** The checker of the chaos test accepts a correct log, and finds each kind of error in a wrong one. */
import { describe, expect, test } from 'vitest';
import type { PresenceEvent } from '../../src/core/model/presence-event.js';
import { realTime, withRealTimes } from '../support/chaos/clock-steps.js';
import { type Hold, holdsIn } from '../support/chaos/holds.js';
import { findError, type Operation, withUnansweredWithin } from '../support/chaos/log-checker.js';
import type { ClockStep, RealEvent } from '../support/chaos/times.js';

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
function log(...lines: string[]): RealEvent[] {
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
    const whole = { ...event, seq: i + 1, reason, previousAt, logged: [logged, logged] } as RealEvent;
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
const HOLD: Hold = {
  outage: [2000, 3000],
  lengthMs: 1000,
  certain: [3000, 5200],
  possible: [3000, 5200],
};

test('accepts the events that follow from the operations', () => {
  expect(findError(OPERATIONS, log(...EVENT_LINES), [], [], false)).toBeNull();
  expect(findError(OPERATIONS, log(...EVENT_LINES.slice(0, -1)), [], [], true)).toBeNull();
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
    expect(findError(OPERATIONS, log(...lines), [], [], false)).not.toBeNull();
  });

  test.each([
    ['a timeout before the deadline', 1, 'offline timeout 2000'],
    ['a timeout after the deadline', 1, 'offline timeout 2750'],
    ['a timeout logged before the deadline', 1, 'offline timeout 2500@2200'],
    ['a timeout logged after the next beat', 1, 'offline timeout 2500@5500'],
    ['a wrong reason', 3, 'offline timeout 5500'],
    ['a disconnect at another time', 3, 'offline disconnect 5600'],
    ['a heartbeat that was not sent', 2, 'online heartbeat 4990'],
  ])('%s', (_what, index, line) => {
    expect(findError(OPERATIONS, log(...EVENT_LINES.with(index, line)), [], [], false)).not.toBeNull();
  });

  test('a seq that does not rise by one, and a wrong previousAt', () => {
    const events = log(...EVENT_LINES);
    const [first, second, ...rest] = events as [RealEvent, RealEvent, ...RealEvent[]];
    expect(findError(OPERATIONS, [first, { ...second, seq: 3 }, ...rest], [], [], false)).toContain('seq 3');
    expect(findError(OPERATIONS, [first, { ...second, previousAt: 1 }, ...rest], [], [], false)).toContain(
      '1, not 1000',
    );
  });

  test('a timeout during a hold', () => {
    const held = log(...EVENT_LINES.with(1, 'offline timeout 2500@3800'));
    expect(findError(OPERATIONS, held, [], [], false)).toBeNull();
    expect(findError(OPERATIONS, held, [HOLD], [], false)).not.toBeNull();
    const later = log(...EVENT_LINES.with(1, 'offline timeout 2500@4100')); // held for its TTL
    expect(findError(OPERATIONS, later, [HOLD], [], false)).toBeNull();
    const shorter: Hold = { ...HOLD, outage: [2900, 3000], lengthMs: 100 }; // under an eighth of its TTL
    expect(findError(OPERATIONS, held, [shorter], [], false)).toBeNull();
  });
});

test('accepts an expired device that beats again without events during a hold only', () => {
  const silent = [EVENT_LINES[0], ...EVENT_LINES.slice(3)] as string[];
  const held = OPERATIONS.with(2, beat(5000, 1000, false));
  expect(findError(held, log(...silent), [HOLD], [], false)).toBeNull();
  expect(findError(held, log(...silent), [], [], false)).not.toBeNull();
  expect(findError(OPERATIONS, log(...silent), [HOLD], [], false)).not.toBeNull(); // it says that it was offline
  expect(findError(OPERATIONS, log(...EVENT_LINES), [HOLD], [], false)).toBeNull(); // announced before the hold began
});

test('accepts an unanswered operation as executed or not executed', () => {
  const operations = [beat(1000, 1000, true), unansweredBeat(5000, 5100, 1000)];
  const expired = ['online heartbeat 1000', 'offline timeout 2000'];
  expect(findError(operations, log(...expired), [], [], false)).toBeNull();
  const done = [...expired, 'online heartbeat 5040', 'offline timeout 6040'];
  expect(findError(operations, log(...done), [], [], false)).toBeNull();
  expect(findError(operations, log(...done.with(3, 'offline timeout 6000')), [], [], false)).toBeNull(); // within the tolerance of a deadline read by the audit
  expect(findError(operations, log(...done.with(2, 'online heartbeat 5200')), [], [], false)).not.toBeNull();
  const prolonged = [beat(1000, 1000, true), unansweredBeat(1500, 1700, 1000)];
  expect(
    findError(prolonged, log('online heartbeat 1000', 'offline timeout 2650'), [], [], false),
  ).toBeNull();
  expect(
    findError(prolonged, log('online heartbeat 1000', 'offline timeout 2950'), [], [], false),
  ).not.toBeNull();
});

test('accepts no event of an operation that failed', () => {
  const operations: Operation[] = [
    beat(1000, 1000, true),
    { ...unansweredBeat(5000, 5100, 1000), isFailed: true },
  ];
  const expired = ['online heartbeat 1000', 'offline timeout 2000'];
  expect(findError(operations, log(...expired), [], [], false)).toBeNull();
  const done = [...expired, 'online heartbeat 5040', 'offline timeout 6040'];
  expect(findError(operations, log(...done), [], [], false)).not.toBeNull();
});

test('accepts a heartbeat that was sent again as executed several times until its end', () => {
  const sentAgain = {
    ...unansweredBeat(1000, 2000, 100),
    mayRepeat: true,
    reply: { at: 1990, expiresAt: 2090, wasOffline: null },
  };
  const once = ['online heartbeat 1990', 'offline timeout 2090'];
  expect(findError([sentAgain], log(...once), [], [], false)).toBeNull();
  const twice = ['online heartbeat 1200', 'offline timeout 1300', ...once];
  expect(findError([sentAgain], log(...twice), [], [], false)).toBeNull();
  const late = (at: number) => [...once, `online heartbeat ${at}`, `offline timeout ${at + 100}`];
  expect(findError([sentAgain], log(...late(2500)), [], [], false)).toBeNull(); // within the request timeout
  expect(findError([sentAgain], log(...late(3100)), [], [], false)).not.toBeNull();
  const unanswered = { ...unansweredBeat(1000, 2000, 100), mayRepeat: true };
  expect(findError([unanswered], log(...twice), [], [], false)).toBeNull();
  expect(findError([{ ...unanswered, mayRepeat: false }], log(...twice), [], [], false)).not.toBeNull();
});

test('accepts an operation that a failover may have lost as executed or not executed', () => {
  const shortLog = log(...EVENT_LINES.slice(0, 3), 'offline timeout 6000'); // as if everything after the third heartbeat was lost
  expect(findError(OPERATIONS, shortLog, [], [], false)).not.toBeNull();
  expect(findError(withUnansweredWithin(OPERATIONS, [5499, 6001]), shortLog, [], [], false)).toBeNull();
  expect(
    findError(withUnansweredWithin(OPERATIONS, [5499, 6001]), log(...EVENT_LINES), [], [], false),
  ).toBeNull();
  expect(findError(withUnansweredWithin(OPERATIONS, [6002, 9000]), shortLog, [], [], false)).not.toBeNull();
});

describe('with steps of the clock', () => {
  const HOUR_MS = 3_600_000;
  const step = (byMs: number, at: number): ClockStep => ({ partitions: new Set([0]), byMs, at: [at, at] });
  const forward = [step(HOUR_MS, 1700), step(-HOUR_MS, 3000)];
  const back = [step(-HOUR_MS, 1800), step(HOUR_MS, 3000)];
  const held: Hold = {
    outage: [1600, 1710],
    lengthMs: HOUR_MS,
    certain: [1720, 2900],
    possible: [1700, 5800],
  };
  const operations = [beat(1000, 1000, true), beat(1780, 1000, true)];

  test('a key that expires early makes no timeout before its deadline', () => {
    const gone = ['online heartbeat 1000', 'offline timeout 2000@1740', 'online heartbeat 1780'];
    expect(findError(operations, log(...gone), [], forward, true)).not.toBeNull();
    const silent = ['online heartbeat 1000'];
    const resumed = [beat(1000, 1000, true), beat(1780, 1000, false)];
    expect(findError(resumed, log(...silent), [held], forward, true)).toBeNull();
    expect(findError(operations, log(...silent), [held], forward, true)).not.toBeNull();
  });

  test('a key that expires late may make a timeout from its deadline on', () => {
    const one = [beat(1000, 1000, true), beat(2500, 1000, false)];
    expect(findError(one, log('online heartbeat 1000'), [], back, true)).toBeNull();
    expect(findError(one, log('online heartbeat 1000'), [], [], true)).not.toBeNull();
    const late = log('online heartbeat 1000', 'offline timeout 2700@2900');
    expect(findError(one.slice(0, 1), late, [], back, false)).toBeNull();
    const early = log('online heartbeat 1000', 'offline timeout 1800');
    expect(findError(one.slice(0, 1), early, [], back, false)).not.toBeNull();
  });

  test('an operation without an answer may be done after its end, if the clock was set back meanwhile', () => {
    const late = [unansweredBeat(500, 600, 1000), beat(3000, 1000, false), beat(3500, 1000, false)];
    const events = log('online heartbeat 2500');
    expect(findError(late, events, [], back, true)).toBeNull();
    expect(findError(late, events, [], [], true)).not.toBeNull();
  });

  test('an event whose id is behind was logged between its neighbours', () => {
    const start = 1_700_000_000_000;
    const event = (id: string, reason: string, at: number) =>
      ({ id, deviceId: 'd1', reason, timestamp: start + at, previousAt: null }) as unknown as PresenceEvent;
    const events = [
      event(`${start + HOUR_MS + 50}-0`, 'heartbeat', HOUR_MS + 50),
      event(`${start + HOUR_MS + 50}-1`, 'timeout', 150),
      event(`${start + HOUR_MS + 50}-2`, 'heartbeat', 300),
    ];
    const steps = [step(HOUR_MS, start + 10), step(-HOUR_MS, start + 100)];
    const found = withRealTimes(events, 1, steps, realTime(start));
    expect(found.map(({ timestamp, logged }) => [timestamp, ...logged].map((ms) => ms - start))).toEqual([
      [50, 50, 50],
      [150, 50, 300],
      [300, 300, 300],
    ]);
  });
});

describe('the holds that samples of the pulse show', () => {
  const sample = (at: number, from = 0, to = 0) => ({ sentAt: at, answeredAt: at + 1, from, to });
  const real = (ms: number) => ms;
  const hold = { outage: [150, 200], lengthMs: 50, possible: [100, 4200] };

  test('are certain from the first sample to the last that shows them', () => {
    const samples = [sample(100), sample(300, 150, 200), sample(500, 150, 200), sample(1000)];
    expect(holdsIn(samples, [], real)).toEqual([{ ...hold, certain: [301, 500] }]);
  });

  test('are not certain over a step of the clock, and there are none that end in the future', () => {
    const samples = [sample(100), sample(300, 150, 200), sample(500, 150, 200)];
    const step: ClockStep = { partitions: new Set([0]), byMs: -1000, at: [400, 410] };
    expect(holdsIn(samples, [step], real)).toEqual([{ ...hold, certain: [301, 400] }]);
    expect(holdsIn(samples, [{ ...step, at: [200, 210] }], real)).toEqual([]);
  });
});
