/**
 * Documents are compared by value: a report or desired state that is spelled otherwise (order of keys, 1 for 1.0, white
 * space, escapes) is no change: no version, no history entry, no message. A report that changed costs one round trip.
 */
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { parseJsonObject } from '../../../src/core/model/json.js';
import { heartbeat, heartbeats } from '../../../src/core/presence/heartbeats.js';
import { register } from '../../../src/core/registry/register.js';
import { setDesired } from '../../../src/core/shadow/desired.js';
import { openFleet, type SingleFleet } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();
let fleet: SingleFleet;
beforeEach(async () => {
  fleet = await openFleet(redis);
  await register(fleet, 'a', 'lamp');
});

const EQUAL: [what: string, one: string, other: string][] = [
  ['the order of keys', '{"mode":"cool","t":20}', '{"t":20,"mode":"cool"}'],
  ['1 and 1.0', '{"t":20}', '{"t":20.0}'],
  ['0.10 and 0.1', '{"t":0.10}', '{"t":0.1}'],
  ['1e2 and 100', '{"t":1e2}', '{"t":100}'],
  ['1E-2 and 0.01', '{"t":1E-2}', '{"t":0.01}'],
  ['-0 and 0', '{"t":-0,"u":1}', '{"t":0,"u":1}'],
  ['1e400 and 10e399', '{"t":1e400}', '{"t":10e399}'],
  ['white space', '{"a":[1,2],"b":{"c":true}}', '{ "b": { "c": true },\n "a": [ 1, 2 ] }'],
  ['escapes', '{"a":"é/1","b":2}', '{"b":2,"a":"\\u00e9\\/\\u0031"}'],
  ['order at depth', '{"a":{"x":{"p":1,"q":[2.50]},"y":""}}', '{"a":{"y":"","x":{"q":[2.5],"p":1}}}'],
  ['digits in strings', '{"a":"v1.2-3e4","b":"1e5"}', '{"b":"1e5","a":"v1.2-3e4"}'],
  ['many digits', '{"a":12345678901234567890.0,"b":1}', '{"b":1,"a":12345678901234567890}'],
  ['sums that rounding changes', '{"a":1e16,"b":1,"c":-1e16}', '{"c":-1e16,"b":1,"a":1e16}'],
  ['long texts', `{"a":1,"b":"${'x'.repeat(20_000)}"}`, `{"b":"${'x'.repeat(20_000)}","a":1.0}`],
  ['nothing but a zero', '{"t":0}', '{"t":0.0}'],
];

const DIFFERENT: [what: string, one: string, other: string][] = [
  ['another digit', '{"a":12345678901234567890}', '{"a":12345678901234567891}'],
  ['1e400 and 1e401', '{"a":1e400}', '{"a":1e401}'],
  ['the order in an array', '{"a":[1,2]}', '{"a":[2,1]}'],
  ['swapped values', '{"a":1,"b":2}', '{"a":2,"b":1}'],
  ['swapped texts', '{"a":"x","b":"y"}', '{"a":"y","b":"x"}'],
  ['a number and its text', '{"a":1}', '{"a":"1"}'],
  ['an object and an array', '{"a":{}}', '{"a":[]}'],
  ['a name in another case', '{"a":1}', '{"A":1}'],
  ['a long text', `{"b":"${'x'.repeat(20_000)}"}`, `{"b":"${'x'.repeat(20_000)}y"}`],
];

/** What is stored of the documents of the device `a`, and its histories. */
async function stored() {
  const [state, ...lists] = await Promise.all([
    fleet.redis.hmget('device:state:a', 'reportedState', 'desiredState', 'devstate'),
    fleet.redis.lrange('device:history:reported:a', 0, -1),
    fleet.redis.lrange('device:history:desired:a', 0, -1),
  ]);
  const [reported, desired, packed] = state;
  return { reported, desired, documents: packed?.split(' ').slice(0, 4), lists };
}

describe.each(EQUAL)('%s', (_what, one, other) => {
  test.each([
    [one, other],
    [other, one],
  ])('is no change of a report', async (first, second) => {
    await heartbeat(fleet, { id: 'a', reportedJson: first });
    const before = await stored();
    await heartbeat(fleet, { id: 'a', reportedJson: second });
    await heartbeats(
      fleet,
      [first, second, first].map((reportedJson) => ({ id: 'a', reportedJson })),
    );
    await heartbeat(fleet, { id: 'a', patch: parseJsonObject(second) });
    expect(await stored()).toEqual(before);
  });

  test('is no change of a report that another program wrote', async () => {
    await fleet.redis.hset('device:state:a', 'reportedState', one);
    await heartbeat(fleet, { id: 'a', reportedJson: other });
    expect(await stored()).toMatchObject({ reported: one, lists: [[], []] });
  });

  test('is no change of a desired state', async () => {
    const messages: string[] = [];
    const subscriber = await redis.client();
    subscriber.on('message', (_channel, message) => messages.push(message));
    await subscriber.subscribe('device:a:commands');
    await setDesired(fleet, 'a', parseJsonObject(one));
    const before = await stored();
    for (const replace of [false, true]) {
      const { changed, version } = await setDesired(fleet, 'a', parseJsonObject(other), { replace });
      expect({ changed, version }).toEqual({ changed: false, version: 1 });
    }
    expect(await stored()).toEqual(before);
    await subscriber.ping();
    expect(messages).toHaveLength(1);
  });
});

describe.each(DIFFERENT)('%s', (_what, one, other) => {
  test('is a change of a report and of a desired state', async () => {
    for (const [i, text] of [one, other, one].entries()) {
      await heartbeat(fleet, { id: 'a', reportedJson: text });
      await setDesired(fleet, 'a', parseJsonObject(text), { replace: true });
      expect(await stored()).toMatchObject({
        reported: text,
        desired: text,
        documents: [String(i + 1), expect.anything(), String(i + 1), expect.anything()],
      });
    }
    expect((await stored()).lists.map(({ length }) => length)).toEqual([3, 3]);
  });
});

/** Another spelling of a value: its keys in reverse, and numbers, characters and white space written otherwise. */
function respell(value: unknown): string {
  if (Array.isArray(value)) return `[ ${value.map(respell).join(' ,')}]`;
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).map(([key, inner]) => `${respell(key)}\n:${respell(inner)}`);
    return `{${members.reverse().join(', ')} }`;
  }
  if (typeof value === 'number')
    return value
      .toExponential()
      .replace('e+', '0e0')
      .replace(/^(-?\d)0e/, '$1.0e');
  return typeof value === 'string' ? JSON.stringify(value).replaceAll('/', '\\/') : JSON.stringify(value);
}

test('random documents are equal to their other spellings', async () => {
  const documents = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }));
  await fc.assert(
    fc.asyncProperty(documents, async (document) => {
      fc.pre(!/\\u[dD][89a-f]/.test(JSON.stringify(document)));
      await fleet.redis.hset('device:state:a', 'reportedState', JSON.stringify(document), 'devstate', '');
      await heartbeat(fleet, { id: 'a', reportedJson: respell(document) });
      expect((await stored()).documents?.[0]).toBe('0');
      await fleet.redis.hset('device:state:a', 'reportedState', respell(document));
      await heartbeat(fleet, { id: 'a', reportedJson: JSON.stringify(document) });
      expect((await stored()).documents?.[0]).toBe('0');
    }),
    { numRuns: 200 },
  );
});

test('a report that changed is sent once, as long as its numbers, words or texts show it', async () => {
  const reports = [
    '{"t":1,"on":true}',
    '{"t":2,"on":true}',
    '{"t":2,"on":false}',
    '{"t":2,"on":false,"s":"x"}',
  ];
  await heartbeat(fleet, { id: 'a', reportedJson: '{"t":0,"on":true}' });
  await fleet.redis.config('RESETSTAT');
  for (const reportedJson of reports) await heartbeat(fleet, { id: 'a', reportedJson });
  expect(await fleet.redis.info('commandstats')).toContain(`cmdstat_evalsha:calls=${reports.length},`);
  expect((await stored()).documents?.[0]).toBe(String(reports.length + 1));
});

test('of many respelled reports of one call none is a change, in two scripts more', async () => {
  const ids = Array.from({ length: 80 }, (_, i) => `d${i}`);
  for (const id of ids) await register(fleet, id, 'lamp');
  const beats = (reportedJson: string) => ids.map((id) => ({ id, reportedJson }));
  await heartbeats(fleet, beats('{"a":1,"b":2}'));
  await fleet.redis.config('RESETSTAT');
  await heartbeats(fleet, beats('{"b":2.0,"a":1}'));
  expect(await fleet.redis.info('commandstats')).toContain('cmdstat_evalsha:calls=3,');
  for (const id of ids) expect(await fleet.redis.llen(`device:history:reported:${id}`)).toBe(1);
});

test('a stored document that is not UTF-8 fails at once, and a whole new report replaces it', async () => {
  const broken = Buffer.from([...Buffer.from('{"a":"caf'), 0xe9, ...Buffer.from('","b":1}')]);
  await fleet.redis.hset('device:state:a', 'reportedState', broken, 'desiredState', broken);
  await fleet.redis.config('RESETSTAT');
  const refused = {
    code: 'BAD_RECORD',
    reason: 'BROKEN_DOCUMENT',
    message: expect.stringContaining('UTF-8'),
  };
  await expect(heartbeat(fleet, { id: 'a', patch: { c: null, d: 'x' } })).rejects.toMatchObject(refused);
  await expect(setDesired(fleet, 'a', { d: 'x' })).rejects.toMatchObject(refused);
  expect(await fleet.redis.info('commandstats')).toMatch(/cmdstat_evalsha:calls=[1-3],/);
  await heartbeat(fleet, { id: 'a', reportedJson: '{"a":"café","b":1}' });
  expect(await stored()).toMatchObject({ reported: '{"a":"café","b":1}' });
});
