/** The chaos test is worth what its checker notices. */
import { describe, expect, test } from 'vitest';
import type { PresenceEvent } from '../../src/core/model/device.js';
import { complaint, doubt, type Hold, type Operation } from '../support/chaos/log-checker.js';

const beat = (at: number, ttl: number, wasOffline: boolean): Operation => ({
  ...{ kind: 'beat', ttl, sent: at - 1, done: at + 1, reply: { at, expiresAt: at + ttl, wasOffline } },
});
const lostBeat = (sent: number, done: number, ttl: number): Operation => ({ kind: 'beat', ttl, sent, done });
const goodbye = (at: number, wasOnline: boolean): Operation => ({
  ...{ kind: 'goodbye', sent: at - 1, done: at + 1, reply: { wasOnline } },
});

/** `online heartbeat 1000`, logged at once or, after an `@`, later. */
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

/** Beats, lapses, beats, says goodbye, beats and dies. */
const LIFE = [
  ...[beat(1000, 1000, true), beat(1500, 1000, false), beat(5000, 1000, true)],
  ...[goodbye(5500, true), beat(6000, 1000, true)],
];
const STORY = [
  ...['online heartbeat 1000', 'offline timeout 2500', 'online heartbeat 5000'],
  ...['offline disconnect 5500', 'online heartbeat 6000', 'offline timeout 7000'],
];
const HOLD: Hold = { certain: [3000, 5200], possible: [3000, 5200] };

test('what was announced as it happened is right', () => {
  expect(complaint(LIFE, log(...STORY), [], false)).toBeNull();
  expect(complaint(LIFE, log(...STORY.slice(0, -1)), [], true)).toBeNull();
});

describe('it notices', () => {
  test.each([
    ['a pair that is missing', [0, 3, 4, 5]],
    ['a pair that is missing at the end', [0, 1, 2, 3]],
    ['an end that is missing', [0, 1, 2, 3, 4]],
    ['a pair too many', [0, 1, 2, 1, 2, 3, 4, 5]],
    ['a transition that is doubled', [0, 1, 1, 2, 3, 4, 5]],
    ['nothing at all', []],
  ])('%s', (_what, places) => {
    const story = places.map((place) => STORY[place] as string);
    expect(complaint(LIFE, log(...story), [], false)).not.toBeNull();
  });

  test.each([
    ['a timeout before its time', 1, 'offline timeout 2000'],
    ['a timeout of another deadline', 1, 'offline timeout 2700'],
    ['a timeout that was logged before its deadline', 1, 'offline timeout 2500@2200'],
    ['a timeout that was logged after the next beat', 1, 'offline timeout 2500@5500'],
    ['another reason', 3, 'offline timeout 5500'],
    ['a goodbye at another moment', 3, 'offline disconnect 5600'],
    ['a beat that nobody made', 2, 'online heartbeat 4990'],
  ])('%s', (_what, place, line) => {
    expect(complaint(LIFE, log(...STORY.with(place, line)), [], false)).not.toBeNull();
  });

  test('a seq that does not rise by one, and a wrong previous moment', () => {
    const events = log(...STORY);
    const [first, second, ...rest] = events as [PresenceEvent, PresenceEvent, ...PresenceEvent[]];
    expect(complaint(LIFE, [first, { ...second, seq: 3 }, ...rest], [], false)).toContain('seq 3');
    expect(complaint(LIFE, [first, { ...second, previousAt: 1 }, ...rest], [], false)).toContain(
      '1, not 1000',
    );
  });

  test('a timeout during a hold', () => {
    const held = STORY.with(1, 'offline timeout 2500@4000');
    expect(complaint(LIFE, log(...held), [], false)).toBeNull();
    expect(complaint(LIFE, log(...held), [HOLD], false)).not.toBeNull();
  });
});

test('during a hold a device may resume silently, without one it may not', () => {
  const silent = [STORY[0], ...STORY.slice(3)] as string[];
  expect(complaint(LIFE, log(...silent), [HOLD], false)).toBeNull();
  expect(complaint(LIFE, log(...silent), [], false)).not.toBeNull();
  expect(complaint(LIFE, log(...STORY), [HOLD], false)).toBeNull(); // announced before the hold began
});

test('what was not answered may have been done or not', () => {
  const operations = [beat(1000, 1000, true), lostBeat(5000, 5100, 1000)];
  const lapsed = ['online heartbeat 1000', 'offline timeout 2000'];
  expect(complaint(operations, log(...lapsed), [], false)).toBeNull();
  const done = [...lapsed, 'online heartbeat 5040', 'offline timeout 6040'];
  expect(complaint(operations, log(...done), [], false)).toBeNull();
  expect(complaint(operations, log(...done.with(3, 'offline timeout 6000')), [], false)).toBeNull(); // within what an audit may be off
  expect(complaint(operations, log(...done.with(2, 'online heartbeat 5200')), [], false)).not.toBeNull();
  const prolonged = [beat(1000, 1000, true), lostBeat(1500, 1700, 1000)];
  expect(complaint(prolonged, log('online heartbeat 1000', 'offline timeout 2650'), [], false)).toBeNull();
  expect(
    complaint(prolonged, log('online heartbeat 1000', 'offline timeout 2900'), [], false),
  ).not.toBeNull();
});

test('what a master may have taken with it may have been done or not', () => {
  const lost = log(...STORY.slice(0, 3), 'offline timeout 6000'); // as if nothing had come after the third beat
  expect(complaint(LIFE, lost, [], false)).not.toBeNull();
  expect(complaint(doubt(LIFE, [5499, 6001]), lost, [], false)).toBeNull();
  expect(complaint(doubt(LIFE, [5499, 6001]), log(...STORY), [], false)).toBeNull();
  expect(complaint(doubt(LIFE, [6002, 9000]), lost, [], false)).not.toBeNull();
});
