/** Server URLs: the target they give, the text that messages show of them, and the URLs that are refused. */
import { describe, expect, test } from 'vitest';
import { hintFor } from '../../src/cli/hints.js';
import { DevstateError } from '../../src/core/model/errors.js';
import { parseTarget } from '../../src/redis/target-url.js';

const SECRET = 's3same';

describe('a URL', () => {
  test.each<[url: string, shown: string, options: object]>([
    ['redis://', 'redis://127.0.0.1:6379', { host: '127.0.0.1', port: 6379, db: 0 }],
    ['redis://h', 'redis://h:6379', { host: 'h', port: 6379, db: 0 }],
    ['redis://h/', 'redis://h:6379', { host: 'h', port: 6379, db: 0 }],
    ['redis://h:7000/5', 'redis://h:7000/5', { host: 'h', port: 7000, db: 5 }],
    ['redis://h:7000/0', 'redis://h:7000', { host: 'h', port: 7000, db: 0 }],
    ['redis://[::1]:7000', 'redis://[::1]:7000', { host: '::1', port: 7000, db: 0 }],
    [
      'redis://:s3same@h',
      'redis://h:6379',
      { host: 'h', port: 6379, db: 0, username: 'default', password: SECRET },
    ],
    ['redis://bob@h', 'redis://bob@h:6379', { host: 'h', port: 6379, db: 0, username: 'bob' }],
    [
      'redis://bob:s3same@h:1/2',
      'redis://bob@h:1/2',
      { host: 'h', port: 1, db: 2, username: 'bob', password: SECRET },
    ],
    [
      'redis://b%40b:s3%3Aame%2F@h',
      'redis://b%40b@h:6379',
      { host: 'h', port: 6379, db: 0, username: 'b@b', password: 's3:ame/' },
    ],
    ['rediss://h:7000', 'rediss://h:7000', { host: 'h', port: 7000, db: 0, tls: { servername: 'h' } }],
    ['rediss://10.0.0.1', 'rediss://10.0.0.1:6379', { host: '10.0.0.1', port: 6379, db: 0, tls: {} }],
    ['REDISS://[::1]', 'rediss://[::1]:6379', { host: '::1', port: 6379, db: 0, tls: {} }],
    ['unix:///run/redis.sock', 'unix:///run/redis.sock', { path: '/run/redis.sock', db: 0 }],
    ['unix:///run/redis.sock?db=3', 'unix:///run/redis.sock?db=3', { path: '/run/redis.sock', db: 3 }],
    ['unix:///a%20b.sock', 'unix:///a b.sock', { path: '/a b.sock', db: 0 }],
  ])('%s', (url, shown, options) => {
    expect(parseTarget(url)).toEqual({ shown, options });
  });

  test.each([
    ['redis://h', SECRET],
    ['redis://bob@h', SECRET],
    ['unix:///run/redis.sock', SECRET],
    ['redis://:own@h', 'own'],
  ])('%s takes the password of REDISCLI_AUTH if it has none', (url, password) => {
    expect(parseTarget(url, SECRET).options.password).toBe(password);
  });
});

describe('a URL with several hosts', () => {
  const login = { username: 'bob', password: SECRET };

  test.each<[url: string, shown: string, options: object]>([
    [
      'redis-sentinel://h#m',
      'redis-sentinel://h:26379#m',
      { sentinels: [{ host: 'h', port: 26379 }], name: 'm', db: 0, enableTLSForSentinelMode: false },
    ],
    [
      'redis-sentinel://bob:s3same@a,b:1,[::1]:2/3#my-master_1.x',
      'redis-sentinel://bob@a:26379,b:1,[::1]:2/3#my-master_1.x',
      {
        sentinels: [
          { host: 'a', port: 26379 },
          { host: 'b', port: 1 },
          { host: '::1', port: 2 },
        ],
        name: 'my-master_1.x',
        db: 3,
        enableTLSForSentinelMode: false,
        ...login,
      },
    ],
    [
      'rediss-sentinel://h#m',
      'rediss-sentinel://h:26379#m',
      { sentinels: [{ host: 'h', port: 26379 }], name: 'm', db: 0, tls: {}, enableTLSForSentinelMode: true },
    ],
  ])('%s', (url, shown, options) => {
    expect(parseTarget(url)).toEqual({ shown, options });
  });

  test.each<[url: string, shown: string, target: object]>([
    [
      'redis-cluster://bob:s3same@a,b:7001',
      'redis-cluster://bob@a:6379,b:7001',
      {
        options: { db: 0, ...login },
        nodes: [
          { host: 'a', port: 6379 },
          { host: 'b', port: 7001 },
        ],
      },
    ],
    [
      'rediss-cluster://h/0',
      'rediss-cluster://h:6379',
      { options: { db: 0, tls: {} }, nodes: [{ host: 'h', port: 6379 }] },
    ],
  ])('%s', (url, shown, target) => {
    expect(parseTarget(url)).toEqual({ shown, ...target });
  });

  test('takes the password of REDISCLI_AUTH if it has none', () => {
    for (const url of ['redis-sentinel://a,b#m', 'redis-cluster://a,b'])
      expect(parseTarget(url, SECRET).options.password).toBe(SECRET);
  });
});

describe('an invalid URL is refused', () => {
  test.each([
    ['', 'not a valid server URL'],
    [SECRET, 'not a valid server URL'],
    ['h:6379', 'unknown URL scheme h:'],
    ['http://:s3same@h', 'unknown URL scheme http:'],
    ['redis-sentinel://:s3same@a,b/0', 'the URL must name the master after a #'],
    ['redis-sentinel://:s3same@a,b/0#', 'the URL must name the master after a #'],
    ['redis-sentinel://bob:s3#same@a,b/0#m', 'not a valid server URL'],
    ['redis-sentinel://bob:12#s3same@a,b/0#m', 'the URL must name the master after a #'],
    ['redis-sentinel://:s3same@a,,b#m', 'not a valid server URL'],
    ['redis-sentinel:a#m', 'not a valid server URL'],
    ['redis-cluster://:s3same@a,b/1', 'a cluster has only database 0'],
    ['redis://:s3same@a,b', 'the URL names several servers'],
    ['redis://:s3same@h:0', 'not a valid server URL'],
    ['redis://:s3same@h h', 'not a valid server URL'],
    ['redis://:s3same@h\u001b[2J', 'not a valid server URL'],
    ['redis://h:99999', 'not a valid server URL'],
    ['redis://:s3same@h:port', 'not a valid server URL'],
    ['redis://:s3same@h/x', 'the database in a URL must be a number'],
    ['redis://:s3same@h/-1', 'the database in a URL must be a number'],
    ['redis://:s3same%zz@h', 'the URL contains an invalid % escape'],
    ['unix://:s3same@/x', 'not a valid server URL'],
    ['unix://h/x', 'a unix URL needs an absolute path'],
    ['unix:x.sock', 'a unix URL needs an absolute path'],
    ['unix:', 'a unix URL needs an absolute path'],
    ['unix:///', 'a unix URL needs an absolute path'],
    ['unix:///x?db=y', 'the database in a URL must be a number'],
  ])('%j: %s', (url, message) => {
    let error: unknown;
    try {
      parseTarget(url, SECRET);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(DevstateError);
    expect(error).toMatchObject({ code: 'USAGE', message, reason: 'INVALID_URL' });
    expect(hintFor(error as DevstateError)).toMatch(/^forms: /);
    expect(JSON.stringify({ ...(error as object), text: String(error) })).not.toContain(SECRET);
  });
});

test('a password with an unescaped # or ? is refused', () => {
  for (const url of [
    'redis://:1#s3same@h',
    'redis://:1?s3same@h',
    'redis-cluster://:1?s3same@h',
    'redis://h#m',
  ]) {
    let error: unknown;
    try {
      parseTarget(url);
    } catch (thrown) {
      error = thrown;
    }
    expect(String(error), url).toMatch(/not a valid server URL|contains a # or \?/);
    expect(String(error)).not.toContain(SECRET);
  }
});
